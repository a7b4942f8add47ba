"""Processes of an instance are found by their marker, whatever else their environment has."""

import os
import subprocess
from contextlib import contextmanager

import pytest

from discode.adapters.process.layout import MARKER
from discode.adapters.process.proc import marked_folders, orphans


@contextmanager
def marked(folder, before):
    """A process with the marker behind `before` characters of other variables."""
    env = {"OTHER": "x" * before, MARKER: str(folder), "PATH": os.environ["PATH"]}
    child = subprocess.Popen(
        ["sh", "-c", "echo ready; read line"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env
    )
    try:
        child.stdout.readline()  # from here on the environment is the new program's
        yield child
    finally:
        child.communicate()


# 32768 is one read; a marker may be cut by the end of it.
@pytest.mark.parametrize("before", [0, 32768 - 10, 32768 - len("OTHER=") - 1, 100_000])
def test_a_marked_process_is_found_behind_a_long_environment(tmp_path, before):
    with marked(tmp_path / "one", before) as child:
        assert tmp_path / "one" in marked_folders()
        assert orphans(tmp_path / "one") == [child.pid]
        assert orphans(tmp_path / "on") == []
    assert tmp_path / "one" not in marked_folders()
