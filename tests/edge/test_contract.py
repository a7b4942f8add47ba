"""kamal-proxy's command contract: the black-box cases that the real one passes."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rig.wait import wait_for

SCRIPT = Path(__file__).parents[1] / "contract" / "kamal_proxy_contract.py"
LISTED = subprocess.run([sys.executable, SCRIPT, "--list"], capture_output=True, text=True, check=True).stdout.split()


def test_all_cases_are_there():
    assert len(LISTED) == 27


@pytest.mark.timeout(200)
def test_the_contract(edge):
    """The restart kills the controller: HAProxy goes on, and the next controller finds everything again."""
    command = f"{sys.executable} -m discode.edge --state-dir {edge.folder}"
    restart = (
        f"old=$(cat {edge.folder}/controller.pid); kill -9 $old; "
        f"setsid {command} run --http-port {edge.port} --bind 127.0.0.1 > /dev/null 2>&1 < /dev/null & "
        f'until [ "$(cat {edge.folder}/controller.pid)" != "$old" ] && {command} list > /dev/null 2>&1; '
        "do sleep 0.1; done"
    )
    done = subprocess.run(
        [sys.executable, SCRIPT, "--command", command, "--http-port", str(edge.port), "--restart", restart],
        capture_output=True,
        text=True,
        timeout=190,
    )
    edge.process.wait(60)
    try:
        print(done.stdout)
        passed = re.search(r"^(\d+) passed, 0 failed$", done.stdout, re.MULTILINE)
        assert passed and int(passed[1]) == 27, done.stdout + done.stderr
        assert "left out" not in done.stdout
    finally:
        _end(int((edge.folder / "controller.pid").read_text()))


def _end(pid):
    subprocess.run(["kill", str(pid)], check=False)
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text())
