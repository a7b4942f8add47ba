"""A secret goes where the user said, and nowhere else."""

import os
import stat

import pytest

from discode.disk.secret import NotOurs, secret_file


def put(path, text="s3cret"):
    with secret_file(path) as write:
        write(text)


def test_a_new_file_is_the_owners_alone_from_the_first_moment(tmp_path):
    os.umask(0)
    try:
        with secret_file(tmp_path / "key") as write:
            assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
            write("s3cret")
    finally:
        os.umask(0o022)
    assert (tmp_path / "key").read_text() == "s3cret\n"


def test_an_older_file_is_closed_to_others_and_holds_nothing_else_then(tmp_path):
    (tmp_path / "key").write_text("an older and longer one\n")
    (tmp_path / "key").chmod(0o644)
    put(tmp_path / "key")
    assert (tmp_path / "key").read_text() == "s3cret\n"
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


def test_a_link_and_a_second_name_are_refused(tmp_path):
    (tmp_path / "theirs").write_text("notes")
    (tmp_path / "link").symlink_to(tmp_path / "theirs")
    (tmp_path / "dangling").symlink_to(tmp_path / "not-there")
    (tmp_path / "name").hardlink_to(tmp_path / "theirs")
    for name in ("link", "name"):
        with pytest.raises(NotOurs):
            put(tmp_path / name)
    with pytest.raises(OSError, match="No such file"):
        put(tmp_path / "dangling")
    assert (tmp_path / "theirs").read_text() == "notes" and not (tmp_path / "not-there").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_somebody_elses_file_is_refused(tmp_path):
    (tmp_path / "theirs").write_text("")
    os.chown(tmp_path / "theirs", 65534, 65534)
    with pytest.raises(NotOurs):
        put(tmp_path / "theirs")
    assert (tmp_path / "theirs").read_text() == ""


def test_nothing_is_left_when_there_is_no_secret_after_all(tmp_path):
    (tmp_path / "old").write_text("old")
    for name in ("new", "old"):
        with pytest.raises(ValueError, match="no hub"), secret_file(tmp_path / name):
            raise ValueError("no hub")
    assert not (tmp_path / "new").exists() and (tmp_path / "old").read_text() == "old"


def test_a_pipe_gets_it_as_it_is():
    reader, writer = os.pipe()
    put(f"/dev/fd/{writer}")
    os.close(writer)
    assert os.read(reader, 100) == b"s3cret\n"
    os.close(reader)
