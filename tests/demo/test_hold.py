"""The hold, on real processes behind the real edge: who writes waits, and nothing is lost."""

import tempfile
from pathlib import Path

from hold import HOLD, HoldDemo

from rig.wait import with_time


def test_no_write_is_lost_and_none_is_refused_while_versions_take_turns():
    def run(hold):
        with tempfile.TemporaryDirectory(prefix="hold-") as folder:  # a deep one is too long for a Unix socket
            told = HoldDemo(Path(folder), quick=True, as_json=True, hold=hold).run()
        assert told["writes_acknowledged"] == told["writes_found"] > 0 == told["requests_failed"], told
        return told

    told = with_time(run, lambda told: not told["problems"], HOLD)
    assert told["ok"], told
    good, bad, again, back = told["updates"]
    assert [one["exit_code"] for one in (good, bad, again, back)] == [0, 5, 0, 0]
    assert 0 < good["held_s"] < told["longest_hold_s"] <= bad["held_s"]
