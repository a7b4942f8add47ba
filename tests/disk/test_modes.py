"""The umask of our programs, by the caller's."""

import subprocess
import sys

import pytest

TELL = "import os; from discode.disk.modes import set_umask; set_umask(); print(oct(os.umask(0)))"


@pytest.mark.parametrize(
    ("given", "own"),
    [(0o000, "0o22"), (0o022, "0o22"), (0o027, "0o22"), (0o077, "0o22"), (0o002, "0o2"), (0o007, "0o2")],
)
def test_only_a_group_that_shares_counts(given, own):
    told = subprocess.run([sys.executable, "-c", TELL], umask=given, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == own
