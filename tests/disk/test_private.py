"""A folder that others must not look into."""

import os
import stat

import pytest

from discode.disk.folders import make_private


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_owner_alone_and_those_above_it_as_ever(tmp_path):
    make_private(tmp_path / "a" / "home")
    assert (mode(tmp_path / "a"), mode(tmp_path / "a" / "home")) == (0o755, 0o700)


@pytest.mark.parametrize(("before", "after"), [(0o755, 0o700), (0o777, 0o700), (0o2770, 0o2700), (0o500, 0o500)])
def test_one_that_was_open_is_closed_and_its_owners_rights_stay(tmp_path, before, after):
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(before)
    make_private(home)
    assert mode(home) == after


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_folder_stays_as_it_is(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    os.chown(home, 65534, 65534)
    make_private(home)
    assert mode(home) == 0o755
