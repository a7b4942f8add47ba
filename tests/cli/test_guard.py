"""A command that holds requests is killed: its guard brings a version back, and nobody has to type anything."""

import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from rig.wait import wait_for

HOLD = "strategy: hold, hold: 20s, confirm: 500ms, drain: 5s, stop: 3s"


class Asker(threading.Thread):
    """Asks until it is ended; `answers` has every one."""

    def __init__(self, place):
        super().__init__()
        self.place, self.answers, self.on = place, [], True

    def run(self):
        while self.on:
            try:
                self.answers.append(self.place.get())
            except OSError as error:
                self.answers.append((0, repr(error)))
            time.sleep(0.02)


def _step(place, step):
    """The journal and the instances tell how far the update is."""
    if step == "held":
        return len(place.instances()) == 1 and (place.home / "apps" / "shop" / "journal.json").exists()
    return len(place.instances()) == 2


@pytest.mark.parametrize("step", ["held", "started"])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGHUP], ids=["killed", "terminal lost"])
def test_a_version_serves_again_by_itself(place, step, number):
    place.publish("1.0", update=HOLD)
    place.install()
    place.publish("1.1", update=HOLD)
    asker = Asker(place)
    asker.start()
    command = place.start("update", "shop")
    journal = place.home / "apps" / "shop" / "journal.json"
    wait_for(lambda: _step(place, step))
    command.send_signal(number)
    command.communicate()
    wait_for(lambda: not journal.exists())
    wait_for(lambda: asker.answers[-1:] and asker.answers[-1][0] == 200)
    before = len(asker.answers)
    wait_for(lambda: len(asker.answers) > before + 5)
    asker.on = False
    asker.join()
    assert {status for status, _ in asker.answers} == {200}
    told = place.run("status", "shop", "--json").last
    assert told["version"] == asker.answers[-1][1] and len(place.instances()) == 1


def test_a_guard_whose_command_is_done_does_nothing(place):
    place.publish("1.0", update=HOLD)
    place.install()
    history = place.run("history", "shop", "--json").out
    done = subprocess.run(place.command("guard", "shop"), input=b".", capture_output=True, env=place.env, timeout=20)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    done = subprocess.run(place.command("guard", "shop"), input=b"", capture_output=True, env=place.env, timeout=20)
    assert done.returncode == 0, "there is no journal: nothing is to be done"
    assert place.run("history", "shop", "--json").out == history


def test_no_guard_is_left_after_an_update(place):
    place.publish("1.0", update=HOLD)
    place.install()
    place.publish("1.1", update=HOLD)
    place.run("update", "shop")
    words = [Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0") for pid in place.processes()]
    assert words and not [one for one in words if b"guard" in one]
