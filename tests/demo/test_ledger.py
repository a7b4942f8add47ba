"""What `bin/chaos` makes of writes around a restore: users go on writing while it is asked what is there."""

from ledger import Ledger, Undone, missing

LATER = Undone("1.0", 0.0, 0.0)


def told(*ids):
    """A ledger in which those are acknowledged."""
    made = Ledger()
    for one in ids:
        made.note(one, ["sqlite"])
    return made


def test_what_is_written_while_it_is_asked_is_not_undone():
    ledger = told("w1", "w2")

    def ask(path):
        ledger.note("w3", ["sqlite"])
        return 200, "w1"

    assert missing(ledger, ask, ["sqlite"], LATER) == []
    assert ledger.acknowledged("sqlite") == {"w1", "w3"}
    assert missing(ledger, lambda path: (200, "w1"), ["sqlite"], None) == [
        "1 acknowledged writes are not in sqlite: ['w3'] … w3"
    ]


def test_what_is_older_than_the_snapshot_is_lost():
    ledger = told("w1", "w2")
    assert missing(ledger, lambda path: (200, "w2"), ["sqlite"], Undone("1.0", float("inf"), float("inf"))) == [
        "1 acknowledged writes are not in sqlite, and are older than the snapshot: ['w1'] … w1"
    ]
