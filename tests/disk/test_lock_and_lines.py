"""Locks between processes, and files that grow by lines."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from discode.disk.lines import append_line, read_lines
from discode.disk.lock import held, is_held, take

HOLDER = """
import sys
from discode.disk.lock import take
assert take(sys.argv[1]) is not None
print("taken", flush=True)
sys.stdin.read()
"""


@contextmanager
def holder(path: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "taken\n"
            yield process
        finally:
            process.kill()


def test_a_lock_that_another_process_holds_is_not_taken(tmp_path: Path) -> None:
    path = tmp_path / "made" / "lock"
    with holder(path) as process:
        assert is_held(path)
        assert take(path) is None
        process.kill()
        process.wait()
        assert not is_held(path)
        with held(path):
            assert take(path) is None
    descriptor = take(path)
    assert descriptor is not None
    os.close(descriptor)


def test_whoever_waits_for_a_lock_gets_it_when_its_holder_dies(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with holder(path) as process:
        process.kill()
        with held(path):
            assert is_held(path)


def test_nobody_holds_a_lock_that_is_not_there(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "lock")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [b"", b"half a li", b"x" * 10_000])
def test_a_line_that_was_cut_off_is_not_read_and_goes_with_the_next(tmp_path: Path, cut: bytes) -> None:
    path = tmp_path / "lines"
    append_line(path, b"first")
    with path.open("ab") as file:
        file.write(cut)
    assert read_lines(path) == [b"first"]
    append_line(path, b"second")
    assert path.read_bytes() == b"first\nsecond\n"


def test_no_file_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "lines") == []
