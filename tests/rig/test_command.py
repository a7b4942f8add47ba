"""A command of the rig is what a typed one is, only sooner."""

import os
import signal
import socket
import subprocess
import sys

import pytest

from rig.command import Command, run


@pytest.fixture
def environment(tmp_path):
    return {**os.environ, "DISCODE_HOME": str(tmp_path / "home"), "NO_COLOR": "1"}


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("discode", ["--version"]),
        ("discode", ["--help"]),
        ("discode", ["status", "nosuch"]),
        ("discode", ["status", "nosuch", "--json"]),
        ("discode", ["nosuchcommand"]),
        ("discode", ["hub", "--help"]),
        ("discode.edge", ["list"]),
        ("discode.edge", []),
    ],
    ids=lambda value: value if isinstance(value, str) else " ".join(value),
)
def test_it_says_and_returns_what_a_typed_one_does(environment, tmp_path, module, words):
    environment["DISCODE_EDGE_STATE"] = str(tmp_path)
    typed = subprocess.run([sys.executable, "-m", module, *words], capture_output=True, text=True, env=environment)
    ran = run(module, words, environment)
    assert (ran.returncode, ran.stdout, ran.stderr) == (typed.returncode, typed.stdout, typed.stderr)


def test_each_has_an_environment_of_its_own(environment, tmp_path):
    run("discode", ["release", "init", str(tmp_path / "repo"), "--keys", str(tmp_path / "keys")], environment)
    assert (tmp_path / "repo").is_dir()
    given = {**environment, "DISCODE_HOME": str(tmp_path / "other")}
    assert run("discode", ["list", "--json"], given).returncode == 0
    assert "DISCODE_HOME" not in os.environ or os.environ["DISCODE_HOME"] != given["DISCODE_HOME"]


def test_it_reads_what_is_given(environment, tmp_path):
    """A guard ends without a word when a command that is done says so."""
    done = run("discode", ["guard", "shop"], environment, given=".")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 5)])
def test_it_takes_signals_and_tells_how_it_ended(environment, number, code):
    """From a vendor who takes the connection, and then says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as vendor:
        source = f"http://127.0.0.1:{vendor.getsockname()[1]}/"
        command = Command("discode", ["install", "shop", "--from", source], environment)
        with vendor.accept()[0]:
            assert command.poll() is None
            with pytest.raises(subprocess.TimeoutExpired):
                command.wait(0.01)
            command.send_signal(number)
            _, errors = command.communicate(60)
    assert command.returncode == code, errors
