"""A secret is read only where nobody else could have read or replaced it."""

import os

import pytest

from discode.disk.given_secret import NotPrivate, read_private

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to another user")
NOBODY = 65534


@pytest.fixture
def secret(tmp_path):
    path = tmp_path / "ours" / "key"
    path.parent.mkdir(mode=0o700)
    path.write_text("s3cret")
    path.chmod(0o600)
    return path


def refusal(path):
    with pytest.raises(NotPrivate) as caught:
        read_private(path)
    return f"{caught.value.strerror}: {caught.value.remedy}"


def test_the_owners_own_file_is_read_also_by_a_link_of_theirs(secret, tmp_path):
    assert read_private(secret) == b"s3cret"
    (tmp_path / "link").symlink_to(secret)
    assert read_private(tmp_path / "link") == b"s3cret"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o644])
def test_a_file_that_others_may_read_or_write_is_refused(secret, mode):
    secret.chmod(mode)
    assert refusal(secret) == f"others may read it (mode {mode:04o}): chmod 600 {secret}"


def test_a_folder_in_which_others_may_write_is_refused(secret):
    secret.parent.chmod(0o777)
    assert refusal(secret).startswith(f"it is in {secret.parent}, where others may write")
    secret.parent.chmod(0o1777)
    assert read_private(secret) == b"s3cret", "as in /tmp, nobody can replace another one's file there"


@AS_ROOT
def test_another_users_file_is_refused(secret):
    os.chown(secret, NOBODY, -1)
    assert refusal(secret) == f"it belongs to nobody: chown root {secret}"


@AS_ROOT
@pytest.mark.parametrize("is_link", [True, False])
def test_a_file_in_another_users_folder_is_refused_also_behind_a_link(secret, tmp_path, is_link):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    secret.rename(theirs / "key")
    os.chown(theirs, NOBODY, -1)
    given = theirs / "key"
    if is_link:
        secret.symlink_to(given)
        given = secret
    assert refusal(given).startswith(f"it is in {theirs}, a folder of nobody, who could replace it: Move it")


@AS_ROOT
def test_a_link_in_another_users_folder_is_refused(secret, tmp_path):
    theirs = tmp_path / "theirs"
    theirs.mkdir(mode=0o700)
    (theirs / "link").symlink_to(secret)
    os.chown(theirs, NOBODY, -1)
    assert "a folder of nobody" in refusal(theirs / "link")


def test_what_is_no_file_is_refused_without_waiting_for_it(secret):
    secret.unlink()
    os.mkfifo(secret, 0o600)
    assert refusal(secret).startswith("it is not a file")
    with pytest.raises(FileNotFoundError):
        read_private(secret.with_name("none"))
