"""Backups of apps with databases beside them, and with commands of the vendor's: what is dumped, copied and held."""

from contextlib import suppress
from pathlib import Path

import pytest
from beside import DB, ONLY_DB, WITH_CACHE, behaves, image, publish
from notes import Notes
from scenarios import APP, HOLD, installed, installed_with
from snapshot_seen import STAGED, left, mode, newest

from discode.core.accessory import Accessory
from discode.core.backup_errors import BackupFailed, RepositoryUnreachable
from discode.core.errors import Failed, Refused
from discode.core.snapshot import WITH_DUMPS, Part
from discode.flows.backup import backup
from discode.flows.power import stop
from discode.flows.restore import restore
from discode.flows.settle import settle_for_the_dead
from discode.flows.update import update
from discode.ports.proxy import Mode
from discode.testing.faults import Crash, Fault, Faulty, Script
from discode.testing.memory_accessories import AccessoryBehaviour
from discode.testing.memory_backups import HEADER
from discode.testing.memory_world import MemoryWorld

VOLUMES = Path("/memory/volumes") / APP
MAIL = Accessory.checked(image=image("9"), port=25, volumes={"spool": "/spool"}, health={"deadline": 0.2})
COMMANDS = {"before": ["echo", "quiet"], "after": ["echo", "loud"]}
QUIET, LOUD = ("echo", "quiet"), ("echo", "loud")


def beside_it(accessories, **fields):
    """With requests that are held for no longer than 5 s."""
    world = MemoryWorld(APP)
    installed_with(world, accessories, **fields)
    world.repositories.set_up(APP)
    world.repositories.files[VOLUMES / "data/note"] = b"written"
    return world


def with_commands(strategy=None, **backup_of):
    world = MemoryWorld(APP)
    installed(world, backup={**COMMANDS, **backup_of}, **(strategy or {}))
    world.repositories.set_up(APP)
    world.repositories.files[VOLUMES / "data/note"] = b"written"
    return world


def test_known_ones_are_dumped_in_place_of_their_volumes():
    world = beside_it(WITH_CACHE)
    world.repositories.files[VOLUMES / "db.data.15/pgdata/base"] = b"pages"
    watched = []
    world.proxy.pause = lambda *_: watched.append("requests are held")
    backup(world.world(), APP)
    record, files = newest(world)
    assert files[STAGED / "dumps/db/app.dump"].decode().splitlines() == world.accessories.read(APP, "db")
    assert not [path for path in files if path.is_relative_to(VOLUMES / "db.data.15")]
    assert record.snapshot_schema == WITH_DUMPS and [(one.kind, one.name) for one in record.parts] == [
        ("documents", "documents"), ("dump", "cache"), ("dump", "db"), ("volume", "data"),
    ]  # fmt: skip
    told = {one.name: (one.server, one.version, one.files) for one in record.dumps}
    assert told["db"] == ("postgres", "15", ("roles.sql", "app.dump"))
    assert told["cache"] == ("redis", "7", ("all.rdb",))
    assert not watched and not left(world) and not world.store.journals


def test_a_snapshot_without_dumps_is_for_an_earlier_discode_too():
    world = with_commands()
    backup(world.world(), APP)
    assert newest(world)[0].snapshot_schema == 1


@pytest.mark.parametrize("flow", ["backup", "update"])
def test_a_dump_that_fails_half_way_is_no_snapshot(flow):
    world = beside_it(ONLY_DB)
    publish(world, "1.1", ONLY_DB)
    behaves(world, DB, AccessoryBehaviour.DUMP_FAILS)
    since = {name: one.since for name, one in world.accessories.live.items()}
    with pytest.raises(Refused, match=r"postgres 15\) could not be dumped: sh exited with 1") as raised:
        (backup if flow == "backup" else update)(world.world(), APP)
    assert (raised.value.name, raised.value.log) == ("dump-failed", ("it broke off",))
    assert "discode logs myapp --process db" in raised.value.next_step
    assert not world.repositories.storage.kept and not left(world) and not world.store.journals
    assert mode(world) is Mode.RUNNING and world.store.installation(APP).version == "1.0"
    assert {name: one.since for name, one in world.accessories.live.items()} == since


def test_one_that_is_down_under_its_app_is_no_snapshot():
    world = beside_it(ONLY_DB)
    world.accessories.is_used = lambda app, name: False
    world.accessories.stop(APP, "db", 1)
    with pytest.raises(BackupFailed, match="does not run now") as raised:
        backup(world.world(), APP)
    assert raised.value.name == "not-running" and not world.repositories.storage.kept and not left(world)


def test_of_a_stopped_app_the_volumes_of_its_databases_are_read():
    world = beside_it(ONLY_DB)
    world.repositories.files[VOLUMES / "db.data.15/pgdata/base"] = HEADER + b"pages"
    stop(world.world(), APP)
    backup(world.world(), APP)
    record, files = newest(world)
    assert [(one.kind, one.name, one.how) for one in record.parts] == [
        ("documents", "documents", ""), ("volume", "data", "stopped"), ("volume", "db.data.15", "stopped"),
    ]  # fmt: skip
    assert files[VOLUMES / "db.data.15/pgdata/base"] == HEADER + b"pages"


def test_of_an_unknown_one_the_volumes_are_copied_while_requests_wait():
    world, seen = beside_it({"db": DB, "mail": MAIL}, update={"confirm": 0.5, "hold": 5}), []
    world.repositories.files[VOLUMES / "mail.spool/1"] = b"letter"
    world.repositories.files[VOLUMES / "old.spool/1"] = b"of an accessory that is no more"
    world.repositories.copying = lambda volume, seconds: seen.append((volume.name, mode(world)))
    backup(world.world(), APP)
    record, files = newest(world)
    assert seen == [("mail.spool", Mode.RUNNING), ("mail.spool", Mode.PAUSED)] and mode(world) is Mode.RUNNING
    assert [(one.name, one.how) for one in record.parts if one.kind == "volume"] == [
        ("data", "live"), ("mail.spool", "held"),
    ]  # fmt: skip
    assert files[STAGED / "volumes/mail.spool/1"] == b"letter"
    assert not [path for path in files if "old.spool" in str(path)]


def test_a_sqlite_file_of_an_unknown_one_is_copied_while_it_goes_on():
    world = beside_it({"db": DB, "mail": MAIL})
    world.repositories.files[VOLUMES / "mail.spool/queue.db"] = HEADER + b"rows"
    world.proxy.pause = lambda *_: pytest.fail("requests are held")
    backup(world.world(), APP)
    assert newest(world)[1][STAGED / "databases/mail.spool/queue.db"] == HEADER + b"rows"


@pytest.mark.parametrize("strategy", [None, HOLD], ids=["overlap", "hold"])
def test_volumes_are_copied_between_the_commands_of_the_vendor(strategy):
    world, seen = with_commands(strategy), []
    world.repositories.files[VOLUMES / "data/app.db"] = HEADER + b"rows"
    world.repositories.copying = lambda *_: seen.append((list(world.runtime.executed), APP in world.store.journals))
    world.proxy.pause = lambda *_: pytest.fail("requests are held")
    backup(world.world(), APP)
    record, files = newest(world)
    assert seen == [([], False), ([QUIET], True)] and world.runtime.executed == [QUIET, LOUD]
    assert [(one.kind, one.how) for one in record.parts[1:]] == [("databases", ""), ("volume", "quiesced")]
    assert files[STAGED / "volumes/data/note"] == b"written" and VOLUMES / "data/note" not in files
    assert files[STAGED / "databases/data/app.db"] == HEADER + b"rows" and not world.store.journals
    assert not [path for path in files if path.is_relative_to(STAGED / "volumes/data/app.db")]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (["exit", "7", "no room"], "exited with 7"),
        (["sleep", "900"], "did not end within 300 s"),
        (["no-such-program"], "could not be run"),
    ],
)
@pytest.mark.parametrize("which", ["before", "after"])
def test_a_command_that_fails_is_no_snapshot(which, command, says):
    world = with_commands(**{which: command})
    notes = Notes()
    with pytest.raises(BackupFailed, match=says) as raised:
        backup(world.world(report=notes), APP)
    assert raised.value.name == "backup-command" and f"command {which} the copy" in raised.value.sentence
    assert raised.value.log == (("no room",) if command[0] == "exit" else ())
    assert f"discode exec {APP} -- {' '.join(command)}" in raised.value.next_step
    assert not world.repositories.storage.kept and not left(world) and not world.store.journals
    assert LOUD in world.runtime.executed or which == "after"
    assert mode(world) is Mode.RUNNING


def test_after_a_copy_that_failed_the_app_is_let_go():
    world = with_commands()

    def copying(volume, seconds):
        if world.runtime.executed:
            raise Refused("The disk is full.", "Free some space.", key="disk-full")

    world.repositories.copying = copying
    with pytest.raises(Refused, match="disk is full"):
        backup(world.world(), APP)
    assert world.runtime.executed == [QUIET, LOUD] and not world.store.journals and not left(world)


def test_a_repository_in_trouble_leaves_the_app_in_peace():
    world = with_commands()
    world.repositories.storage.trouble = RepositoryUnreachable("It does not answer.", "Look.")
    with pytest.raises(RepositoryUnreachable):
        backup(world.world(), APP)
    assert world.runtime.executed == []


@pytest.mark.parametrize("command", ["guard", "settle"])
def test_whoever_settles_lets_the_app_go(command):
    world = with_commands()

    def copying(volume, seconds):
        if world.runtime.executed:
            raise Crash

    world.repositories.copying = copying
    real, world.store.clear_journal = world.store.clear_journal, lambda app: (_ for _ in ()).throw(Crash)
    execute, world.runtime.execute = world.runtime.execute, _only(world, QUIET)
    with pytest.raises(Crash):
        backup(world.world(), APP)
    world.store.clear_journal, world.runtime.execute = real, execute
    world.store.release_all()
    assert world.runtime.executed == [QUIET] and world.store.journals
    (settle_for_the_dead if command == "guard" else restore)(world.world(), APP)
    assert world.runtime.executed == [QUIET, LOUD] and not world.store.journals and not left(world)


def _only(world, command):
    real = world.runtime.execute

    def execute(name, given, timeout):
        if tuple(given) != command:
            raise Crash
        return real(name, given, timeout)

    return execute


def test_a_stopped_app_has_no_commands():
    world = with_commands()
    stop(world.world(), APP)
    backup(world.world(), APP)
    assert world.runtime.executed == [] and newest(world)[0].parts[1].how == "stopped"


@pytest.mark.parametrize("strategy", [None, HOLD], ids=["live", "held"])
@pytest.mark.parametrize("excluded", ["data/tmp", "data"])
def test_what_the_vendor_excludes_is_in_no_snapshot(strategy, excluded):
    world = MemoryWorld(APP)
    installed(world, backup={"exclude": [excluded]}, **(strategy or {}))
    world.repositories.set_up(APP)
    for name, data in (("note", b"x"), ("tmp/note", b"x"), ("tmp/app.db", HEADER), ("tmp2/note", b"x")):
        world.repositories.files[VOLUMES / "data" / name] = data
    backup(world.world(), APP)
    record, files = newest(world)
    kept = {path.relative_to(place) for path in files for place in (VOLUMES, STAGED / "volumes")
            if path.is_relative_to(place)}  # fmt: skip
    wanted = {Path("data/note"), Path("data/tmp2/note")} if excluded == "data/tmp" else set()
    assert kept == wanted and not [path for path in files if path.is_relative_to(STAGED / "databases")]
    assert [one.name for one in record.parts] == ["documents", *(["data"] if wanted else [])]


def test_every_command_of_a_dump_that_fails_is_no_snapshot():
    for number in range(4):  # databases, roles, the database; the cache
        world, seen = beside_it(WITH_CACHE), []
        real = world.accessories.execute

        def execute(*args, fails_at=number, seen=seen, real=real, **options):
            seen.append(args)
            if len(seen) - 1 == fails_at:
                raise Refused("The disk is full.", "Free some space.", key="disk-full")
            return real(*args, **options)

        world.accessories.execute = execute
        with pytest.raises(BackupFailed) as raised:
            backup(world.world(), APP)
        assert raised.value.name == "disk-full" and not left(world) and not world.repositories.storage.kept


def whole(faults):
    """A backup of all there is, and the script of its calls; whoever dies at one of these is dead."""
    world = beside_it({**WITH_CACHE, "mail": MAIL}, backup=COMMANDS, update={"confirm": 0.5, "hold": 5})
    world.repositories.files[VOLUMES / "mail.spool/1"] = b"letter"
    script = Script(faults)
    ports = {name: Faulty(getattr(world, name), script, Refused("No."))
             for name in ("store", "runtime", "proxy", "accessories")}  # fmt: skip
    return world, script, world.world(**ports)


@pytest.mark.parametrize("kind", ["crash", "error"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_whatever_call_it_ends_at_the_app_goes_on_and_nothing_is_left(kind, when):
    _, script, ports = whole({})
    backup(ports, APP)
    for number in range(script.calls):
        world, _, ports = whole({number: Fault(kind, when)})
        with suppress(Crash, Refused, Failed):
            backup(ports, APP)
        world.store.release_all()
        restore(world.world(), APP)
        at = f"call {number}, {script.names[number]}"
        assert mode(world) is Mode.RUNNING and not world.store.journals and not left(world), at
        assert not world.runtime.executed or world.runtime.executed[-1] == LOUD, at
        assert not world.runtime.violations and not world.accessories.violations and len(world.runtime.live) == 1, at


def test_a_part_that_is_half_a_dump_is_none():
    for fields in ({"kind": "dump"}, {"kind": "volume", "server": "postgres", "files": ("x",)}):
        with pytest.raises(ValueError, match="a dump has a server and files"):
            Part(name="db", path="/x", **fields)
