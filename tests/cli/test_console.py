"""`discode exec` and `run` for an app that is processes."""

import os
import signal
import subprocess

import pytest

from console_contract import ConsoleContract, discode, shell, started
from place import APP, Place
from rig.wait import wait_for

# At once: a shell would do so between two commands of its own.
HEEDS_ITS_TERMINAL = (
    "import os, signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
    "signal.signal(signal.SIGHUP, lambda *_: os._exit(5)); print('ready', flush=True)\nwhile True: signal.pause()"
)
WORKER = 'processes: {worker: [python3, -c, "import time; time.sleep(600)"]}\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("place"))
    place.init()
    place.publish("1.0.0", extra=WORKER)
    place.install()
    yield place
    place.close()


class TestProcesses(ConsoleContract):
    """The contract, for processes."""


def test_a_stopped_app_has_no_console_and_commands_run_beside_it(installed):
    installed.get("/first", "POST")
    installed.run("stop", APP)
    answer = installed.run("exec", APP, "--", "ls", code=125)
    assert f"discode run {APP} -- COMMAND" in answer.err and "is stopped" in answer.err
    done = shell(installed, "ls data; touch data/second; echo $SECRET", "run")
    assert done.returncode == 0 and done.stdout.startswith(b"first\n") and len(done.stdout.split()[1]) == 64
    assert list((installed.home / "once").iterdir()) == []
    installed.run("start", APP)
    assert installed.get("/notes")[1] == "firstsecond"


def test_an_update_goes_on_and_takes_the_console_with_it_but_not_what_runs_beside(installed):
    console = started(installed, "exec", "trap '' HUP TERM; echo ready; exec sleep 600")
    beside = started(installed, "run", "echo ready; read -r line; cat VERSION")
    shell = started(installed, "exec", f'exec python3 -c "{HEEDS_ITS_TERMINAL}"')
    installed.publish("1.1.0")
    installed.run("update", APP)
    out, err = console.communicate(timeout=300)
    assert (out, console.returncode) == ("", 137) and "has ended, and the command with it." in err
    assert shell.wait(300) == 5, "what ignores SIGTERM, as a shell does, hears that its terminal goes"
    assert beside.communicate("\n", timeout=300) == ("1.0.0", "") and beside.returncode == 0


def test_what_a_killed_command_ran_is_ended_by_its_guard(installed):
    command = started(installed, "run", "trap '' HUP TERM; echo ready; sleep 600; sleep 600")
    [folder] = (installed.home / "once").iterdir()
    command.kill()
    command.wait(300)
    wait_for(lambda: not folder.exists())
    assert not installed.processes(names=(b"sleep\x00600",))


def test_what_a_killed_command_and_its_guard_left_is_ended_by_the_next_settle(installed):
    command = started(installed, "run", "trap '' HUP; echo ready; exec sleep 600")
    [folder] = (installed.home / "once").iterdir()
    installed.run("settle", "--all")
    assert folder.exists() and command.poll() is None, "its command lives"
    installed.kill_with_guard(command)
    command.wait(300)
    installed.run("settle", "--all")
    assert not folder.exists() and not installed.processes(names=(b"sleep\x00600",))


def test_an_app_that_must_not_run_twice_is_stopped_before_something_runs_beside_it(place):
    place.publish("1.0.0", update="strategy: hold, confirm: 200ms, stop: 3s")
    place.install()
    answer = place.run("run", APP, "--", "ls", code=125)
    assert "only one instance of it at a time may have its data" in answer.err
    assert f"discode exec {APP} -- COMMAND. Or stop it first: discode stop {APP}" in answer.err
    assert discode(place, "exec", APP, "--", "cat", "VERSION").stdout == b"1.0.0"
    place.run("stop", APP)
    beside = started(place, "run", "echo ready; read -r line")
    assert "discode run" in place.run("start", APP, code=6).err, "it is told who has the data"
    beside.communicate("\n", timeout=300)
    place.run("start", APP)


def test_a_terminal_that_is_closed_ends_what_ran_in_it(installed):
    master, slave = os.openpty()
    child = subprocess.Popen(
        ["setsid", "--ctty", *installed.command("exec", APP, "--", "sh", "-c", "echo ready; exec sleep 600")],
        env=installed.env, stdin=slave, stdout=slave, stderr=slave,
    )  # fmt: skip
    os.close(slave)
    seen = b""
    while not seen.endswith(b"\n"):
        seen += os.read(master, 100)
    assert seen == b"ready\r\n"
    os.close(master)
    assert child.wait(300) == 128 + signal.SIGHUP
    wait_for(lambda: not installed.processes(names=(b"sleep\x00600",)))
