"""The real machine: figures that can be, and secrets that differ."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from discode.adapters.system import RealClock, RealSystem
from discode.disk.folders import free_space


def test_free_disk_is_that_of_the_nearest_folder_there_is(tmp_path: Path) -> None:
    there, to_be = free_space(tmp_path), free_space(tmp_path / "a" / "b")
    assert there > 0
    assert abs(there - to_be) < 1 << 30


def test_free_memory_is_less_than_there_is(tmp_path: Path) -> None:
    total = int(re.search(r"MemTotal:\s+(\d+)", Path("/proc/meminfo").read_text())[1]) * 1024  # type: ignore[index]
    assert 0 < RealSystem().free_memory() <= total


@pytest.mark.parametrize("digits", [1, 32, 63, 128])
def test_a_secret_has_the_digits_that_were_asked_for(tmp_path: Path, digits: int) -> None:
    assert re.fullmatch(rf"[0-9a-f]{{{digits}}}", RealSystem().secret(digits))


def test_secrets_differ(tmp_path: Path) -> None:
    assert len({RealSystem().secret(64) for _ in range(100)}) == 100


def test_the_clock_goes_on_while_it_sleeps() -> None:
    clock = RealClock()
    begun, at = clock.monotonic(), clock.now()
    clock.sleep(0.01)
    assert clock.monotonic() - begun >= 0.01
    assert clock.now() >= at
