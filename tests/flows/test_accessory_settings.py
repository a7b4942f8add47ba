"""An app with a database beside it: its password, an address in its place, and what its data cannot follow."""

import pytest
from notes import Notes

from discode.core.artifact import Image
from discode.core.errors import PreflightError, Refused
from discode.core.external import password_setting
from discode.core.installation import Route
from discode.core.vendor_file import parse_vendor_file
from discode.flows import domains
from discode.flows.configure import configure
from discode.flows.install import InstallRequest, install
from discode.flows.remove import remove
from discode.flows.rollback import rollback
from discode.flows.update import check, update
from discode.testing.memory_world import MemoryWorld

APP, MINE = "myapp", "postgresql://me@db.example.com/app"
IMAGE = Image(repository="registry.example.com/acme/it", digest=f"sha256:{'0' * 64}")


def with_db(world, release, kind="postgres", version="16", **fields):
    text = f'app: x\nimage: x\nport: 1\naccessories: {{db: {{{kind}: "{version}"}}}}\n'
    made = {name: one.released(IMAGE) for name, one in parse_vendor_file(text).accessories.items()}
    env = {"DATABASE_URL": {"accessory": "db"}}
    fields = {"artifact": IMAGE, "port": 3000, "accessories": made, "env": env, "manifest_schema": 4, **fields}
    return world.publish(release, **fields)


def installed(world, **settings):
    install(world.world(), InstallRequest(APP, "memory", route=Route(hosts=("a.test",)), settings=settings))
    return settings_of(world)


def settings_of(world):
    return world.store.settings(APP, world.store.installations[APP].settings)


def test_a_password_is_made_at_the_install_and_found_again_with_the_data():
    world = MemoryWorld(APP)
    with_db(world, "1.0")
    password = installed(world)[password_setting("db")]
    configure(world.world(), APP, {"DATABASE_URL": MINE})
    configure(world.world(), APP, {"DATABASE_URL": None})
    assert settings_of(world)[password_setting("db")] == password
    remove(world.world(), APP)
    assert installed(world)[password_setting("db")] == password


def test_an_address_of_ones_own_needs_no_password_and_is_told_when_it_comes_later():
    world, report = MemoryWorld(APP), Notes()
    with_db(world, "1.0")
    assert installed(world, DATABASE_URL=MINE) == {"DATABASE_URL": MINE}
    configure(world.world(report=report), APP, {"DATABASE_URL": None})
    assert report.notes[0].startswith("myapp uses the db beside it from now on, not the one at your address.")
    assert set(settings_of(world)) == {password_setting("db")}


def test_an_archive_is_not_installed_without_one():
    world = MemoryWorld(APP)
    packed = world.publish("0.1").manifest.artifact
    with_db(world, "1.0", artifact=packed, port=None)
    with pytest.raises(PreflightError, match=r"needs db \(postgres 16\) beside it") as refused:
        installed(world)
    assert refused.value.next_step == "Give the address of your own: --set DATABASE_URL=…"
    assert APP not in world.store.installations and not world.runtime.fetched
    assert installed(world, DATABASE_URL=MINE) == {"DATABASE_URL": MINE}
    with pytest.raises(PreflightError):
        configure(world.world(), APP, {"DATABASE_URL": None})
    assert settings_of(world) == {"DATABASE_URL": MINE}


def test_data_is_not_given_to_what_cannot_read_it():
    world = MemoryWorld(APP)
    with_db(world, "1.0", version="15")
    installed(world)
    with_db(world, "2.0")
    update(world.world(), APP)
    with pytest.raises(Refused, match="db is postgres 16 here, and postgres 15, which is older") as refused:
        rollback(world.world(), APP)
    assert refused.value.name == "accessory-data"
    for version, kind, number in (("3.0", "mariadb", "11.4"), ("4.0", "postgres", "15")):
        with_db(world, version, kind, number)
        for flow in (update, check):
            with pytest.raises(Refused) as refused:
                flow(world.world(), APP)
            assert refused.value.name == "accessory-data"
    update(world.world(), APP, settings={"DATABASE_URL": MINE})
    assert world.store.installations[APP].version == "4.0", "theirs is theirs"


def with_mail(world, text, env):
    """A server by hand that is told the text."""
    one = f"{{image: 'mail:1', port: 25, env: {{TOLD: '{text}'}}}}"
    spec = parse_vendor_file(f"app: x\nimage: x\nport: 1\nenv: {env}\naccessories: {{mail: {one}}}\n")
    made = {name: one.released(IMAGE) for name, one in spec.accessories.items()}
    world.publish("1.0", artifact=IMAGE, port=3000, accessories=made, env=spec.env, manifest_schema=4)


def test_one_that_is_made_of_the_apps_address_has_it_and_is_told_of_another():
    world = MemoryWorld(APP)
    with_mail(world, "${url} of ${host}", {})
    install(world.world(), InstallRequest(APP, "memory", route=Route(hosts=("a.test", "b.test"))))
    mail = world.accessories.live[APP, "mail"]
    assert mail.spec.env == {"TOLD": "http://a.test of a.test"}
    domains.remove(world.world(), APP, ["a.test"])
    mail = world.accessories.live[APP, "mail"]
    assert mail.spec.env == {"TOLD": "http://b.test of b.test"} and not world.accessories.violations
    [instance] = world.runtime.live
    domains.add(world.world(), APP, ["c.test"])
    assert world.accessories.live[APP, "mail"] is mail and [*world.runtime.live] == [instance], "its first is the same"


def test_what_gets_too_long_for_an_accessory_is_refused_before_anything_is_touched():
    world = MemoryWorld(APP)
    with_mail(world, "${TEXT}${TEXT}", {"TEXT": {"ask": "Text?"}})
    with pytest.raises(PreflightError, match=r"these settings: TOLD of mail is longer than 128 KB") as refused:
        installed(world, TEXT="x" * 100_000)
    assert refused.value.name == "settings-too-long"
    assert APP not in world.store.installations and not world.runtime.fetched and world.store.journal(APP) is None
    installed(world, TEXT="short")
    with pytest.raises(PreflightError, match=r"TOLD of mail is longer than 128 KB"):
        configure(world.world(), APP, {"TEXT": "x" * 100_000})
    assert settings_of(world)["TEXT"] == "short"
