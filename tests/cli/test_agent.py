"""The agent on real processes: it starts what is due, is one a home, and may be killed at any time."""

import json
import random
import signal
import subprocess
import sys
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

import pytest

from discode.agent import bell, state
from discode.cli.wiring_agent import backup_due
from discode.core.backup_plan import BackupPlan
from discode.core.history import HistoryEntry
from discode.core.rollout import place_of
from place import APP
from rig.load import Load
from rig.told import Hook
from rig.wait import wait_for

# As the command does it, but with pauses that a test has time for.
SHORT = """
import sys
from dataclasses import replace
from pathlib import Path
from discode.agent import agent, chores, program
from discode.cli.wiring_agent import HostLook
home = Path(sys.argv[1])
agent.Agent.__init__.__defaults__ = (tuple(replace(one, pause=0.3) for one in chores.CHORES if one.name != "settle"),)
program.run(home, HostLook(home), "test")
"""


@pytest.fixture
def agents(installed):
    """Starts agents of the place; none is left."""
    made = []

    def start(*, short=False):
        words = [sys.executable, "-c", SHORT, str(installed.home)] if short else installed.command("agent")
        made.append(subprocess.Popen(words, env=installed.env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
        return made[-1]

    yield start
    for one in made:
        one.kill()
        one.wait()
        one.stdout.close()


def shown(place):
    return place.run("agent", "show", "--json").last


def commands(place):
    return {one["command"]: one for one in shown(place)["commands"]}


def done(place, command):
    """Waits until the agent has seen its end."""

    def found():
        one = commands(place).get(command)
        return one if one and one["ended"] is not None else None

    return wait_for(found, what=f"the end of {command}")


def first_in_line(place):
    """Of all installations: its moments are at the begin of each window."""
    path = place.home / "apps" / APP / "installation.json"
    seed = next(seed for seed in map(str, range(10**6)) if place_of(seed, "window") < 0.001)
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": seed}))


def forget_the_look(place):
    """As an hour later."""
    (place.home / "apps" / APP / "automatic-seen.json").unlink(missing_ok=True)
    bell.ring(place.home)


def updates(place):
    history = place.run("history", APP, "--json", "--lines", "1000").last["history"]
    return [(one["to_version"], one["outcome"]) for one in history if one["flow"] == "update"]


def test_it_settles_and_updates_and_tells_of_both(installed, agents):
    first_in_line(installed)
    installed.publish("1.1.0")
    installed.run("auto", APP, "on", "--window", "always", "--delay", "0")
    assert not shown(installed)["lives"] and "No agent runs" in installed.run("agent", "show").out
    one = agents()
    settled = done(installed, "settle --all")
    assert (settled["code"], settled["chore"]) == (0, "settle")
    looked = done(installed, f"update {APP} --automatic")
    assert looked["code"] == 0
    assert shown(installed)["pid"] == one.pid and shown(installed)["lives"]
    text = installed.run("agent", "show").out
    assert f"The agent runs (pid {one.pid})" in text and f"update {APP} --automatic" in text
    [check] = [one for one in installed.run("doctor", "--json", code=None).last["checks"] if one["what"] == "agent"]
    assert check["ok"] and f"runs (pid {one.pid}); it last settled 0 minutes ago" in check["detail"]


def test_there_is_one_a_home_and_a_second_one_says_so(installed, agents):
    first = agents()
    done(installed, "settle --all")
    refused = installed.run("agent", code=6)
    assert f"runs already (pid {first.pid}). Nothing was changed." in refused.err
    first.kill()
    first.wait()
    agents()
    wait_for(lambda: shown(installed)["lives"], what="the next one")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_it_ends_at_once_and_what_it_has_started_goes_on(installed, agents, number):
    first_in_line(installed)
    installed.publish("1.1.0", update="confirm: 3s, drain: 60s, stop: 3s")
    installed.run("auto", APP, "on", "--window", "always", "--delay", "0")
    one = agents(short=True)
    journal = installed.home / "apps" / APP / "journal.json"
    wait_for(journal.exists, what="the update's journal")
    one.send_signal(number)
    assert one.wait(60) == -number
    wait_for(lambda: not journal.exists(), what="the update's end")
    assert updates(installed) == [("1.1.0", "done")] and installed.get() == (200, "1.1.0")
    agents(short=True)
    assert done(installed, f"update {APP} --automatic")["code"] == 0
    assert updates(installed) == [("1.1.0", "done")]


@pytest.mark.parametrize("how", ["bell", "SIGHUP"])
def test_a_change_is_taken_up_though_it_sleeps(installed, agents, how):
    one = agents()
    done(installed, "settle --all")
    assert f"update {APP} --automatic" not in commands(installed)
    if how == "bell":
        installed.run("auto", APP, "on")
    else:
        path = installed.home / "apps" / APP / "automatic.json"
        path.write_text(json.dumps({"app": APP, "on": True}))
        one.send_signal(signal.SIGHUP)
    assert done(installed, f"update {APP} --automatic")["code"] == 0


def test_an_address_for_notices_is_taken_up_though_it_sleeps(installed, agents):
    agents()
    done(installed, "settle --all")
    with closing(Hook()) as hook:
        installed.run("notify", "add", hook.url)
        assert done(installed, "notify check")["code"] == 0


def test_a_heartbeat_is_taken_up_though_it_sleeps(installed, agents):
    agents()
    done(installed, "settle --all")
    with closing(Hook()) as hook:
        installed.run("notify", "heartbeat", hook.web_address)
        assert done(installed, "notify check")["code"] == 0
        wait_for(lambda: len(hook.called) == 2, what="the call of the check")


def test_a_failure_is_told_with_what_it_was(installed, agents):
    path = installed.home / "apps" / APP / "installation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "source": str(installed.folder / "away")}))
    installed.run("auto", APP, "on")
    agents()
    failed = done(installed, f"update {APP} --automatic")
    assert failed["code"] == 7 and "has no releases" in failed["said"]


def test_asleep_it_is_small_and_in_one_call(installed, agents):
    one = agents()
    done(installed, "settle --all")
    lines = Path(f"/proc/{one.pid}/smaps_rollup").read_text().splitlines()
    [pss] = [int(line.split()[1]) for line in lines if line.startswith("Pss:")]
    assert pss < 60 * 1024, "kilobytes"
    wait_for(lambda: "poll" in _waits_in(one.pid), what="its sleep")


def _waits_in(pid):
    """The system call that it is in, by its number, as a name."""
    number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return {"7": "poll", "73": "ppoll", "271": "ppoll"}.get(number, number)


def _pid(home):
    found = state.read(home)
    return found.pid if found else None


@contextmanager
def killed_at_random(home, agents, rounds, seed=17):
    """A generator of agents that live for up to a second each; how many there were is counted."""
    chance, count = random.Random(seed), [0]

    def kill_one():
        one = agents(short=True)
        wait_for(lambda: _pid(home) == one.pid, what="its begin", unless=one.poll)
        with suppress(subprocess.TimeoutExpired):
            one.wait(chance.uniform(0, 1.2))
        one.kill()
        one.wait()
        count[0] += 1

    yield kill_one
    while count[0] < rounds:
        kill_one()


def test_fifty_kills_at_random_lose_and_double_nothing(installed, agents):
    """Five releases, one of them bad, under load; whoever is killed, the commands go on."""
    first_in_line(installed)
    installed.run("auto", APP, "on", "--window", "always", "--delay", "0")
    with Load(installed.port, "shop.test", users=2) as load, killed_at_random(installed.home, agents, 50) as kill_one:
        for version, behaviour in [("1.1.0", "good"), ("1.2.0", "good"), ("1.3.0", "exits"), ("1.4.0", "good")]:
            installed.publish(version, behaviour)
            forget_the_look(installed)
            for _ in range(200):
                kill_one()
                if version in [one for one, _ in updates(installed)]:
                    break
                if not _is_waiting(installed):
                    forget_the_look(installed)
    wait_for(lambda: not installed.journals() and not _commands(installed), what="the end of what was started")
    assert updates(installed) == [("1.1.0", "done"), ("1.2.0", "done"), ("1.3.0", "failed"), ("1.4.0", "done")]
    assert installed.get() == (200, "1.4.0") and len(installed.instances()) == 1 and not load.bad


def _is_waiting(place):
    """Whether the last look has found when something is due; else it was too early for it."""
    try:
        found = json.loads((place.home / "apps" / APP / "automatic-seen.json").read_text())
    except OSError:
        return True
    return found["version"] is not None


def _commands(place):
    return place.processes(names=(b"\0--automatic\0",))


NIGHT, YEAR = datetime(2026, 3, 10, 4).timestamp(), 365 * 86400.0


def ended(flow, at):
    return HistoryEntry(started=at, at=at, flow=flow, outcome="done")


@pytest.mark.parametrize(
    ("past", "words"),
    [
        ([], ("backup", "now", APP, "--scheduled")),
        ([ended("backup", NIGHT - 60)], ("backup", "drill", APP)),
        ([ended("backup", NIGHT - 60), ended("drill", NIGHT - 60)], None),
        ([ended("backup", NIGHT + 3600), ended("drill", NIGHT - 60)], None),
        ([ended("backup", NIGHT + YEAR), ended("drill", NIGHT + YEAR)], ("backup", "now", APP, "--scheduled")),
        ([ended("backup", NIGHT + YEAR), ended("backup", NIGHT - 60), ended("drill", NIGHT - 60)], None),
    ],
)
def test_what_a_clock_that_was_ahead_has_written_keeps_no_backup_waiting(past, words):
    """Within a day it may be the change of a zone, or a clock that was set a little: nothing is done twice for that."""
    plan = BackupPlan(app=APP, repository="/r", at="03:00", drill_days=7, since=1.0)
    assert backup_due(plan, past, NIGHT) == words


def test_backups_with_a_schedule_are_started_by_it(installed, agents, tmp_path):
    installed.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it")
    plan = installed.home / "apps" / APP / "backup.json"
    told = json.loads(plan.read_text())
    told["plan"] |= {"at": "00:00", "since": 1.0}
    plan.write_text(json.dumps(told))
    agents()
    assert done(installed, f"backup now {APP} --scheduled")["code"] == 0
    flows = [one["flow"] for one in installed.run("history", APP, "--json").last["history"]]
    assert flows == ["install", "backup"] and (tmp_path / "storage").is_dir()
