"""A file that is replaced whole, also by processes that are killed at it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from discode.disk.whole import replacing, sweep, write_derived, write_new, write_whole

STALLED = """
import sys
from discode.disk.whole import replacing
with replacing(sys.argv[1]) as file:
    file.write(b"half")
    file.flush()
    print("written", flush=True)
    sys.stdin.read()
"""


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


@pytest.mark.parametrize("write", [write_whole, write_derived])
def test_the_new_content_stands_there_alone(tmp_path: Path, write) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "file"
    path.write_text("old and longer")
    write(path, b"new", 0o600)
    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert names(tmp_path) == {"file"}


def test_what_is_raised_inside_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(KeyError), replacing(path) as file:
        file.write(b"new")
        raise KeyError
    assert path.read_text() == "old"
    assert names(tmp_path) == {"file"}


def test_a_killed_writer_leaves_the_old_file_and_the_next_write_sweeps_up(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")
    writer = subprocess.Popen(
        [sys.executable, "-c", STALLED, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "written\n"
        sweep(tmp_path)
        assert len(names(tmp_path)) == 2  # a living writer's file stays
        writer.kill()
        writer.wait()
    assert path.read_text() == "old"
    write_whole(tmp_path / "another", b"")
    assert names(tmp_path) == {"file", "another"}


def test_a_file_left_by_a_process_that_had_our_id_goes(tmp_path: Path) -> None:
    left = tmp_path / f".file.{os.getpid()}-0.tmp"
    left.write_text("half")
    write_whole(tmp_path / "file", b"new")
    assert names(tmp_path) == {"file"}


def test_threads_that_write_into_one_folder_do_not_sweep_each_other_away(tmp_path: Path) -> None:
    errors: list[OSError] = []

    def write(name: str) -> None:
        try:
            for number in range(50):
                write_derived(tmp_path / name, str(number).encode())
        except OSError as error:
            errors.append(error)

    threads = [threading.Thread(target=write, args=(name,)) for name in ("same", "same", "other", "third")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert names(tmp_path) == {"same", "other", "third"}


def test_a_new_file_is_never_written_over_another(tmp_path: Path) -> None:
    write_new(tmp_path / "key", b"first", mode=0o600)
    with pytest.raises(FileExistsError):
        write_new(tmp_path / "key", b"second", mode=0o600)
    assert (tmp_path / "key").read_bytes() == b"first"


def test_missing_folders_are_made_with_their_mode(tmp_path: Path) -> None:
    write_whole(tmp_path / "a" / "b" / "file", b"", folder_mode=0o700)
    assert [folder.stat().st_mode & 0o777 for folder in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]


def test_the_temporary_file_is_where_it_is_told_to_be(tmp_path: Path) -> None:
    with replacing(tmp_path / "kept" / "file", by_way_of=tmp_path / "incoming") as file:
        file.write(b"new")
        assert names(tmp_path) == {"incoming"}
        assert len(names(tmp_path / "incoming")) == 1
    assert names(tmp_path / "kept") == {"file"}
    assert names(tmp_path / "incoming") == set()
