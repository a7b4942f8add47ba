"""What `discode status` says of backups."""

from discode.cli.backup_told import described, text_of
from discode.core.history import HistoryEntry
from discode.testing.memory_world import MemoryWorld

TOLD = {
    "repository": "/backup", "local": False, "at": None, "last": None, "missing": [], "failed": None,
    "drill_failed": None, "proved": None,
}  # fmt: skip


def test_a_sentence_of_an_error_is_a_part_of_the_line():
    failed = {"at": 0, "error": "There is no repository at /backup. Your app was not touched."}
    told = text_of({**TOLD, "failed": failed, "drill_failed": failed}, "shop", 0)
    assert ".;" not in told and told.count("Your app was not touched") == 2


def test_who_has_no_snapshot_yet_is_told_how_to_take_one_and_not_to_drill():
    told = text_of(TOLD, "shop", 0)
    assert "none yet (discode backup now shop)" in told and "drill" not in told


def test_what_failed_on_the_machine_that_was_lost_is_no_trouble_of_this_one():
    world = MemoryWorld("shop")
    world.repositories.set_up("shop")
    failed = HistoryEntry(started=1, at=2, flow="backup", outcome="failed", error="Interrupted.")
    arrived = HistoryEntry(started=3, at=4, flow="restore", outcome="done", to_version="1.0", snapshot="00000001")
    again = HistoryEntry(started=5, at=6, flow="backup", outcome="failed", error="It is full.")
    in_place = HistoryEntry(started=3, at=4, flow="restore", outcome="done", from_version="1.1", to_version="1.0")
    assert described(world.world(), "shop", [failed])["failed"]["at"] == 2
    assert described(world.world(), "shop", [failed, arrived])["failed"] is None
    assert described(world.world(), "shop", [failed, in_place])["failed"]["at"] == 2
    assert described(world.world(), "shop", [failed, arrived, again])["failed"]["at"] == 6
