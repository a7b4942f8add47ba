"""A disk of its own that is small, for tests of what happens when it is full."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(folder: Path, size: str, *, lazy: bool = True) -> Iterator[Path]:
    """`size` as tmpfs(5) has it: `64k`, `70m`. Without `lazy` nobody may have a file of it open at the end. The test is
    skipped where nothing can be mounted."""
    folder.mkdir(exist_ok=True)
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "discode-test", str(folder)]
    if os.geteuid() or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", *(["--lazy"] if lazy else []), str(folder)], check=True)
