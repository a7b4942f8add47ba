"""Which HAProxy is installed, and the ones that the edge refuses."""

import os
from pathlib import Path

import pytest

from discode.edge.haproxy.process import Haproxy, HaproxyError, ask_version, find_binary
from discode.edge.haproxy.version import OLDEST, Version, parse
from discode.edge.layout import Layout


@pytest.mark.parametrize(
    ("answer", "version"),
    [
        ("HAProxy version 2.6.12-1+deb12u3 2025/10/03 - https://haproxy.org/\n", Version(2, 6)),
        ("HAProxy version 3.0.11-1+deb13u3 2025/10/03 - https://haproxy.org/\n", Version(3, 0)),
        ("HAProxy version 2.10-dev3 2025/10/03\n", Version(2, 10)),
        ("HA-Proxy version 2.2.9-2+deb11u6 2023/12/14 - https://haproxy.org/\n", Version(2, 2)),
        ("bash version 5.2.15\n", None),
        ("", None),
    ],
)
def test_a_version_is_read(answer, version):
    assert parse(answer) == version


def test_versions_are_compared_as_numbers():
    assert Version(2, 2) < OLDEST < Version(2, 10) < Version(3, 0)


def test_the_installed_one_is_supported():
    assert ask_version(find_binary()).is_supported


def program(folder: Path, answer: str, code: int = 0) -> Path:
    """One that answers so to `-v`, in place of the one before it."""
    made = folder / "haproxy.new"
    made.write_text(f"#!/bin/sh\nprintf '%s\\n' '{answer}'\nexit {code}\n")
    made.chmod(0o755)
    return made.rename(folder / "haproxy")


@pytest.mark.parametrize(
    ("answer", "complaint"),
    [
        ("HA-Proxy version 2.2.9-2+deb11u6 2023/12/14", "HAProxy 2.2 is too old: the edge needs 2.6 or newer."),
        ("something else", "is not HAProxy: "),
    ],
)
def test_another_one_is_refused_with_a_next_step(tmp_path, answer, complaint):
    with pytest.raises(HaproxyError, match="apt-get install haproxy") as refused:
        ask_version(str(program(tmp_path, answer)))
    assert complaint in str(refused.value)


def test_a_program_that_does_not_start_is_refused(tmp_path):
    (tmp_path / "haproxy").write_text("#!/no/such/interpreter\n")
    (tmp_path / "haproxy").chmod(0o755)
    with pytest.raises(HaproxyError, match="does not start"):
        ask_version(str(tmp_path / "haproxy"))


def test_a_replaced_program_is_asked_again(tmp_path, monkeypatch):
    """A reload starts the file that is there then, and the configuration has to be for that one."""
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    program(tmp_path, "HAProxy version 2.6.12 2025/10/03")
    haproxy = Haproxy(Layout(tmp_path))
    assert haproxy.version() == Version(2, 6)
    program(tmp_path, "HAProxy version 3.0.11 2025/10/03")
    assert haproxy.version() == Version(3, 0)
