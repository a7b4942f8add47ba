"""Words that others wrote (a vendor, a hub, a registry, an app), for a terminal of ours.

Everything that people read is printed by `tame` or `one_line`, so that it does not matter whose words are in it. What
programs read is JSON, which escapes them.
"""

from __future__ import annotations

import re

# ECMA-48: CSI, OSC and the other sequences, each in its 7-bit and its 8-bit form
_ESCAPES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]"
    r"|(?:\x1b\]|\x9d)[^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)"
    r"|\x1b[ -/]*[0-~]"
)
# Not printable by Unicode's word, and harmless: a tab, and what joins or parts letters in Persian and in emoji.
_KEPT = "\t\u200c\u200d"


def tame(text: str) -> str:
    """Lines stay lines; nothing in them moves the cursor, changes colors or turns the direction of the writing."""
    return text if text.isprintable() else "\n".join(map(_tamed, text.replace("\r\n", "\n").split("\n")))


def one_line(text: str) -> str:
    """As `tame`, on one line: a value must not look like the next one's name."""
    return tame(text).replace("\n", " ")


def indented(text: str) -> str:
    """As `tame`; lines after the first are set in: none of them must look like one of ours."""
    return tame(text).replace("\n", "\n  ")


def printable(line: str) -> str:
    """A line of a program's output: of what it has written over, by a carriage return, the last."""
    return _tamed(line.rpartition("\r")[2])


def _tamed(line: str) -> str:
    if line.isprintable():
        return line
    return "".join(map(_sign, _ESCAPES.sub("", line)))


def _sign(sign: str) -> str:
    if sign.isprintable() or sign in _KEPT:
        return sign
    return " " if sign.isspace() else ""
