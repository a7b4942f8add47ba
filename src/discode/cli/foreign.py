"""Lines that others wrote, for a terminal of ours."""

from __future__ import annotations

import re

# ECMA-48: CSI, OSC and the other sequences
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-_])")


def printable(line: str) -> str:
    """A line of somebody else's, without what would move the cursor or change colors."""
    return "".join(c for c in _ESCAPES.sub("", line).rpartition("\r")[2] if c.isprintable() or c == "\t")
