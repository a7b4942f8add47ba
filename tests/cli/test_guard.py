"""A command is killed: its guard settles the app, and nobody has to type anything."""

import contextlib
import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from discode.adapters.files import FileStore
from discode.core.history import GUARD, HistoryEntry
from rig.load import Load
from rig.wait import wait_for
from under_way import request_under_way

HOLD = "strategy: hold, hold: 90s, confirm: 500ms, drain: 60s, stop: 3s"
OVERLAP = HOLD.replace("hold, hold: 90s", "overlap")
STAYS = "confirm: 60s"  # in the step "confirm", until the test has met it there


def _at(command, step):
    """Returns when the command is at that step."""
    for line in command.stdout:
        if json.loads(line).get("step") == step:
            return
    raise AssertionError(f"it ended before {step}")


def _settled(place):
    """What is left when the guard is done, with nothing typed."""
    wait_for(lambda: not (place.home / "apps" / "shop" / "journal.json").exists())
    return place.run("history", "shop", "--json").last["history"][-1]


@pytest.mark.parametrize("step", ["hold", "boot"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=["killed", "terminal lost"])
def test_a_hold_ends_by_itself_and_what_was_held_is_answered(place, step, number):
    """The app takes a while to boot, and held requests are not let go before it answers."""
    place.publish("1.0", "slow:1.2", update=HOLD)
    place.install()
    place.publish("1.1", "slow:1.2", update=HOLD.replace("confirm: 500ms", STAYS))
    with Load(place.port, "shop.test", users=2) as load:
        command = place.start("update", "shop", "--json")
        _at(command, step)
        if step == "boot":
            wait_for(lambda: len(place.instances()) == 2)
        command.send_signal(number)
        command.communicate()
        told = _settled(place)
    assert not load.bad
    assert told["serves"] == load.seen[-1] == "1.0" and len(place.instances()) == 1


@pytest.mark.parametrize(("step", "serves"), [("boot", "1.0"), ("confirm", "1.1")])
def test_an_update_side_by_side_that_is_killed_leaves_one_instance(place, step, serves):
    place.publish("1.0", update=OVERLAP)
    place.install()
    place.publish("1.1", "slow:0.5", update=OVERLAP.replace("confirm: 500ms", STAYS))
    with Load(place.port, "shop.test", users=1) as load:
        command = place.start("update", "shop", "--json")
        _at(command, step)
        wait_for(lambda: len(place.instances()) == 2)
        command.kill()
        told = _settled(place)
    assert not load.bad and load.seen[-1] == serves
    assert told["serves"] == serves and told["outcome"] == f"settled-{'back' if serves == '1.0' else 'forward'}"
    assert told["error"] == "The command was killed; its guard settled the app."
    assert len(place.instances()) == 1
    wait_for(lambda: not place.guards())


def test_an_install_that_is_killed_with_its_whole_group_leaves_nothing_running(place):
    """As a shell or a supervisor of jobs ends one: by its group. The guard is none of it, and has no terminal."""
    place.publish("1.0", "slow:30", deadline="60s")
    words = place.command(*place.install_words(), "--json")
    job = subprocess.Popen(words, env=place.env, stdout=subprocess.PIPE, text=True, process_group=0)
    with job:
        _at(job, "boot")
        wait_for(lambda: place.instances())
        os.killpg(job.pid, signal.SIGKILL)
    assert _settled(place)["serves"] is None
    assert not place.instances()
    assert "shop is not installed" in place.run("status", "shop", code=3).err


def test_a_guard_outlives_the_signals_that_end_a_service(place):
    """systemd sends SIGTERM to all that there is in a service, and SIGKILL later. The command cleans up; if it cannot,
    its guard does."""
    place.publish("1.0", "slow:0.5", update=HOLD)
    place.install()
    place.publish("1.1", "slow:30", update=HOLD)
    command = place.start("update", "shop", "--json")
    _at(command, "boot")
    [guard] = place.guards()
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        os.kill(guard, number)
    command.kill()
    assert _settled(place)["serves"] == "1.0"


def test_a_guard_that_is_killed_too_leaves_requests_held_until_a_version_answers(place):
    """What it started a moment ago does not listen yet, and whoever settles next waits for it."""
    place.publish("1.0", "slow:2", update=HOLD)
    place.install()
    old = place.home / "instances" / place.run("status", "shop", "--json").last["instance"]
    place.publish("1.1", "slow:30", update=HOLD)
    with Load(place.port, "shop.test", users=2) as load:
        command = place.start("update", "shop", "--json")
        _at(command, "boot")
        wait_for((old / "stop").exists)
        command.kill()
        wait_for(lambda: not (old / "stop").exists() and len(place.processes(names=(b"server.py",))) == 1)
        for guard in place.guards():
            with contextlib.suppress(ProcessLookupError):  # on a busy machine it may be done by now
                os.kill(guard, signal.SIGKILL)
        place.run("settle", "shop")
        assert place.get() == (200, "1.0")
    assert not load.bad and len(place.instances()) == 1


def test_the_next_command_waits_for_the_guard(place):
    """Nobody asked for a guard, so nobody is told that another command runs."""
    place.publish("1.0", "slow:1.2", update=HOLD)
    place.install()
    place.publish("1.1", update=HOLD)
    command = place.start("update", "shop", "--json")
    _at(command, "boot")
    command.kill()
    lock = place.home / "locks" / "shop.lock"
    wait_for(lambda: "discode guard shop" in lock.read_text())
    told = place.run("update", "shop")
    assert "shop 1.1 is serving (previously 1.0)." in told.out
    assert [one["outcome"] for one in place.run("history", "shop", "--json").last["history"]][1:] == [
        "settled-back", "done",
    ]  # fmt: skip


def test_a_guard_whose_command_is_done_does_nothing(place):
    place.publish("1.0", update=HOLD)
    place.install()
    history = place.run("history", "shop", "--json").out
    for given in (b".\n", b""):  # with the second one it is needed, but there is no journal
        words = place.command("guard", "shop")
        done = subprocess.run(words, input=given, capture_output=True, env=place.env, timeout=300)
        assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert place.run("history", "shop", "--json").out == history


def test_a_guard_is_small_and_none_is_left_after_a_command(place):
    place.publish("1.0", update=OVERLAP)
    place.install()
    place.publish("1.1", update=OVERLAP)
    with request_under_way(place):
        command = place.start("update", "shop", "--json")
        _at(command, "confirm")
        [guard] = place.guards()
        own = sum(
            int(line.split()[1])
            for line in Path(f"/proc/{guard}/smaps_rollup").read_text().splitlines()
            if line.startswith("Private")
        )
    assert own < 2048, f"{own} kB of its own"
    command.communicate()
    wait_for(lambda: not place.guards())


def test_status_and_doctor_say_what_a_guard_could_not_do(place):
    place.publish("1.0", update=OVERLAP)
    place.install()
    place.publish("1.1", update=OVERLAP.replace("confirm: 500ms", STAYS))
    command = place.start("update", "shop", "--json")
    _at(command, "confirm")
    place.kill_with_guard(command)
    command.wait()
    store = FileStore(place.home, "discode")
    words = "The guard of a killed update tried to settle shop for 30 s and gave up: The proxy does not answer."
    entry = HistoryEntry(started=store.journal("shop").started, at=1.0, flow=GUARD, outcome="failed", error=words)
    store.append_history("shop", entry)
    assert f"Interrupted: update; finish it with: discode settle shop. {words}\n" in place.run("status", "shop").out
    assert place.run("status", "shop", "--json").last["guard_gave_up"] == words
    assert f"BAD   shop: an interrupted update. {words}\n" in place.run("doctor", code=4).out
    place.run("settle", "shop")
    assert place.run("status", "shop", "--json").last["guard_gave_up"] is None
