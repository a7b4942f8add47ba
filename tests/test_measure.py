"""`bin/test --coverage`: child processes count; what ran, by package."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLANTED = """
import subprocess, sys

def test_one_that_starts_the_command():
    subprocess.run([sys.executable, "-m", "discode", "--version"], check=True)
"""


def test_children_count_and_packages_are_told(tmp_path):
    (tmp_path / "test_planted.py").write_text(PLANTED)
    run = [sys.executable, str(ROOT / "bin/lib/measure.py"), "-p", "no:cacheprovider", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("COVERAGE_", "PYTEST_"))}
    done = subprocess.run(run, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = {line.split()[0]: line.split()[1:] for line in done.stdout.splitlines() if " % " in line}
    lines = {name: (int(row[2]), int(row[4])) for name, row in rows.items()}
    assert lines["cli"][0] > 20, "only the child imported it"
    assert lines["hub"][0] == 0 < lines["hub"][1]
    total = lines.pop("TOTAL")
    assert total == (sum(ran for ran, _ in lines.values()), sum(all_ for _, all_ in lines.values()))
