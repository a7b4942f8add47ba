"""Commands that are run in an app: which are carried out, and what ends those of commands that are dead."""

import os

import pytest
import scenarios
from scenarios import APP, HOLD

from discode.core.errors import NoSuchApp, Refused, UsageError
from discode.flows.console import execute, run
from discode.flows.power import start, stop
from discode.flows.prune import prune
from discode.flows.remove import remove
from discode.flows.restore import restore
from discode.flows.settle import settle_for_the_dead
from discode.ports.console import Console
from discode.testing.faults import Crash
from discode.testing.memory_world import MemoryWorld


@pytest.fixture
def made():
    return installed()


def installed(**fields):
    made = MemoryWorld(APP)
    scenarios.installed(made, **fields)
    return made


@pytest.fixture
def console(tmp_path):
    with (tmp_path / "out").open("wb") as out:
        yield Console(os.open(os.devnull, os.O_RDONLY), out.fileno(), out.fileno())


def test_the_code_is_the_commands_own(made, console):
    assert execute(made.world(), APP, ["exit", "7"], console) == 7
    assert run(made.world(), APP, ["exit", "7"], console) == 7
    with pytest.raises(NoSuchApp):
        run(made.world(), "nobody", ["exit", "0"], console)
    with pytest.raises(UsageError, match="has no process worker; it has: web"):
        execute(made.world(), APP, ["exit", "0"], console, "worker")


def test_a_crashed_app_is_told_from_a_stopped_one(made, console):
    made.runtime.live.clear()
    with pytest.raises(Refused) as crashed:
        execute(made.world(), APP, ["exit", "0"], console)
    assert crashed.value.name == "not-running" and crashed.value.next_step == f"See why: discode status {APP}"
    stop(made.world(), APP)
    with pytest.raises(Refused) as stopped:
        execute(made.world(), APP, ["exit", "0"], console)
    assert stopped.value.name == "stopped"


def test_what_is_gone_is_fetched_before_something_runs_beside_it(made, console):
    stop(made.world(), APP)
    made.runtime.fetched.clear()
    assert run(made.world(), APP, ["exit", "3"], console) == 3


def test_data_of_one_program_at_a_time_is_not_given_to_a_second(console):
    made = installed(**HOLD)
    with pytest.raises(Refused) as refused:
        run(made.world(), APP, ["exit", "0"], console)
    assert refused.value.name == "only-one"
    stop(made.world(), APP)
    assert run(made.world(), APP, ["exit", "3"], console) == 3


def test_a_command_that_dies_is_followed_by_its_guard(made, console):
    def dies(*_):
        made.runtime.begun.append((APP, False))
        raise Crash

    made.runtime.run = dies
    with pytest.raises(Crash):
        run(made.world(), APP, ["exit", "0"], console)
    assert made.system.left_alone == {APP}
    settle_for_the_dead(made.world(), APP)
    assert made.runtime.begun == []


@pytest.mark.parametrize("flow", [restore, prune, start], ids=["settle", "prune", "start"])
def test_what_dead_commands_have_begun_is_ended(made, flow):
    stop(made.world(), APP)
    made.runtime.begun += [(APP, False), (APP, True), ("other", False)]
    flow(made.world(), APP)
    assert made.runtime.begun == [(APP, True), ("other", False)]


@pytest.mark.parametrize("is_installed", [True, False])
def test_with_the_app_goes_all_that_was_begun_in_it(made, is_installed):
    if not is_installed:
        remove(made.world(), APP)
    made.runtime.begun += [(APP, False), (APP, True)]
    remove(made.world(), APP, purge=True)
    assert made.runtime.begun == []
