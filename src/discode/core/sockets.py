"""Unix sockets have short paths, however long other paths may be."""

from __future__ import annotations

import os
from pathlib import Path

# Bytes: 107 (unix(7)), less 10 for what HAProxy adds while it makes a socket.
LONGEST = 97
_IN_AN_EDGE = "relay.tls.sock"  # no socket that the edge makes in its folder has a longer name


def excess(folder: Path) -> int:
    """Bytes by which an edge's state folder is too long for the sockets in it; 0 when it is not."""
    return max(len(os.fsencode(folder / _IN_AN_EDGE)) - LONGEST, 0)
