"""Other data in the place of an app's volumes: what each runtime keeps. A fixture `disk` has a `runtime`, `write(path,
text)`, `read()` of what the app's volumes hold by their paths in them, and `dies_at(change)`, in which the process dies
before that change to the disk."""

import pytest

from discode.testing.faults import Crash

APP = "tiny"
OLD, NEW = {"data/note": "old", "data/old": "old"}, {"data/note": "new", "more/note": "new"}


def with_other_data(disk, swap="one"):
    for path, text in NEW.items():
        disk.write(disk.runtime.incoming(APP, swap) / path, text)


class SwapContract:
    def test_all_volumes_are_others_and_those_from_before_come_back(self, disk):
        with_other_data(disk)
        assert disk.read() == OLD and not disk.runtime.is_swapped(APP, "one")
        for _ in range(2):
            disk.runtime.swap_data(APP, "one")
            assert disk.read() == NEW and disk.runtime.is_swapped(APP, "one")
        for _ in range(2):
            disk.runtime.swap_data_back(APP, "one")
            assert disk.read() == OLD and not disk.runtime.is_swapped(APP, "one")

    def test_what_was_replaced_is_kept_until_it_is_dropped(self, disk):
        assert disk.runtime.drop_swaps(APP, replaced=True) is False
        with_other_data(disk)
        disk.runtime.swap_data(APP, "one")
        with_other_data(disk, "two")
        assert disk.runtime.drop_swaps(APP) is False
        disk.runtime.swap_data(APP, "two")
        assert not disk.runtime.is_swapped(APP, "two") and disk.read() == NEW, "it was dropped, for it had not begun"
        assert disk.runtime.is_swapped(APP, "one")
        assert disk.runtime.drop_swaps(APP, replaced=True) is True
        disk.runtime.swap_data_back(APP, "one")
        assert disk.read() == NEW

    def test_a_swap_is_open_until_it_is_kept_or_dropped(self, disk):
        runtime = disk.runtime
        assert not runtime.open_swap(APP)
        with_other_data(disk)
        assert runtime.open_swap(APP) == "one" and not runtime.is_swapped(APP, "one"), "it waits"
        runtime.swap_data(APP, "one")
        assert runtime.open_swap(APP) == "one" and runtime.is_swapped(APP, "one")
        runtime.swap_data_back(APP, "one")
        assert runtime.open_swap(APP) == "one" and not runtime.is_swapped(APP, "one"), "it waits again"
        runtime.drop_swaps(APP)
        assert not runtime.open_swap(APP)

    def test_one_that_is_kept_is_not_open_and_is_not_taken_back(self, disk):
        with_other_data(disk)
        disk.runtime.swap_data(APP, "one")
        for _ in range(2):
            disk.runtime.keep_swap(APP, "one")
            assert not disk.runtime.open_swap(APP) and disk.runtime.is_swapped(APP, "one")
        disk.runtime.swap_data_back(APP, "one")
        assert disk.read() == NEW
        with_other_data(disk, "two")
        assert disk.runtime.open_swap(APP) == "two"
        disk.runtime.drop_swaps(APP)
        assert disk.runtime.is_swapped(APP, "one"), "what was replaced stays until it is asked for"

    @pytest.mark.parametrize("change", range(6))
    def test_one_that_was_being_taken_back_is_completed_and_kept(self, disk, change):
        with_other_data(disk)
        disk.runtime.swap_data(APP, "one")
        with disk.dies_at(change):
            disk.runtime.swap_data_back(APP, "one")
        if disk.runtime.is_swapped(APP, "one"):
            disk.runtime.swap_data(APP, "one")
            disk.runtime.keep_swap(APP, "one")
            assert disk.read() == NEW and not disk.runtime.open_swap(APP)
        else:
            assert disk.read() == OLD

    def test_without_anything_incoming_nothing_is_done(self, disk):
        disk.runtime.swap_data(APP, "one")
        disk.runtime.swap_data_back(APP, "one")
        assert disk.read() == OLD and not disk.runtime.is_swapped(APP, "one")

    @pytest.mark.parametrize("change", range(6))
    @pytest.mark.parametrize("is_completed", [True, False])
    def test_where_it_was_interrupted_it_is_completed_or_undone(self, disk, change, is_completed):
        with_other_data(disk)
        with disk.dies_at(change):
            disk.runtime.swap_data(APP, "one")
        if is_completed:
            disk.runtime.swap_data(APP, "one")
            assert disk.read() == NEW
        with disk.dies_at(change):
            disk.runtime.swap_data_back(APP, "one")
        disk.runtime.swap_data_back(APP, "one")
        assert disk.read() == OLD and not disk.runtime.is_swapped(APP, "one")
        assert disk.runtime.drop_swaps(APP) is False and disk.read() == OLD


class Dying:
    """The process dies before that change, counted from 0."""

    def __init__(self, change):
        self.left = change

    def __call__(self):
        self.left -= 1
        if self.left < 0:
            raise Crash
