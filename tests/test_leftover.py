"""A run that leaves a process is not green."""

import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).parent
LEAVES = """
import subprocess
def test_that_leaves_one(tmp_path):
    env = {} if %r else None
    subprocess.Popen(["sh", "-c", "sleep 300; :", str(tmp_path)], env=env, start_new_session=True)
"""
ENDS = """
import subprocess
def test_that_ends_what_it_started():
    with subprocess.Popen(["sleep", "300"]) as child:
        child.kill()
"""
CONFTEST = """
import sys
sys.path[:0] = {paths!r}
import leftover
leftover.GRACE = 0.5
from leftover_hooks import *
"""


def run(folder, text, *words):
    """A run of its own, not part of this one."""
    folder.mkdir()
    (folder / "test_it.py").write_text(text)
    (folder / "conftest.py").write_text(CONFTEST.format(paths=[str(TESTS), str(TESTS.parent)]))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", folder, *words, folder]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, timeout=300, env={"PATH": "/usr/bin:/bin", "HOME": "/"}
    )
    return done.returncode, done.stdout


def end(text):
    for line in text.splitlines():
        if line.startswith("LEFT BEHIND"):
            subprocess.run(["kill", line.split(": ")[1]], check=True)


def test_a_process_that_is_left_fails_the_run_and_is_named(tmp_path):
    for number, (cleared, words) in enumerate([(False, ()), (True, ()), (False, ("-n", "2"))]):
        code, out = run(tmp_path / str(number), LEAVES % cleared, *words)
        end(out)
        assert code == 1 and "LEFT BEHIND" in out and "sleep 300" in out, out


def test_a_run_that_leaves_none_is_green(tmp_path):
    code, out = run(tmp_path / "one", ENDS)
    assert code == 0 and "LEFT BEHIND" not in out, out
