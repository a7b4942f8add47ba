"""Restores elsewhere of an app with PostgreSQL and Redis: the machine lost, beside the app, and in a drill."""

import shutil
import signal
import time
from pathlib import Path

import pytest

from place import APP
from rig.engine import empty
from rig.wait import wait_for

from .test_databases import VERSIONS, images  # noqa: F401 - a fixture
from .test_dumps import BESIDE

COPY = "shop2"
PSQL, CLI = ("db", "psql", "-XAtqc"), ("cache", "redis-cli")


@pytest.fixture
def backed_up(place, images, tmp_path):  # noqa: F811 - the fixture
    lines = BESIDE.format(name=place.registry.name, **VERSIONS)
    place.publish("1.0.0", extra=lines)
    place.install()
    place.storage, place.password = tmp_path / "storage", tmp_path / "password"
    made = place.run("backup", "setup", APP, "--to", place.storage, "--yes-i-kept-it", "--json").last
    place.password.write_text(made["password"])
    place.password.chmod(0o600)
    place.get("/first", "POST")
    place.get("/post/7", "POST")
    asked(
        place, APP, *PSQL, "create table post (number int primary key); insert into post select generate_series(1, 500)"
    )
    asked(place, APP, *CLI, "set", "post:1", "written")
    place.taken = place.run("backup", "now", APP, "--json").last["snapshot"]
    place.said = place.secret()
    asked(place, APP, *PSQL, "insert into post values (1000)")
    return place


def asked(place, app, process, *command):
    return place.run("exec", app, "--process", process, "--", *command).out.strip()


def holds(place, app, host="shop.test"):
    """What of the snapshot there is now, as its users and its databases say it."""
    rows = asked(place, app, *PSQL, "select count(*), max(number) from post")
    mountpoint = Path(place.api.inspect_volume(f"{app}_data")["Mountpoint"])
    files = {path.name for path in mountpoint.iterdir()} - {"mark"}
    return place.ask("/", host=host), rows, asked(place, app, *CLI, "get", "post:1"), files >= {"first", "app.db"}


ALL = ((200, "1.0.0"), "500|500", "written", True)


def left(place, app):
    """Of an app on the engine."""
    api, label = place.api, {"label": f"discode.app={app}"}
    found = [one["Names"][0] for one in api.containers(all=True, filters=label)]
    found += [one["Name"] for one in api.volumes(filters=label)["Volumes"] or []]
    found += [one["Name"] for one in api.networks(filters=label)]
    return found + [tag for one in api.images() for tag in one["RepoTags"] or [] if tag.startswith(f"discode/{app}")]


def test_disaster(backed_up):
    """Nothing is left but the repository, its password, and the vendor."""
    api = backed_up.api
    empty(api)
    for image in api.images():
        for tag in [*(image["RepoTags"] or []), *(image["RepoDigests"] or [])]:
            if APP in tag:
                api.remove_image(tag, force=True)
    shutil.rmtree(backed_up.home)
    backed_up.home.mkdir()
    (backed_up.home / "config.toml").write_text(
        f'https_port = {backed_up.https_port}\nproxy_image = "{backed_up.proxy[1]}"\n'
    )
    begun = time.monotonic()
    told = backed_up.run(
        "restore", APP, "--from", backed_up.storage, "--password-file", backed_up.password, "--http-port",
        backed_up.port, "--json",
    ).last  # fmt: skip
    print(f"The app served after {time.monotonic() - begun:.1f} s: {told['seconds']}")
    assert (told["result"], told["snapshot"]) == ("restored", backed_up.taken)
    assert holds(backed_up, APP) == ALL and backed_up.secret() == backed_up.said
    assert backed_up.run("backup", "now", APP, "--json").last["result"] == "backed-up"
    backed_up.publish("1.1.0", extra=BESIDE.format(name=backed_up.registry.name, **VERSIONS))
    assert backed_up.run("update", APP, "--json").last["to"] == "1.1.0"


def test_beside_the_app_with_databases_of_its_own(backed_up):
    told = backed_up.run("restore", APP, "latest", "--as", COPY, "--host", "copy.test", "--json").last
    assert (told["result"], told["app"]) == ("restored", COPY)
    assert holds(backed_up, COPY, "copy.test") == ALL
    passwords = {env(backed_up, f"{app}-db")["POSTGRES_PASSWORD"] for app in (APP, COPY)}
    assert len(passwords) == 2
    asked(backed_up, COPY, *PSQL, "delete from post")
    assert holds(backed_up, APP)[1] == "501|1000"
    backed_up.run("restart", COPY)
    backed_up.run("uninstall", COPY, "--purge", "--yes")
    assert not left(backed_up, COPY) and backed_up.get() == (200, "1.0.0")


def test_a_drill_leaves_nothing_also_when_it_is_killed(backed_up):
    told = backed_up.run("backup", "drill", APP, "--json").last
    assert (told["result"], told["snapshot"]) == ("proved", backed_up.taken)
    assert not left(backed_up, f"{APP}-drill") and holds(backed_up, APP)[1] == "501|1000"
    command = backed_up.start("backup", "drill", APP)
    wait_for(lambda: f"/{APP}-drill-db" in left(backed_up, f"{APP}-drill"), 60, "its database")
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_for(lambda: not (backed_up.home / "apps" / f"{APP}-drill").exists(), 60, "its guard")
    assert not left(backed_up, f"{APP}-drill") and holds(backed_up, APP)[1] == "501|1000"


def env(place, container):
    return dict(text.partition("=")[::2] for text in place.api.inspect_container(container)["Config"]["Env"])


def test_a_stopped_app_in_one_file_with_the_volumes_of_its_databases(backed_up):
    backed_up.env["DISCODE_PASSPHRASE"] = "correct horse"
    file = backed_up.folder / "shop.discode"
    backed_up.run("stop", APP)
    backed_up.run("export", APP, file)
    told = backed_up.run("import", file, "--as", COPY, "--host", "copy.test", "--json").last
    assert (told["result"], told["app"]) == ("restored", COPY)
    assert holds(backed_up, COPY, "copy.test") == ((200, "1.0.0"), "501|1000", "written", True)
    backed_up.run("uninstall", COPY, "--purge", "--yes")
    backed_up.run("start", APP)
    assert not left(backed_up, COPY) and holds(backed_up, APP)[1] == "501|1000"
