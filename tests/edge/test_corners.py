"""The real one against the edge, over the table in `corners`.

The edge always; kamal-proxy where `DISCODE_KAMAL_PROXY` names a binary: `bin/test --kamal-proxy FILE`.
"""

import os
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from conftest_edge import Edge
from corners import TABLE, WAIT, shown
from raw_app import RawApp

from rig.ports import free_port
from rig.wait import wait_for, with_time

KAMAL_PROXY = os.environ.get("DISCODE_KAMAL_PROXY", "")
DOCS = Path(__file__).parents[2] / "docs" / "edge.md"
BRIEF, LONG = 0.5, 120.0  # seconds: target timeouts


@pytest.fixture
def app():
    made = RawApp()
    yield made
    made.close()


def deploy_words(app, timeout):
    return "deploy", "a", "--target", app.target, "--host", "a.test", "--target-timeout", f"{timeout * 1000:.0f}ms"


def wrong(deploy, port, app, *, is_real):
    """By name, what shows where another thing is expected. `deploy(timeout)`: the service, with that target timeout."""
    deploy(LONG)
    found = {corner.name: shown(corner, port, app) for corner in TABLE if not corner.is_timed}

    def timed(corner, timeout):
        deploy(timeout)
        return shown(corner, port, app, timeout)

    for corner in (one for one in TABLE if one.is_timed):
        found[corner.name] = with_time(
            lambda timeout, corner=corner: timed(corner, timeout),
            lambda text, corner=corner: corner.sent == WAIT or not text.startswith("504"),
            BRIEF,
        )
    return {
        corner.name: (found[corner.name], "expected:", *corner.may_show(is_real))
        for corner in TABLE
        if found[corner.name] not in corner.may_show(is_real)
    }


def test_the_edge(edge: Edge, app):
    assert wrong(lambda timeout: edge.ok(*deploy_words(app, timeout)), edge.port, app, is_real=False) == {}


@pytest.fixture
def real(app):
    """A kamal-proxy in a home of its own: what deploys, and its port."""
    folder, port = tempfile.mkdtemp(prefix="real-"), free_port()
    surroundings = {**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder}
    ports = ("--http-port", str(port), "--https-port", str(free_port()))
    process = subprocess.Popen([KAMAL_PROXY, "run", *ports], env=surroundings, stdout=subprocess.DEVNULL)

    def deployed(timeout):
        words = [KAMAL_PROXY, *deploy_words(app, timeout)]
        return subprocess.run(words, env=surroundings, capture_output=True, check=False).returncode == 0

    yield lambda timeout: wait_for(lambda: deployed(timeout)), port
    process.send_signal(signal.SIGTERM)
    process.wait(240)
    shutil.rmtree(folder)


@pytest.mark.skipif(not KAMAL_PROXY, reason="bin/test --kamal-proxy FILE")
@pytest.mark.timeout(900)
def test_the_real_one(real, app):
    assert wrong(*real, app, is_real=True) == {}


def test_names_are_those_of_one_case_each():
    assert len({corner.name for corner in TABLE}) == len(TABLE) > 120


def test_the_documentation_has_what_differs_and_nothing_else():
    rows = [f"| {cell(one.name)} | {cell(one.real)} | {cell(one.edge)} |" for one in TABLE if one.real]
    text = DOCS.read_text().partition("### On the wire\n")[2].partition("\n#")[0]
    assert [line for line in text.splitlines() if line.startswith("| ")][1:] == rows


def cell(text):
    return text.replace("|", "\\|")
