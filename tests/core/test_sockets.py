from pathlib import Path

import pytest

from discode.core.sockets import excess


@pytest.mark.parametrize(
    ("folder", "bytes_too_long"),
    [("/" + "x" * 81, 0), ("/" + "x" * 82, 1), ("/" + "ä" * 41, 1), ("/var/lib/discode/edge", 0)],
)
def test_a_folder_of_82_bytes_has_room_for_sockets(folder, bytes_too_long):
    assert excess(Path(folder)) == bytes_too_long
