"""The tests do not depend on what their starter ignores, blocks or masks."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

HOSTILE = """
import os, signal, sys
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGPIPE, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGUSR1))
os.umask(0o077)
os.execv(sys.executable, [sys.executable, "-c", sys.argv[1]])
"""
RUN = """
import os, subprocess, sys
if {reset}:
    import inherited
    inherited.reset()
os.kill(os.getpid(), 2)  # the run itself still ignores it
print(subprocess.run(["cat", "/proc/self/status"], stdout=subprocess.PIPE, text=True).stdout)
print("code:", subprocess.run(["false"]).returncode)
"""


def of_a_child(reset):
    """What a child of a run with a hostile starter ignores, what it blocks, its umask, and the exit code of `false`."""
    command = [sys.executable, "-c", HOSTILE, RUN.format(reset=reset)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path(__file__).parent, timeout=300)
    assert done.returncode == 0, done.stderr
    fields = dict(line.split(":", 1) for line in done.stdout.splitlines() if ":" in line)
    masks = (int(fields[name], 16) for name in ("SigIgn", "SigBlk"))
    ignored, blocked = ({number for number in signal.Signals if mask >> (number - 1) & 1} for mask in masks)
    return ignored, blocked, int(fields["Umask"], 8), int(fields["code"])


def test_children_have_the_signals_of_a_typed_command():
    assert of_a_child(reset=True) == (set(), set(), 0o022, 1)


def test_without_it_they_would_not():
    ignored, blocked, umask, code = of_a_child(reset=False)
    assert ignored >= {signal.SIGINT, signal.SIGTERM, signal.SIGHUP} and blocked >= {signal.SIGTERM}
    assert (umask, code) == (0o077, 0), "the exit code is lost with SIGCHLD"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE])
def test_a_child_of_this_run_ends_by_the_signal(number):
    child = subprocess.Popen(["sleep", "60"])
    child.send_signal(number)
    assert child.wait(60) == -number
