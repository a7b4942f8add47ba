"""The switches of `bin/bench switches`, fewer of them, with kills of the controller and upgrades in between."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "run.py"


@pytest.mark.timeout(900)
def test_no_request_fails_and_no_old_version_answers():
    words = ["switches", "--switches", "6", "--kills", "1", "--upgrades", "1", "--quiet", "1", "--json"]
    done = subprocess.run([sys.executable, BENCH, *words], capture_output=True, text=True, timeout=840)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert (told["failed"], told["failures"], told["old_answers_after_deploy"]) == (0, [], 0)
    assert told["requests"]["fast"] and told["requests"]["mixed"]
