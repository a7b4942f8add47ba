"""Backups in memory: what a snapshot holds, when requests are held, and what a repository's trouble means."""

from pathlib import Path

import pytest
from notes import Notes
from scenarios import APP, HOLD, installed
from snapshot_seen import STAGED, left, mode, newest

from discode.core.backup_errors import (
    BackupFailed,
    NoRepository,
    RepositoryDamaged,
    RepositoryFull,
    RepositoryLocked,
    RepositoryUnreachable,
    WrongPassword,
)  # fmt: skip
from discode.core.errors import Busy, DiscodeError, Failed, PreflightError, Refused
from discode.core.room import Disk
from discode.flows.backup import backup
from discode.flows.configure import configure
from discode.flows.restore import restore
from discode.flows.rollback import DataIsNewer, rollback
from discode.flows.settle import settle_for_the_dead
from discode.flows.snapshots import check, forget, snapshots, to_forget
from discode.flows.update import update
from discode.ports.proxy import Mode
from discode.ports.runtime import Phase
from discode.testing.faults import Crash
from discode.testing.memory_backups import HEADER
from discode.testing.memory_world import MemoryWorld

VOLUME = Path("/memory/volumes") / APP / "data"
DATABASE = HEADER + b"rows"


def backed_up(**fields):
    world = MemoryWorld(APP)
    installed(world, **fields)
    world.repositories.set_up(APP)
    world.repositories.files[VOLUME / "note"] = b"written"
    return world


def test_a_database_is_copied_by_itself_and_the_rest_is_read_as_it_is():
    world = backed_up(**HOLD)
    for name in ("app.db", "app.db-wal", "deep/er.db"):
        world.repositories.files[VOLUME / name] = DATABASE
    watched = []
    world.repositories.copying = lambda *_: watched.append("a volume is copied")
    result = backup(world.world(), APP)
    record, files = newest(world)
    kept = {str(path) for path in files}
    assert str(VOLUME / "note") in kept and not {str(VOLUME / "app.db"), str(VOLUME / "app.db-wal")} & kept
    assert files[STAGED / "databases/data/deep/er.db"] == DATABASE
    assert [(part.kind, part.name, part.how) for part in record.parts] == [
        ("documents", "documents", ""), ("volume", "data", "live"), ("databases", "data", ""),
    ]  # fmt: skip
    assert not watched and not left(world) and record.held == 0 and result.snapshot in world.repositories.storage.kept


def test_settings_and_installation_are_in_it():
    world = backed_up()
    backup(world.world(), APP)
    record, files = newest(world)
    assert files[STAGED / "documents/settings.json"].decode().startswith('{"SECRET":')
    assert files[STAGED / "documents/installation.json"].decode() == world.store.installation(APP).as_json()
    assert files[STAGED / "documents/certificate.key"].startswith(b"-----BEGIN")
    assert (record.app, record.version, record.key) == (APP, "1.0", world.store.installation(APP).release.key)


def test_requests_are_held_for_the_second_copy_alone():
    world, seen = backed_up(**HOLD), []

    def copying(volume, seconds):
        seen.append((mode(world), seconds, APP in world.store.journals))
        world.system.sleep(2)

    world.repositories.copying = copying
    result = backup(world.world(), APP)
    record, files = newest(world)
    assert seen == [(Mode.RUNNING, None, False), (Mode.PAUSED, 0.9 * 5, True)]
    assert mode(world) is Mode.RUNNING and record.held == 2.0 and "Requests were held for 2 s." in result.message
    assert [part.how for part in record.parts] == ["", "held"] and str(VOLUME / "note") not in map(str, files)


def test_over_the_longest_hold_requests_go_on_and_there_is_no_snapshot():
    world = backed_up(**HOLD)

    def copying(volume, seconds):
        if seconds is not None:
            raise TimeoutError

    world.repositories.copying = copying
    with pytest.raises(BackupFailed, match="would have to wait for more than 5 s") as raised:
        backup(world.world(), APP)
    assert raised.value.exit_code == 4
    assert mode(world) is Mode.RUNNING and not world.store.journals and not left(world)
    assert not world.repositories.storage.kept
    assert [entry.flow for entry in world.store.entries[APP]] == ["install", "backup"]


@pytest.mark.parametrize("command", ["guard", "settle"])
def test_one_that_dies_while_it_holds_lets_requests_go_on(command):
    world = backed_up(**HOLD)

    def copying(volume, seconds):
        if seconds is not None:
            raise Crash

    world.repositories.copying = copying
    real, world.proxy.resume = world.proxy.resume, lambda service: (_ for _ in ()).throw(Crash)
    with pytest.raises(Crash):
        backup(world.world(), APP)
    world.proxy.resume = real
    world.store.release_all()
    world.repositories.files[STAGED / "volumes/data/note"] = b"left"
    assert mode(world) is Mode.PAUSED and world.store.journals
    (settle_for_the_dead if command == "guard" else restore)(world.world(), APP)
    assert mode(world) is Mode.RUNNING and not world.store.journals and not left(world)
    assert world.store.entries[APP][-1].outcome == "settled-back"


def test_the_staging_of_one_that_lives_stays():
    world = backed_up()
    world.repositories.files[STAGED / "note"] = b"staged"
    with world.store.backing_up(APP):
        restore(world.world(), APP)
        with pytest.raises(Busy):
            backup(world.world(), APP)
    assert left(world) and [entry.flow for entry in world.store.entries[APP]] == ["install"]
    restore(world.world(), APP)
    assert not left(world)


def undeletable(app):
    raise PreflightError("The disk cannot be written to.")


def test_staging_that_cannot_be_deleted_keeps_no_app_from_its_start():
    world = backed_up()
    app = world.store.installations[APP]
    world.runtime.stop(app.instance, app.release.manifest.update.stop)
    world.repositories.staging = undeletable
    restore(world.world(), APP)
    assert world.runtime.inspect(app.instance).phase is Phase.RUNNING


def test_a_guard_has_settled_an_app_whose_staging_cannot_be_deleted():
    world = backed_up()
    world.repositories.staging = undeletable
    begun = world.system.now()
    settle_for_the_dead(world.world(), APP)
    assert world.system.now() == begun  # it does not try again


TROUBLES = [
    RepositoryUnreachable("It does not answer.", "Look."), RepositoryFull("It is full.", "Look."),
    RepositoryLocked("It is locked.", "Look."), RepositoryDamaged("It is damaged.", "Look."),
    WrongPassword("It is another password.", "Look: discode backup list myapp"),
]  # fmt: skip


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda trouble: trouble.key)
def test_a_repository_in_trouble_touches_nothing(trouble):
    world = backed_up(**HOLD)
    world.publish("1.1", env=world.store.installations[APP].release.manifest.env, **HOLD)
    world.repositories.storage.trouble = trouble
    held = []
    world.proxy.pause = lambda *_: held.append("requests are held")
    for flow in (backup, update):
        with pytest.raises(type(trouble)) as raised:
            flow(world.world(), APP)
        world.system.time += 60
        assert raised.value.name == trouble.key and raised.value.exit_code == trouble.exit_code
    allow = "Or type it again with --no-snapshot, to go without one"
    assert raised.value.next_step == f"{trouble.next_step.rstrip('.')}. {allow}"
    assert "The update has not begun" in raised.value.sentence and "1.0 is still serving" in raised.value.sentence
    assert world.store.installation(APP).version == "1.0" and not held and not world.store.journals
    assert [(entry.flow, entry.outcome) for entry in world.store.entries[APP][1:]] == [("backup", "failed")] * 2
    assert world.store.entries[APP][-1].error == trouble.sentence


def test_who_is_in_a_hurry_goes_without_a_snapshot_and_waits_for_no_backup():
    world = backed_up()
    world.publish("1.1", env=world.store.installations[APP].release.manifest.env)
    world.repositories.storage.trouble = TROUBLES[0]
    begun = world.system.now()
    with world.store.backing_up(APP):
        forth = update(world.world(), APP, without_snapshot=True)
        back = rollback(world.world(), APP, without_snapshot=True)
    assert (forth.to_version, forth.snapshot, back.to_version, back.snapshot) == ("1.1", None, "1.0", None)
    assert world.system.now() - begun < 60


@pytest.mark.parametrize(("setting", "outcome"), [("try", None), ("off", None), ("on", "1")])
def test_what_the_setting_says_of_updates(setting, outcome):
    world = backed_up()
    world.repositories.set_up(APP, before_updates=setting)
    world.publish("1.1", env=world.store.installations[APP].release.manifest.env)
    world.repositories.storage.trouble = TROUBLES[0] if setting == "try" else None
    notes = Notes()
    result = update(world.world(report=notes), APP)
    assert result.outcome == "updated" and bool(result.snapshot) == bool(outcome)
    assert world.store.entries[APP][-1].snapshot == result.snapshot
    assert any("There is no snapshot from before" in note for note in notes.notes) == (setting == "try")


def test_the_journal_of_an_update_has_its_snapshot():
    world, seen = backed_up(), []
    world.publish("1.1", env=world.store.installations[APP].release.manifest.env)
    write = world.store.write_journal

    def writing(journal):
        seen.append((journal.flow, journal.snapshot))
        write(journal)

    world.store.write_journal = writing
    result = update(world.world(), APP)
    assert set(seen) == {("update", result.snapshot)} and result.snapshot


def test_a_rollback_that_cannot_be_takes_no_snapshot():
    world = backed_up()
    world.publish("1.1", release_command=["migrate"], env=world.store.installations[APP].release.manifest.env)
    update(world.world(), APP)
    taken = len(world.repositories.storage.kept)
    with pytest.raises(DataIsNewer):
        rollback(world.world(), APP)
    assert len(world.repositories.storage.kept) == taken
    result = rollback(world.world(), APP, sure=True)
    assert len(world.repositories.storage.kept) == taken + 1 and result.snapshot


def test_no_lock_is_held_while_the_storage_works():
    world, seen = backed_up(), []
    real = world.repositories.open

    def opened(app):
        backups = real(app)
        save = backups.save

        def saving(*words):
            seen.append((APP, "lock") in world.store.locked)
            return save(*words)

        backups.save = saving
        return backups

    world.repositories.open = opened
    world.publish("1.1", env=world.store.installations[APP].release.manifest.env)
    update(world.world(), APP)
    assert seen == [False]


def test_an_app_that_was_changed_meanwhile_has_no_snapshot():
    world = backed_up()
    real = world.repositories.open

    def opened(app):
        backups = real(app)
        save = backups.save

        def saving(*words):
            world.repositories.open = real
            configure(world.world(), APP, {"GREETING": "meanwhile"})  # an update waits for the backup
            return save(*words)

        backups.save = saving
        return backups

    world.repositories.open = opened
    with pytest.raises(Failed, match="was changed by another command"):
        backup(world.world(), APP)
    assert not world.repositories.storage.kept


def test_a_stopped_app_is_read_as_it_is():
    from discode.flows.power import stop

    world = backed_up(**HOLD)
    world.repositories.files[VOLUME / "app.db"] = DATABASE
    stop(world.world(), APP)
    backup(world.world(), APP)
    record, files = newest(world)
    assert [part.how for part in record.parts] == ["", "stopped"] and files[VOLUME / "app.db"] == DATABASE
    assert mode(world) is Mode.STOPPED


@pytest.mark.parametrize(
    ("prepare", "error"),
    [
        (lambda world: world.repositories.plans.clear(), NoRepository),
        (lambda world: setattr(world.runtime, "is_out_of_reach", True), Refused),
    ],
    ids=["no repository", "out of reach"],
)
def test_what_cannot_be_backed_up_is_refused(prepare, error):
    world = backed_up()
    prepare(world)
    with pytest.raises(error):
        backup(world.world(), APP)
    assert not world.repositories.storage.kept and not left(world)


def test_without_room_for_copies_nothing_is_touched(monkeypatch):
    from discode.testing.memory_backups import MemoryStaging

    world = backed_up(**HOLD)
    monkeypatch.setattr(MemoryStaging, "free", lambda self: Disk("/x", 1))
    with pytest.raises(PreflightError, match=r"^The backup of myapp needs .* are free in /x"):
        backup(world.world(), APP)
    assert mode(world) is Mode.RUNNING


def test_snapshots_of_other_machines_are_forgotten_by_name_alone():
    world = backed_up()
    for _ in range(3):
        backup(world.world(), APP)
    first, second, third = world.repositories.storage.kept
    one, files = world.repositories.storage.kept[first]
    world.repositories.storage.kept[first] = one.changed(host="other"), files
    made, steps = world.world(), world.world().steps()
    world.repositories.set_up(APP, retention={"last": 1, "daily": 0, "weekly": 0, "monthly": 0})
    assert [one.id for one in to_forget(made, APP, steps)] == [second]
    named = to_forget(made, APP, steps, named=[first])
    forget(made, APP, steps, named)
    assert [one.id for one in check(made, APP, steps, data=True)] == [second, third]
    with pytest.raises(DiscodeError, match=f"There is no snapshot {first}"):
        to_forget(made, APP, steps, named=[first])
    assert len(snapshots(made, APP, steps)) == 2
