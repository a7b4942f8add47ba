"""The flows, each from a given state of the world, with what may be left when it ends."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import beside
from beside import DB, GREETED, ONLY_DB, ONLY_MAJOR, ONLY_PATCHED, WITH_CACHE

from discode.core.accessory import Accessory
from discode.core.certificate import CertificateFailure
from discode.core.installation import Route
from discode.core.own_certificate import OwnCertificate
from discode.flows import domains
from discode.flows.backup import backup
from discode.flows.configure import configure, restart
from discode.flows.install import InstallRequest, install
from discode.flows.power import start, stop
from discode.flows.remove import remove
from discode.flows.restore import restore
from discode.flows.restore_data import restore_data
from discode.flows.rollback import rollback
from discode.flows.rollback_data import rollback_with_data
from discode.flows.settle import settle
from discode.flows.update import update
from discode.flows.world import World
from discode.testing.memory_accessories import AccessoryBehaviour
from discode.testing.memory_backups import HEADER
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemoryWorld
from rig.certificates import make_certificate

APP = "myapp"
# HTTPS with an own certificate: every flow has to hand on what the proxy and the store have of it.
ROUTE = Route(hosts=("a.test",), tls="own")
PUBLIC = "a.example.com"  # as a name has to be for a certificate of Let's Encrypt
CERTIFICATE, RENEWED = (OwnCertificate(*make_certificate("a.test", "b.test")[:2]) for _ in range(2))
ENV = {"SECRET": {"generate": "hex32"}, "GREETING": {"ask": "Which greeting?", "optional": True}}


def settle_once(world: World) -> None:
    with world.store.lock(APP):
        settle(world, APP, world.steps())


@dataclass
class Scenario:
    """`may_serve`: the versions that may serve at the end; None in it: not installed. `forward` is what serves when
    nothing goes wrong. `stride`: a second fault comes at one call of so many, another one after each first fault."""

    name: str
    prepare: Callable[[MemoryWorld], None]
    run: Callable[[World], object]
    forward: str | None
    may_serve: set[str | None] = field(default_factory=set)
    state: str = "running"
    purges: bool = False
    exclusive: bool = False
    requires_https: bool = False
    has_doors: bool = False
    has_accessories: bool = False
    has_data: bool = False
    stride: int = 1
    settle: Callable[[World], object] = settle_once


def installed(world: MemoryWorld, **fields) -> None:
    world.publish("1.0", env=ENV, **fields)
    install(world.world(), InstallRequest(APP, "memory", route=ROUTE, certificate=CERTIFICATE))
    world.runtime.exclusive = fields.get("update", {}).get("strategy") == "hold"


def updated(world: MemoryWorld) -> None:
    installed(world)
    world.publish("1.1", env=ENV)
    update(world.world(), APP)


def with_next(behaviour=Behaviour.GOOD, **fields):
    def prepare(world: MemoryWorld) -> None:
        installed(world, **fields)
        world.publish("1.1", behaviour, env={**ENV, "NEW_SECRET": {"generate": "hex32"}}, **fields)

    return prepare


def only_published(behaviour=Behaviour.GOOD, **fields):
    return lambda world: world.publish("1.0", behaviour, env=ENV, **fields)


def through_an_intermediate(world: MemoryWorld) -> None:
    installed(world)
    world.publish("1.5", env=ENV)
    world.publish("2.0", env=ENV, requires=">=1.5")


def sick(prepare: Callable[[MemoryWorld], None], how=Behaviour.NEVER_HEALTHY) -> Callable[[MemoryWorld], None]:
    """What is installed does not answer any more when the flow begins."""

    def prepare_and_fall_ill(world: MemoryWorld) -> None:
        prepare(world)
        world.runtime.behaviours[world.store.installations[APP].release.key] = how

    return prepare_and_fall_ill


def stopped(world: MemoryWorld) -> None:
    installed(world)
    stop(world.world(), APP)


def uninstalled(world: MemoryWorld) -> None:
    installed(world)
    remove(world.world(), APP)


def purged_at_last(world: World) -> object:
    """A purge of what is kept has no journal: it is typed again."""
    return remove(world, APP, purge=True) if world.store.kept(APP) else None


def after_a_reboot(world: MemoryWorld) -> None:
    installed(world)
    world.runtime.stop(next(iter(world.runtime.live)), 1)
    world.proxy.services.clear()


KNOWS_ITS_ADDRESS = {**ENV, "HOME_PAGE": {"template": "${url}/home"}}


def told_its_address(world: MemoryWorld) -> None:
    world.publish("1.0", env=KNOWS_ITS_ADDRESS)
    install(world.world(), InstallRequest(APP, "memory", route=Route(hosts=("a.test",))))


def one_taken(world: MemoryWorld) -> None:
    """The proxy has b.test for somebody of whom no file tells."""
    installed(world)
    world.proxy.services["other"] = replace(world.proxy.services[APP], route=Route(hosts=("b.test",)))


def of_two_names(world: MemoryWorld) -> None:
    installed(world)
    domains.add(world.world(), APP, ["b.test"])


def with_other_doors(world: MemoryWorld) -> None:
    """One door stays, one goes, one comes; what is behind the one that stays has another name."""
    installed(world, **DOORS)
    doors = {"events": {"path": "/stream", "health": {"path": "/ok"}}, "rooms": {"path": "/rooms"}}
    world.publish("1.1", env=ENV, processes={"events": ["e"], "rooms": ["r"]}, doors=doors)


def stopped_with_doors(world: MemoryWorld) -> None:
    installed(world, **DOORS)
    stop(world.world(), APP)


DOORS: dict[str, Any] = {
    "processes": {"stream": ["s"], "cable": ["c"], "jobs": ["j"]},
    "doors": {"stream": {"path": "/stream", "health": {"path": "/ok"}}, "cable": {"path": "/cable"}},
}
HOLD: dict[str, Any] = {"update": {"strategy": "hold", "confirm": 0.5, "hold": 5}}
MIGRATION: dict[str, Any] = {"release_command": ["migrate"]}


def _install(world: World) -> object:
    greeting = {"GREETING": "hi"}
    return install(world, InstallRequest(APP, "memory", route=ROUTE, settings=greeting, certificate=CERTIFICATE))


def _install_by_https(**options: Any) -> Callable[[World], object]:
    route = Route(hosts=(PUBLIC,), tls="auto")
    return lambda world: install(world, InstallRequest(APP, "memory", route=route, **options))


_required = _install_by_https(require_https=True)


def with_ca(after: int = 0, refusal: str = "") -> Callable[[MemoryWorld], None]:
    """Its CA certifies after so many looks, or not at all."""

    def prepare(world: MemoryWorld) -> None:
        only_published()(world)
        world.proxy.certified_after = after
        if refusal:
            world.proxy.failures[PUBLIC] = CertificateFailure("refused", refusal, world.system.time + 60)

    return prepare


def _update(world: World) -> object:
    return update(world, APP)


def _bad_update(name: str, behaviour: Behaviour, *, before: Behaviour | None = None, **fields: Any) -> Scenario:
    exclusive = fields.get("update", {}).get("strategy") == "hold"
    prepare = with_next(behaviour, **fields)
    return Scenario(name, sick(prepare, before) if before else prepare, _update, "1.0", {"1.0"}, exclusive=exclusive)


def backed_up(prepare: Callable[[MemoryWorld], None]) -> Callable[[MemoryWorld], None]:
    """Backups are set up; its volume has a file that is no database."""

    def prepare_and_set_up(world: MemoryWorld) -> None:
        prepare(world)
        world.repositories.set_up(APP)
        world.repositories.files[Path("/memory/volumes") / APP / "data/note"] = b"written"

    return prepare_and_set_up


def in_memory(prepare: Callable[[MemoryWorld], object]) -> Callable[[], MemoryWorld]:
    """Makes a world that is prepared."""

    def make() -> MemoryWorld:
        world = MemoryWorld(APP)
        prepare(world)
        return world

    return make


def with_snapshot() -> MemoryWorld:
    """An app that was backed up once."""
    world = in_memory(backed_up(installed))()
    backup(world.world(), APP)
    return world


def held(world: MemoryWorld) -> None:
    installed(world, **HOLD)


DATA = Path("/memory/volumes") / APP / "data"
LATER = "written after the snapshot"  # in its database


def restorable(
    prepare: Callable[[MemoryWorld], None], behaviour: Behaviour = Behaviour.GOOD, **fields: Any
) -> Callable[[MemoryWorld], None]:
    """A snapshot was taken, and then all was changed: its files, its database where it has one, a setting, its version
    where the next is published."""

    def prepare_and_write(world: MemoryWorld) -> None:
        backed_up(prepare)(world)
        world.repositories.files |= {DATA / "note": b"of the snapshot", DATA / "app.db": HEADER + b"of the snapshot"}
        backup(world.world(), APP)
        configure(world.world(), APP, {"GREETING": "later"})
        if fields:
            world.publish("1.1", **fields)
            update(world.world(), APP)
        world.runtime.behaviours[world.vendor.entries[0].key] = behaviour
        later = {"note": b"later", "app.db": HEADER + b"later", "new": b"later"}
        world.repositories.files |= {DATA / name: data for name, data in later.items()}
        world.accessories.write(APP, "db", LATER)

    return prepare_and_write


def updated_with_a_snapshot(world: MemoryWorld) -> None:
    """The update dropped a column, so to say; then all was changed."""
    backed_up(lambda made: installed_with(made, ONLY_DB))(world)
    world.repositories.files |= {DATA / "note": b"of the snapshot", DATA / "app.db": HEADER + b"of the snapshot"}
    beside.publish(world, "1.1", ONLY_PATCHED, irreversible=True, **MIGRATION)
    update(world.world(), APP)
    configure(world.world(), APP, {"GREETING": "later"})
    later = {"note": b"later", "app.db": HEADER + b"later", "new": b"later"}
    world.repositories.files |= {DATA / name: data for name, data in later.items()}
    world.accessories.write(APP, "db", LATER)


def restorable_with(
    was: dict[str, Accessory],
    then: dict[str, Accessory] | None = None,
    how: AccessoryBehaviour = AccessoryBehaviour.GOOD,
    behaviour: Behaviour = Behaviour.GOOD,
) -> Callable[[MemoryWorld], None]:
    """As `restorable`, with what is beside it; `how` is of the database that the snapshot has, from then on."""

    def prepare(world: MemoryWorld) -> None:
        fields = {} if then is None else beside.fields_of(then)
        restorable(lambda made: installed_with(made, was), behaviour, **fields)(world)
        beside.behaves(world, DB, how)

    return prepare


def then_stopped(prepare: Callable[[MemoryWorld], None]) -> Callable[[MemoryWorld], None]:
    def prepare_and_stop(world: MemoryWorld) -> None:
        prepare(world)
        stop(world.world(), APP)

    return prepare_and_stop


def _restore_data(world: World) -> object:
    return restore_data(world, APP, "00000001", sure=True)


def _restores(name: str, prepare: Callable[[MemoryWorld], None], forward: str = "1.0", **more: Any) -> Scenario:
    may = more.pop("may_serve", {"1.0", "1.1"})
    return Scenario(name, prepare, _restore_data, forward, may, has_data=True, **{"exclusive": True, **more})


SCENARIOS = [
    Scenario("install", only_published(), _install, "1.0", {None, "1.0"}),
    Scenario("install, never healthy", only_published(Behaviour.NEVER_HEALTHY), _install, None, {None}),
    Scenario("install, exits", only_published(Behaviour.EXITS), _install, None, {None}),
    Scenario("install by HTTPS", with_ca(), _install_by_https(), "1.0", {None, "1.0"}),
    Scenario("install by HTTPS, refused", with_ca(refusal="No."), _install_by_https(), "1.0", {None, "1.0"}),
    Scenario("install, HTTPS required", with_ca(1), _required, "1.0", {None, "1.0"}, requires_https=True),
    Scenario("install, HTTPS required, refused", with_ca(0, "No."), _required, None, {None}, requires_https=True),
    Scenario("update", with_next(), _update, "1.1", {"1.0", "1.1"}),
    Scenario("update with a release command", with_next(**MIGRATION), _update, "1.1", {"1.0", "1.1"}),
    Scenario("update by hold", with_next(**HOLD), _update, "1.1", {"1.0", "1.1"}, exclusive=True),
    Scenario("update, two steps", through_an_intermediate, _update, "2.0", {"1.0", "1.5", "2.0"}),
    _bad_update("update, never healthy", Behaviour.NEVER_HEALTHY),
    _bad_update("update, exits", Behaviour.EXITS),
    _bad_update("update, turns bad", Behaviour.TURNS_BAD),
    _bad_update("update, crashes", Behaviour.CRASHES),
    _bad_update("update, release command fails", Behaviour.MIGRATION_FAILS, **MIGRATION),
    _bad_update("update, release command does not end", Behaviour.MIGRATION_HANGS, **MIGRATION),
    _bad_update("update by hold, never healthy", Behaviour.NEVER_HEALTHY, **HOLD),
    _bad_update("update by hold, turns bad", Behaviour.TURNS_BAD, **HOLD),
    Scenario("rollback", updated, lambda w: rollback(w, APP), "1.0", {"1.0", "1.1"}),
    Scenario("config", installed, lambda w: configure(w, APP, {"GREETING": "ho"}), "1.0", {"1.0"}),
    Scenario("restart", installed, lambda w: restart(w, APP), "1.0", {"1.0"}),
    Scenario("backup", backed_up(installed), lambda w: backup(w, APP), "1.0", {"1.0"}),
    Scenario("backup by hold", backed_up(held), lambda w: backup(w, APP), "1.0", {"1.0"}, exclusive=True),
    Scenario("update with a snapshot", backed_up(with_next()), _update, "1.1", {"1.0", "1.1"}),
    Scenario(
        "update by hold with a snapshot", backed_up(with_next(**HOLD)), _update, "1.1", {"1.0", "1.1"}, exclusive=True
    ),
    Scenario("rollback with a snapshot", backed_up(updated), lambda w: rollback(w, APP), "1.0", {"1.0", "1.1"}),
    Scenario("stop", installed, lambda w: stop(w, APP), "1.0", {"1.0"}, state="stopped"),
    Scenario("start", stopped, lambda w: start(w, APP), "1.0", {"1.0"}),
    Scenario("domain add", installed, lambda w: domains.add(w, APP, ["b.test"]), "1.0", {"1.0"}),
    Scenario("domain add, taken", one_taken, lambda w: domains.add(w, APP, ["b.test"]), "1.0", {"1.0"}),
    Scenario("domain path, told", told_its_address, lambda w: domains.move(w, APP, "/shop"), "1.0", {"1.0"}),
    Scenario("domain remove", of_two_names, lambda w: domains.remove(w, APP, ["a.test"]), "1.0", {"1.0"}),
    Scenario("domain redirect", of_two_names, lambda w: domains.redirect(w, APP, "a.test", "b.test"), "1.0", {"1.0"}),
    Scenario("certificate", installed, lambda w: domains.certify(w, APP, lambda hosts: RENEWED), "1.0", {"1.0"}),
    Scenario(
        "certificate, told", told_its_address, lambda w: domains.certify(w, APP, lambda hosts: RENEWED), "1.0", {"1.0"}
    ),
    Scenario("automatic certificate", installed, lambda w: domains.secure(w, APP, "auto"), "1.0", {"1.0"}),
    Scenario(
        "domain of a stopped one", stopped, lambda w: domains.add(w, APP, ["b.test"]), "1.0", {"1.0"}, state="stopped"
    ),
    Scenario("uninstall", installed, lambda w: remove(w, APP), None, {None, "1.0"}),
    Scenario("uninstall and purge", installed, lambda w: remove(w, APP, purge=True), None, {None, "1.0"}, purges=True),
    Scenario("purge later", uninstalled, purged_at_last, None, {None}, purges=True, settle=purged_at_last),
    Scenario("restore", after_a_reboot, lambda w: restore(w, APP), "1.0", {"1.0"}, settle=lambda w: restore(w, APP)),
]

NEXT: dict[str, Any] = {"env": ENV}
SCENARIOS += [
    _restores("snapshot restored", restorable(installed), stride=3),
    _restores("snapshot of an earlier version restored", restorable(installed, **NEXT), stride=7),
    _restores("snapshot restored by hold", restorable(held), stride=7),
    _restores("snapshot of an earlier version restored, never healthy",
              restorable(installed, Behaviour.NEVER_HEALTHY, **NEXT), "1.1", may_serve={"1.1"}, stride=3),
    _restores("snapshot of an earlier version restored, turns bad",
              restorable(installed, Behaviour.TURNS_BAD, **NEXT), "1.1", may_serve={"1.1"}, stride=7),
]  # fmt: skip

# An app whose requests are for more than one process: one version has them all, or the other.
SCENARIOS += [
    Scenario("install with doors", only_published(**DOORS), _install, "1.0", {None, "1.0"}, has_doors=True),
    Scenario("update with doors", with_next(**DOORS), _update, "1.1", {"1.0", "1.1"}, has_doors=True),
    Scenario("update with other doors", with_other_doors, _update, "1.1", {"1.0", "1.1"}, has_doors=True),
    Scenario("update by hold with doors", with_next(**DOORS, **HOLD), _update, "1.1", {"1.0", "1.1"},
             exclusive=True, has_doors=True),
    Scenario("update with doors, one fails", with_next(Behaviour.DOOR_FAILS, **DOORS), _update, "1.0", {"1.0"},
             has_doors=True),
    Scenario("stop with doors", lambda w: installed(w, **DOORS), lambda w: stop(w, APP), "1.0", {"1.0"},
             state="stopped", has_doors=True),
    Scenario("start with doors", stopped_with_doors, lambda w: start(w, APP), "1.0", {"1.0"}, has_doors=True),
    Scenario("uninstall with doors", lambda w: installed(w, **DOORS), lambda w: remove(w, APP), None, {None, "1.0"},
             has_doors=True),
]  # fmt: skip

# What is beside the app: its volumes outlive every release, and requests wait while one of them is changed.


def installed_with(world: MemoryWorld, accessories: dict[str, Accessory], **fields: Any) -> None:
    beside.publish(world, "1.0", accessories, **fields)
    install(world.world(), InstallRequest(APP, "memory", route=ROUTE, certificate=CERTIFICATE))
    for number in range(4):
        world.accessories.write(APP, "db", f"from before {number}")
    world.runtime.exclusive = fields.get("update", {}).get("strategy") == "hold"


def with_nothing_beside(world: MemoryWorld) -> None:
    installed_with(world, {})


def from_to(
    was: dict[str, Accessory],
    then: dict[str, Accessory],
    how: AccessoryBehaviour = AccessoryBehaviour.GOOD,
    of: Accessory | None = None,
    behaviour: Behaviour = Behaviour.GOOD,
    **fields: Any,
) -> Callable[[MemoryWorld], None]:
    """`how` is of the database of the new release, or `of` another accessory."""

    def prepare(world: MemoryWorld) -> None:
        installed_with(world, was, **fields)
        beside.publish(world, "1.1", then, behaviour, **{**MIGRATION, **fields})
        beside.behaves(world, of or then["db"], how)

    return prepare


def patched(world: MemoryWorld) -> None:
    from_to(ONLY_DB, ONLY_PATCHED, release_command=None)(world)
    update(world.world(), APP)


def stopped_with_accessories(world: MemoryWorld) -> None:
    installed_with(world, WITH_CACHE)
    stop(world.world(), APP)


def after_a_reboot_with_accessories(world: MemoryWorld) -> None:
    installed_with(world, WITH_CACHE)
    world.runtime.stop(next(iter(world.runtime.live)), 1)
    world.proxy.services.clear()
    world.accessories.stop(APP, "db", 1)


def uninstalled_with_accessories(world: MemoryWorld) -> None:
    installed_with(world, WITH_CACHE)
    remove(world.world(), APP)


def only_published_with(how: AccessoryBehaviour) -> Callable[[MemoryWorld], None]:
    def prepare(world: MemoryWorld) -> None:
        beside.publish(world, "1.0", ONLY_DB)
        beside.behaves(world, DB, how)

    return prepare


def greeted(world: MemoryWorld) -> None:
    installed_with(world, {"db": GREETED})


def _beside(name: str, prepare: Callable[[MemoryWorld], None], run: Any, forward: str | None, **more: Any) -> Scenario:
    may = more.pop("may_serve", {"1.0", "1.1"} if forward == "1.1" else {forward})
    stride = FEW if name.startswith(("update", "install", "config", "restart", "rollback")) else 1
    return Scenario(name, prepare, run, forward, may, **{"has_accessories": True, "stride": stride, **more})


def _bad_change(name: str, prepare: Callable[[MemoryWorld], None], **more: Any) -> Scenario:
    return _beside(name, prepare, _update, "1.0", **more)


_configured = {"GREETING": "ho"}
ELSEWHERE = {"DATABASE_URL": "postgres://db.example.com/app"}
BAD = AccessoryBehaviour
SOME, FEW = 5, 23
LATER_SERVES: dict[str, Any] = {"may_serve": {None, "1.0"}}
BESIDE = [
    _beside("install beside a database", only_published_with(BAD.GOOD), _install, "1.0", **LATER_SERVES),
    _beside("install beside one that is never healthy", only_published_with(BAD.NEVER_HEALTHY), _install, None),
    _beside("update beside the same", from_to(WITH_CACHE, WITH_CACHE), _update, "1.1"),
    _beside("update beside a new one", from_to(ONLY_DB, WITH_CACHE), _update, "1.1"),
    _bad_change("update beside a new one that exits",
                from_to(ONLY_DB, WITH_CACHE, BAD.EXITS, of=WITH_CACHE["cache"])),
    _beside("update without one", from_to(WITH_CACHE, ONLY_DB), _update, "1.1"),
    _beside("update beside another image", from_to(ONLY_DB, ONLY_PATCHED), _update, "1.1", stride=SOME),
    _bad_change("update beside a bad image", from_to(ONLY_DB, ONLY_PATCHED, BAD.NEVER_HEALTHY), stride=SOME),
    _bad_change("update beside one that turns bad",
                from_to(ONLY_DB, ONLY_PATCHED, BAD.TURNS_BAD, release_command=None)),
    _bad_change("update beside another image, never healthy",
                from_to(ONLY_DB, ONLY_PATCHED, behaviour=Behaviour.NEVER_HEALTHY)),
    _beside("update by hold beside another image", from_to(ONLY_DB, ONLY_PATCHED, **HOLD), _update, "1.1",
            exclusive=True),
    _beside("update beside a major version", from_to(ONLY_DB, ONLY_MAJOR), _update, "1.1", stride=SOME),
    _bad_change("update beside a major version that exits", from_to(ONLY_DB, ONLY_MAJOR, BAD.EXITS)),
    _bad_change("update beside a major version, no dump", from_to(ONLY_DB, ONLY_MAJOR, BAD.DUMP_FAILS, of=DB)),
    _bad_change("update beside a major version, half restored", from_to(ONLY_DB, ONLY_MAJOR, BAD.RESTORE_FAILS)),
    _bad_change("update beside a major version, a line lost", from_to(ONLY_DB, ONLY_MAJOR, BAD.LOSES), stride=SOME),
    _bad_change("update beside a major version, app never healthy",
                from_to(ONLY_DB, ONLY_MAJOR, behaviour=Behaviour.NEVER_HEALTHY)),
    _bad_change("update beside a major version, app turns bad",
                from_to(ONLY_DB, ONLY_MAJOR, behaviour=Behaviour.TURNS_BAD)),
    _beside("update beside a major version that fails later", from_to(ONLY_DB, ONLY_MAJOR, BAD.FAILS_LATER), _update,
            "1.1"),
    _bad_change("update beside a major version, release command fails",
                from_to(ONLY_DB, ONLY_MAJOR, behaviour=Behaviour.MIGRATION_FAILS)),
    _beside("rollback beside an earlier image", patched, lambda w: rollback(w, APP), "1.0", may_serve={"1.0", "1.1"}),
    _beside("config of one beside", greeted, lambda w: configure(w, APP, _configured), "1.0"),
    _beside("config of one elsewhere", lambda w: installed_with(w, WITH_CACHE),
            lambda w: configure(w, APP, ELSEWHERE, force=True), "1.0"),
    _beside("restart beside the same", lambda w: installed_with(w, WITH_CACHE), lambda w: restart(w, APP), "1.0"),
    _beside("stop with those beside", lambda w: installed_with(w, WITH_CACHE), lambda w: stop(w, APP), "1.0",
            state="stopped"),
    _beside("start with those beside", stopped_with_accessories, lambda w: start(w, APP), "1.0"),
    _beside("uninstall with those beside", lambda w: installed_with(w, WITH_CACHE), lambda w: remove(w, APP), None,
            may_serve={None, "1.0"}),
    _beside("uninstall and purge with those beside", lambda w: installed_with(w, WITH_CACHE),
            lambda w: remove(w, APP, purge=True), None, may_serve={None, "1.0"}, purges=True),
    _beside("purge later of those beside", uninstalled_with_accessories, purged_at_last, None, purges=True,
            settle=purged_at_last),
    _beside("restore with those beside", after_a_reboot_with_accessories, lambda w: restore(w, APP), "1.0",
            settle=lambda w: restore(w, APP)),
]  # fmt: skip
SCENARIOS += BESIDE

# What is installed does not answer any more: no flow may end in a state from which the next one cannot go on.
SICK = [
    Scenario("domain add of a sick one", sick(installed), lambda w: domains.add(w, APP, ["b.test"]), "1.0", {"1.0"}),
    Scenario(
        "domain path of a sick one",
        sick(told_its_address),
        lambda w: domains.move(w, APP, "/shop"),
        "1.0",
        {"1.0"},
    ),
    Scenario("restart of a sick one", sick(installed), lambda w: restart(w, APP), "1.0", {"1.0"}),
    _bad_update("update of a sick one, turns bad", Behaviour.TURNS_BAD, before=Behaviour.NEVER_HEALTHY),
    _bad_update("update by hold of a sick one, turns bad", Behaviour.TURNS_BAD, before=Behaviour.NEVER_HEALTHY, **HOLD),
    _bad_update(
        "update by hold of one that exits, never healthy", Behaviour.NEVER_HEALTHY, before=Behaviour.EXITS, **HOLD
    ),
]

# What a snapshot has of them takes the place of what they have, with the app's own data.
SCENARIOS += [
    _restores("snapshot with a database restored", restorable_with(ONLY_DB), has_accessories=True, stride=7),
    _restores("snapshot with a database restored, of an earlier version", restorable_with(ONLY_DB, WITH_CACHE),
              has_accessories=True, stride=FEW),
    _restores("snapshot with a database restored, before a major version", restorable_with(ONLY_DB, ONLY_MAJOR),
              has_accessories=True, stride=FEW),
    _restores("snapshot with a database restored, there is none now", restorable_with(ONLY_DB, {}),
              has_accessories=True, stride=FEW),
    _restores("snapshot without a database restored", restorable(with_nothing_beside, **beside.fields_of(ONLY_DB)),
              has_accessories=True, stride=FEW),
    _restores("snapshot with a database restored, half loaded",
              restorable_with(ONLY_DB, ONLY_PATCHED, AccessoryBehaviour.RESTORE_FAILS), "1.1", may_serve={"1.1"},
              has_accessories=True, stride=FEW),
    _restores("snapshot with a database restored, never healthy",
              restorable_with(ONLY_DB, ONLY_PATCHED, behaviour=Behaviour.NEVER_HEALTHY), "1.1", may_serve={"1.1"},
              has_accessories=True, stride=FEW),
    Scenario("rollback with its data", updated_with_a_snapshot, lambda w: rollback_with_data(w, APP, sure=True), "1.0",
             {"1.0", "1.1"}, has_data=True, has_accessories=True, exclusive=True, stride=SOME),
    _restores("snapshot restored, of a stopped app", then_stopped(restorable(installed)), stride=3),
    _restores("snapshot with a database restored, of a stopped app", then_stopped(restorable_with(ONLY_DB)),
              has_accessories=True, stride=FEW),
    _restores("snapshot restored, of a stopped app, never healthy",
              then_stopped(restorable(installed, Behaviour.NEVER_HEALTHY, **NEXT)), "1.1", may_serve={"1.1"},
              state="stopped", stride=3),
]  # fmt: skip
