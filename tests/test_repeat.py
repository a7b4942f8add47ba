"""`bin/test --repeat`: goes on after a failing round, and says what was not green every time."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

# The others take seconds to load, and a round here takes none; pytest-xdist's workers need it to be loaded as usual.
PLUGINS = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_PLUGINS": "pytest_randomly"}
ROOT = Path(__file__).parents[1]
PLANTED = """
import pathlib, pytest

@pytest.mark.parametrize("number", range(8))
def test_in_some_order(number):
    with open("order", "a") as file:
        file.write(str(number))

def test_now_and_then():
    count = pathlib.Path("count")
    tries = int(count.read_text()) if count.exists() else 0
    count.write_text(str(tries + 1))
    assert tries != 1, "the second time it fails"

@pytest.fixture
def broken():
    yield
    raise RuntimeError("at its end")

def test_with_a_broken_end(broken):
    pass
"""


@pytest.fixture
def repeat(tmp_path):
    (tmp_path / "test_planted.py").write_text(PLANTED)

    def run(*words, code=1):
        plugins = {} if "-n" in words else PLUGINS
        command = [sys.executable, ROOT / "bin" / "lib" / "repeat.py", *words]
        done = subprocess.run(
            command, cwd=tmp_path, env={**os.environ, **plugins}, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    return run


@pytest.mark.parametrize("workers", [(), ("-n", "1", "-p", "no:schemathesis")], ids=["alone", "by a worker"])
def test_what_was_not_green_every_time_is_told_with_its_seed_and_log(repeat, tmp_path, workers):
    told = repeat("3", "-q", *workers).partition("rounds green\n")[2]
    assert "NOT GREEN EVERY TIME, 1 of 3: test_planted.py::test_now_and_then\n    round 2: --randomly-seed=" in told
    assert "NOT GREEN EVERY TIME, 3 of 3: test_planted.py::test_with_a_broken_end\n" in told
    assert "test_in_some_order" not in told
    log = Path(re.search(r"round 2: .*, (/.*)", told)[1])
    assert "the second time it fails" in log.read_text()


def test_all_green_is_said_and_every_round_has_an_order_of_its_own(repeat, tmp_path):
    told = repeat("5", "-k", "order", code=0)
    assert told.endswith("5 of 5 rounds green\n")
    orders = re.findall(r"\d{8}", (tmp_path / "order").read_text())
    assert len(orders) == 5 and len(set(orders)) > 1


def test_one_seed_repeats_one_order(repeat, tmp_path):
    repeat("3", "-k", "order", "--randomly-seed=7", code=0)
    orders = re.findall(r"\d{8}", (tmp_path / "order").read_text())
    assert len(orders) == 3 and len(set(orders)) == 1


def test_a_round_that_ends_without_a_failed_test_is_not_green(repeat, tmp_path):
    (tmp_path / "test_planted.py").write_text("def test_ends():\n    import os\n    os.kill(os.getpid(), 9)\n")
    told = repeat("2")
    assert "0 of 2 rounds green" in told and "NO TEST FAILED, but pytest ended with -9: round 1" in told


def test_a_wrong_option_is_not_repeated(repeat):
    assert "; 1 were run" in repeat("3", "--no-such-option")


@pytest.mark.parametrize("words", [("none",), ("0",), ("-1",), ("x", "tests")])
def test_the_number_of_rounds_is_a_number(repeat, words):
    assert "needs a number of rounds" in repeat(*words, code=4)
