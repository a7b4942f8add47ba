"""A command that holds requests is killed: its guard brings a version back, and nobody has to type anything."""

import json
import signal
import subprocess
from pathlib import Path

import pytest

from rig.load import Load
from rig.wait import wait_for

HOLD = "strategy: hold, hold: 90s, confirm: 500ms, drain: 60s, stop: 3s"


@pytest.mark.parametrize("step", ["hold", "boot"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=["killed", "terminal lost"])
def test_a_version_serves_again_by_itself(place, step, number):
    place.publish("1.0", update=HOLD)
    place.install()
    place.publish("1.1", update=HOLD.replace("500ms", "60s"))
    journal = place.home / "apps" / "shop" / "journal.json"
    with Load(place.port, "shop.test", users=1) as load:
        command = place.start("update", "shop", "--json")
        for line in command.stdout:
            if json.loads(line).get("step") == step:
                break
        if step == "boot":
            wait_for(lambda: len(place.instances()) == 2)
        command.send_signal(number)
        command.communicate()
        wait_for(lambda: not journal.exists())
    assert not load.bad
    told = place.run("status", "shop", "--json").last
    assert told["version"] == load.seen[-1] and len(place.instances()) == 1


def test_a_guard_whose_command_is_done_does_nothing(place):
    place.publish("1.0", update=HOLD)
    place.install()
    history = place.run("history", "shop", "--json").out
    done = subprocess.run(place.command("guard", "shop"), input=b".", capture_output=True, env=place.env, timeout=90)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = subprocess.run(place.command("guard", "shop"), input=b"", capture_output=True, env=place.env, timeout=90)
    assert done.returncode == 0, "there is no journal: nothing is to be done"
    assert place.run("history", "shop", "--json").out == history


def test_no_guard_is_left_after_an_update(place):
    place.publish("1.0", update=HOLD)
    place.install()
    place.publish("1.1", update=HOLD)
    place.run("update", "shop")
    words = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in place.processes()]
    assert words and not [one for one in words if b"guard" in one]
