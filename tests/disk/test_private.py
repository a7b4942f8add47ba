"""A folder that others must not look into."""

import os
import stat

import pytest

from discode.disk.folders import close_to_others, make_private


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone_and_those_above_it_as_ever(tmp_path):
    make_private(tmp_path / "a" / "home")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "home")) == (0o755, 0o700)


def test_one_that_is_there_stays_as_open_as_it_is(tmp_path):
    home = tmp_path / "home"
    home.mkdir(0o755)
    make_private(home)
    assert mode(home) == 0o755


SHARED = [(0o1777, 0o1777), (0o2775, 0o2775)]  # as /tmp is, and a folder of a group


@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o777, 0o700), (0o550, 0o500), *SHARED])
def test_what_others_may_do_is_taken_from_them_and_the_owners_rights_stay(tmp_path, before, after):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(before)
    close_to_others(home)
    assert mode(home) == after


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_folder_stays_as_it_is(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    close_to_others(home)
    assert mode(home) == 0o755
