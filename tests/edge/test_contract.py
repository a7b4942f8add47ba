"""kamal-proxy's command contract: the black-box cases that the real one passes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[1] / "contract" / "kamal_proxy_contract.py"
LISTED = subprocess.run([sys.executable, SCRIPT, "--list"], capture_output=True, text=True, check=True).stdout.split()


def test_all_cases_are_there():
    assert len(LISTED) == 27


@pytest.mark.timeout(200)
def test_the_contract(edge):
    """The restart kills the controller: HAProxy goes on, and the next controller finds everything again."""
    command = f"{sys.executable} -m discode.edge --state-dir {edge.folder}"
    restart = (
        f"kill -9 $(cat {edge.folder}/controller.pid); "
        f"setsid {command} run --http-port {edge.port} --bind 127.0.0.1 > /dev/null 2>&1 < /dev/null & "
        f"sleep 0.2; for i in $(seq 100); do {command} list > /dev/null 2>&1 && break; sleep 0.1; done"
    )
    done = subprocess.run(
        [sys.executable, SCRIPT, "--command", command, "--http-port", str(edge.port), "--restart", restart],
        capture_output=True,
        text=True,
        timeout=190,
    )
    edge.process.wait(5)
    try:
        print(done.stdout)
        passed = re.search(r"^(\d+) passed, 0 failed$", done.stdout, re.MULTILINE)
        assert passed and int(passed[1]) == 27, done.stdout + done.stderr
        assert "left out" not in done.stdout
    finally:
        _end(int((edge.folder / "controller.pid").read_text()))


def _end(pid):
    subprocess.run(["kill", str(pid)], check=False)
    for _ in range(200):
        if not Path(f"/proc/{pid}").exists():
            return
        subprocess.run(["sleep", "0.05"], check=True)
