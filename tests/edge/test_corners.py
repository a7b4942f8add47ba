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
from corners import TABLE, TARGET_TIMEOUT, shown
from raw_app import RawApp

from rig.ports import free_port
from rig.wait import wait_for

KAMAL_PROXY = os.environ.get("DISCODE_KAMAL_PROXY", "")
DOCS = Path(__file__).parents[2] / "docs" / "edge.md"
DEPLOY = ("--host", "a.test", "--target-timeout", f"{TARGET_TIMEOUT * 1000:.0f}ms")


@pytest.fixture
def app():
    made = RawApp()
    yield made
    made.close()


def wrong(port, app, *, is_real):
    """By name, what shows where another thing is expected."""
    found = {corner.name: shown(corner, port, app) for corner in TABLE}
    return {
        corner.name: (found[corner.name], "expected:", *corner.may_show(is_real))
        for corner in TABLE
        if found[corner.name] not in corner.may_show(is_real)
    }


def test_the_edge(edge: Edge, app):
    edge.ok("deploy", "a", "--target", app.target, *DEPLOY)
    assert wrong(edge.port, app, is_real=False) == {}


@pytest.fixture
def real(app):
    """The port of a kamal-proxy in a home of its own."""
    folder, port = tempfile.mkdtemp(prefix="real-"), free_port()
    surroundings = {**os.environ, "HOME": folder, "XDG_RUNTIME_DIR": folder}
    ports = ("--http-port", str(port), "--https-port", str(free_port()))
    process = subprocess.Popen([KAMAL_PROXY, "run", *ports], env=surroundings, stdout=subprocess.DEVNULL)
    deploy = [KAMAL_PROXY, "deploy", "a", "--target", app.target, *DEPLOY]
    wait_for(lambda: subprocess.run(deploy, env=surroundings, capture_output=True, check=False).returncode == 0)
    yield port
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    shutil.rmtree(folder)


@pytest.mark.skipif(not KAMAL_PROXY, reason="bin/test --kamal-proxy FILE")
@pytest.mark.timeout(120)
def test_the_real_one(real, app):
    assert wrong(real, app, is_real=True) == {}


def test_names_are_those_of_one_case_each():
    assert len({corner.name for corner in TABLE}) == len(TABLE) > 120


def test_the_documentation_has_what_differs_and_nothing_else():
    rows = [f"| {cell(one.name)} | {cell(one.real)} | {cell(one.edge)} |" for one in TABLE if one.real]
    text = DOCS.read_text().partition("### On the wire\n")[2].partition("\n#")[0]
    assert [line for line in text.splitlines() if line.startswith("| ")][1:] == rows


def cell(text):
    return text.replace("|", "\\|")
