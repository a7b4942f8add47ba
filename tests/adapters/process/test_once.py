"""Release commands as processes: their output as it comes, their deadline, and what they leave behind."""

import sys

from rig.wait import wait_for, with_time

STUBBORN = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: print("told to end", flush=True))
print("begun", flush=True)
while True: time.sleep(0.05)
"""
# Its own way means a session of its own, with the pipe still open.
LEAVES_ONE = """
import subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"], start_new_session=True)
print("done", flush=True)
"""


def once(bench, program, within=60):
    seen = []
    done = bench.runtime.run_once(bench.spec(), [sys.executable, "-c", program], within, seen.append)
    assert list(done.output) == seen
    return done


def test_a_command_that_does_not_end_is_told_to_and_killed(bench):
    def ended(seconds):
        bench.release = bench.fetched("", update={"stop": seconds / 2})
        return once(bench, STUBBORN, seconds)

    done = with_time(ended, lambda done: len(done.output) == 2, 1.0)
    assert done.exit_code is None and done.output == ("begun", "told to end")


def test_a_program_that_it_leaves_behind_is_not_waited_for(bench):
    done = once(bench, LEAVES_ONE)
    assert (done.exit_code, done.output) == (0, ("done",))


def test_its_end_may_be_anything_and_its_last_words_are_there(bench):
    done = once(bench, "import sys; print('a' * 100_000, flush=True); print('b', file=sys.stderr); sys.exit(5)")
    assert done.exit_code == 5 and set(done.output) == {"a" * 100_000, "b"}
    assert bench.runtime.run_once(bench.spec(), ["./nosuch"], 60, print).output == (
        "./nosuch: No such file or directory",
    )


def test_a_command_of_the_app_that_is_not_there_is_named(bench):
    spec = bench.spec(release=bench.fetched("", command=["./nosuch"]))
    bench.runtime.start(spec)
    state = wait_for(lambda: (s := bench.runtime.inspect(spec.name)).restarts and s)
    assert state.exit_code == 127 and any("nosuch" in line for line in bench.runtime.logs(spec.name))
