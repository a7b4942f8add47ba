"""Backups of apps whose database is at an address of the customer's: dumped by that address, or told that it is not."""

import pytest
from beside import WITH_CACHE
from notes import Notes
from scenarios import APP, installed_with
from snapshot_seen import STAGED, left, newest

from discode.core.errors import RuntimeUnreachable
from discode.core.installation import Route
from discode.core.snapshot import WITH_ELSEWHERE
from discode.flows.backup import backup
from discode.flows.configure import configure
from discode.flows.drill import drill
from discode.flows.remove import remove
from discode.flows.restore_data import restore_data
from discode.flows.restore_new import Elsewhere as Elsewhere_
from discode.flows.restore_new import restore_new
from discode.flows.snapshots import snapshots
from discode.testing.memory_accessories import Elsewhere
from discode.testing.memory_world import MemoryWorld

SECRET = "correct horse"
ADDRESS = "postgres://shop:correct%20horse@db.example.com:6432/orders?sslmode=require"


def with_its_own(address=ADDRESS, **server):
    world = MemoryWorld(APP)
    installed_with(world, WITH_CACHE)
    world.repositories.set_up(APP)
    world.accessories.servers["db.example.com"] = Elsewhere(**{"password": SECRET, "lines": ["a", "b"], **server})
    configure(world.world(), APP, {"DATABASE_URL": address}, force=True)
    return world


def test_it_is_dumped_by_the_address_after_the_queue():
    world, order = with_its_own(), []
    ask, execute = world.accessories.ask, world.accessories.execute

    def asked(spec, command, **given):
        order.append(spec.name)
        assert command == ("pg_dump", "-w", "-Fc") and spec.env == {
            "PGHOST": "db.example.com", "PGPORT": "6432", "PGUSER": "shop", "PGPASSWORD": SECRET,
            "PGDATABASE": "orders", "PGSSLMODE": "require", "PGCONNECT_TIMEOUT": "30",
        }  # fmt: skip
        return ask(spec, command, **given)

    def executed(app, name, command, **given):
        order.append(name)
        return execute(app, name, command, **given)

    world.accessories.ask, world.accessories.execute = asked, executed
    result = backup(world.world(), APP)
    record, files = newest(world)
    assert order == ["cache", "db"], "a job that ends between the two is in both"
    [part] = [one for one in record.parts if one.kind == "elsewhere"]
    assert (part.name, part.server, part.version, part.files) == ("db", "postgres", "15", ("database.dump",))
    assert files[STAGED / "dumps/db/database.dump"] == b"a\nb\n" and part.size == 4
    assert (record.snapshot_schema, record.missing) == (WITH_ELSEWHERE, ()) and "Without" not in result.message
    assert SECRET not in record.as_json() and not left(world)


@pytest.mark.parametrize(
    ("address", "server", "why"),
    [
        (ADDRESS, {"breaks_off": True}, "pg_dump exited with 1: it broke off"),
        (ADDRESS, {"password": "another"}, "pg_dump exited with 1: password authentication failed"),
        (ADDRESS.replace("db.ex", "nowhere.ex"), {}, "pg_dump exited with 1: no such host"),
        ("postgres://db.example.com", {}, "the app's settings do not say which database it is"),
        ("postgres:///orders", {}, "the app's settings do not say at which host it is"),
        ("postgres://db.example.com:port/orders", {}, "DATABASE_URL is not an address that can be read"),
    ],
)
def test_one_that_cannot_be_dumped_is_told_and_all_else_is_in_the_snapshot(address, server, why):
    world, notes = with_its_own(address, **server), Notes()
    result = backup(world.world(report=notes), APP)
    record, files = newest(world)
    assert record.missing == ("db",) and [one.name for one in record.dumps] == ["cache"]
    assert not [one for one in record.parts if one.kind == "elsewhere"]
    assert not files.get(STAGED / "dumps/db/database.dump"), "half a dump is none"
    [note] = [one for one in notes.notes if "at your address" in one]
    assert note == f"The db at your address is not in the snapshot: {why}. All else is. Back it up where it is."
    assert "Without the db at your address." in result.message and SECRET not in note
    [one] = snapshots(world.world(), APP, world.world().steps())
    assert one.missing == ("db",) and world.store.readable_history(APP)[0][-1].missing == ("db",)


def test_a_restore_leaves_it_as_it_is_and_says_so():
    world = with_its_own()
    backup(world.world(), APP)
    world.accessories.servers["db.example.com"].lines.append("c")
    done = restore_data(world.world(), APP, "latest", sure=True, snapshot_before=False)
    assert "It uses the db at your address, which was not touched." in done.message
    assert world.accessories.servers["db.example.com"].lines == ["a", "b", "c"]


def test_its_image_is_fetched_when_it_was_never_needed_here():
    world = with_its_own()
    world.accessories.fetched.clear()
    backup(world.world(), APP)
    assert [one.name for one in newest(world)[0].parts if one.kind == "elsewhere"] == ["db"]


def test_an_engine_that_does_not_answer_is_no_reason_to_leave_it_out():
    world = with_its_own()

    def ask(*_, **given):
        raise RuntimeUnreachable("Docker does not answer.")

    world.accessories.ask = ask
    with pytest.raises(RuntimeUnreachable):
        backup(world.world(), APP)
    assert not world.repositories.storage.kept and not left(world)


def test_a_copy_and_a_drill_have_it_in_databases_of_their_own():
    world = with_its_own()
    result = backup(world.world(), APP)
    assert drill(world.world(), APP).outcome == "proved" and world.store.entries[APP][-1].flow == "drill"
    repository = world.repositories.open(APP)
    route = Route(hosts=("copy.test",))
    restore_new(world.world(), Elsewhere_(APP, "copy", repository, result.snapshot, route))
    assert world.accessories.read("copy", "db") == ["a", "b"]
    assert SECRET not in str(world.store.settings("copy", 1))
    restore_new(world.world(), Elsewhere_(APP, "other", repository, route=Route(hosts=("other.test",)),
                                          settings={"DATABASE_URL": "postgres://another"}))  # fmt: skip
    assert [state.name for state in world.accessories.all("other")] == ["cache"]


def test_on_another_machine_it_is_where_it_was():
    world = with_its_own()
    backup(world.world(), APP)
    remove(world.world(), APP, purge=True)
    world.repositories.set_up(APP)
    notes = Notes()
    restore_new(world.world(report=notes), Elsewhere_(APP, APP, world.repositories.open(APP)))
    assert world.store.settings(APP, 1)["DATABASE_URL"] == ADDRESS
    assert [state.name for state in world.accessories.all(APP)] == ["cache"]
    assert any(
        "The db at your address was not touched. What it had then is in the snapshot." in one for one in notes.notes
    )
