"""A folder that goes with its process."""

import subprocess
import sys
from pathlib import Path

import pytest

from discode.disk.owned import LOCK, owned, sweep

OWNER = """
import sys
from discode.disk.owned import owned
with owned(sys.argv[1], "a."):
    print(flush=True)
    sys.stdin.read()
"""


def owner(parent):
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(parent)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    process.stdout.readline()
    return process


def test_it_is_gone_afterwards_also_with_an_error(tmp_path):
    with pytest.raises(KeyError), owned(tmp_path / "all", "a.") as folder:
        assert Path(folder).stat().st_mode & 0o777 == 0o700
        raise KeyError
    assert not list((tmp_path / "all").iterdir())


def test_that_of_a_living_process_stays_and_that_of_a_killed_one_goes(tmp_path):
    with owner(tmp_path) as living, owner(tmp_path) as killed:
        assert len(list(tmp_path.iterdir())) == 2
        killed.kill()
        killed.wait()
        with owned(tmp_path, "b.") as folder:
            left = {path.name[:2] for path in tmp_path.iterdir()}
            assert len(list(tmp_path.iterdir())) == 2 and left == {"a.", "b."} and Path(folder).is_dir()
        living.stdin.close()
        living.wait()
    assert not list(tmp_path.iterdir())


def test_what_is_not_an_owners_stays(tmp_path):
    """In the folder of an export there may be anything."""
    (tmp_path / ".mine.discode").mkdir()
    (tmp_path / ".mine.discode/file").touch()
    (tmp_path / ".file.discode").touch()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / LOCK).touch()
    (tmp_path / ".link.discode").symlink_to(elsewhere)
    sweep(tmp_path, ".discode")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".file.discode", ".link.discode", ".mine.discode",
                                                                "elsewhere"]  # fmt: skip
    assert (elsewhere / LOCK).exists()


def test_one_that_was_killed_before_its_lock_goes(tmp_path):
    (tmp_path / ".x.discode").mkdir()
    sweep(tmp_path, ".discode")
    assert not list(tmp_path.iterdir())
