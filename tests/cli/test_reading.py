"""Commands that only look: they write nothing, decide nothing, and read the host's settings once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from place import APP

READING = [
    ["doctor"],
    ["list"],
    ["status", APP],
    ["logs", APP],
    ["history", APP],
    ["config", "get", APP],
    ["proxy", "status"],
]
# What programs that run write all the time: the app's log, the proxy's and its statistics.
LIVELY = ("edge.log", "haproxy.log", "access.log", "current", "marks")
COUNTED = """
import atexit, sys
opened = []
sys.addaudithook(lambda event, details: event == "open" and opened.append(str(details[0])))
from discode.cli.main import main
atexit.register(
    lambda: print("read", sum(path.endswith("/config.toml") for path in opened), "times", file=sys.stderr)
)
main()
"""


def tree(folder: Path) -> dict[str, object]:
    """Every file below it with its mode, and its content or when it was changed."""
    found: dict[str, object] = {}
    for path in sorted(folder.rglob("*")):
        content = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        if path.name not in LIVELY:
            found[str(path.relative_to(folder))] = (path.lstat().st_mode, content)
    return found


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_on_a_fresh_machine_nothing_is_made(place, words) -> None:  # type: ignore[no-untyped-def]
    place.run(*words, code=None)
    assert not place.home.exists()
    place.home.mkdir()
    place.run(*words, "--json", code=None)
    assert tree(place.home) == {}


def test_on_an_installed_one_every_file_stays_as_it_was(installed) -> None:  # type: ignore[no-untyped-def]
    (installed.home / "config.toml").unlink()  # whoever needs what is chosen there must not choose it anew
    before = tree(installed.home)
    for words in READING:
        installed.run(*words, code=None)
        assert tree(installed.home) == before, words


@pytest.mark.parametrize("words", [*READING, ["restart", APP], ["settle", "--all"]], ids=" ".join)
def test_the_settings_of_the_host_are_read_once_a_command(installed, words) -> None:  # type: ignore[no-untyped-def]
    done = subprocess.run(
        [sys.executable, "-c", COUNTED, *words], env=installed.env, capture_output=True, text=True, check=False
    )
    count = int(done.stderr.rpartition("read ")[2].split()[0])
    assert count <= 1, done.stderr
    if words[0] in ("doctor", "status", "restart", "settle"):
        assert count == 1, done.stderr
