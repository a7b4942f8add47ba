"""kamal-proxy's command contract: the black-box cases that the real one passes."""

import subprocess
import sys
from pathlib import Path

from rig.contract import cases, failures, try_all
from rig.wait import wait_for


def test_all_cases_are_there():
    assert len(cases()) == 27


def test_the_contract(edge):
    """The restart kills the controller: HAProxy goes on, and the next controller finds everything again."""
    command = f"{sys.executable} -m discode.edge --state-dir {edge.folder}"
    restart = (
        f"old=$(cat {edge.folder}/controller.pid); kill -9 $old; "
        f"setsid {command} run --http-port {edge.port} --bind 127.0.0.1 > /dev/null 2>&1 < /dev/null & "
        f'until [ "$(cat {edge.folder}/controller.pid)" != "$old" ] && {command} list > /dev/null 2>&1; '
        "do sleep 0.1; done"
    )
    said = try_all("--command", command, "--http-port", str(edge.port), "--restart", restart)
    edge.process.wait(240)
    try:
        assert len(said) == 27 and not failures(said)
    finally:
        _end(int((edge.folder / "controller.pid").read_text()))


def _end(pid):
    subprocess.run(["kill", str(pid)], check=False)
    wait_for(lambda: not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text())
