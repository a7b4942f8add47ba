"""Those beside an app, for people: how they are, their logs, and commands in them."""

import os

import pytest
from beside import DB, WITH_CACHE, behaves, publish
from scenarios import APP, installed_with

from discode.core.errors import Refused, UsageError
from discode.flows.accessory_look import see
from discode.flows.configure import configure
from discode.flows.console import execute
from discode.flows.follow import Change, Query, check_process, follow, recorded
from discode.flows.power import stop
from discode.flows.remove import remove
from discode.flows.update import update
from discode.ports.console import Console
from discode.testing.memory_accessories import AccessoryBehaviour
from discode.testing.memory_world import MemoryWorld


@pytest.fixture
def made():
    world = MemoryWorld(APP)
    installed_with(world, WITH_CACHE)
    return world


@pytest.fixture
def console(tmp_path):
    with (tmp_path / "out").open("wb") as out:
        yield Console(os.open(os.devnull, os.O_RDONLY), out.fileno(), out.fileno())


def seen(world):
    one = world.store.installations[APP]
    return {one.name: (one.phase, one.trouble) for one in see(world.world().site("image", world.world().steps()), one)}


def elsewhere(world):
    configure(world.world(), APP, {"DATABASE_URL": "postgres://db.example.com/app"}, force=True)


def test_they_are_seen_as_they_are(made):
    assert seen(made) == {"cache": ("running", ""), "db": ("running", "")}
    behaves(made, DB, AccessoryBehaviour.NEVER_HEALTHY)
    made.accessories.live.pop((APP, "cache"))
    assert seen(made) == {"cache": ("missing", "it does not run"), "db": ("running", "connection refused")}


def test_of_a_stopped_app_they_are_stopped_and_that_is_no_trouble(made):
    stop(made.world(), APP)
    assert seen(made) == {"cache": ("stopped", ""), "db": ("stopped", "")}


def test_one_that_is_elsewhere_has_no_log_and_runs_no_command(made, console):
    elsewhere(made)
    assert seen(made)["db"] == ("elsewhere", "")
    with pytest.raises(UsageError, match="db of myapp is elsewhere"):
        execute(made.world(), APP, ["exit", "0"], console, "db")
    with pytest.raises(UsageError, match="db of myapp is elsewhere"):
        recorded(made.world(), made.store.installations[APP], Query(process="db"))


def test_a_command_runs_in_one(made, console):
    assert execute(made.world(), APP, ["exit", "7"], console, "db") == 7
    with pytest.raises(UsageError, match="has no process mail; it has: web, db, cache"):
        execute(made.world(), APP, ["exit", "0"], console, "mail")
    made.accessories.stop(APP, "db", 1)
    with pytest.raises(Refused) as refused:
        execute(made.world(), APP, ["exit", "0"], console, "db")
    assert refused.value.name == "not-running" and refused.value.next_step == "See why: discode status myapp"


def test_the_log_of_one_is_told(made):
    one = made.store.installations[APP]
    check_process(one, "db")
    assert list(recorded(made.world(), one, Query(process="db"))) == ["myapp-db starts"]


def test_the_log_of_one_is_followed_over_its_change_until_the_app_is_gone(made):
    lines = follow(made.world(), made.store.installations[APP], Query(process="db"))
    assert next(lines) == "myapp-db starts" and next(lines) is None
    publish(made, "1.1", {**WITH_CACHE, "db": DB.changed(command=["-c", "max_connections=9"])})
    update(made.world(), APP)
    found = [next(lines) for _ in range(6)]
    assert found.count("myapp-db starts") == 1 and not any(isinstance(line, Change) for line in found)
    remove(made.world(), APP)
    assert [line for line in lines if line is not None] == []
