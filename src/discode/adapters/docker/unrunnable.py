"""A program that the kernel did not take: the container's starter says so in the container's own log, and ends with 1.

Its words have been these two: <https://github.com/opencontainers/runc>, libcontainer/standard_init_linux.go.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_STARTER = re.compile(
    r"(?:\[\S+\] )?(?:exec (?P<path>/\S+)|standard_init_linux\.go:\d+: exec user process caused): (?P<why>.+)"
)
_MEANS = {
    "exec format error": "it is for another processor, or a script without #! in its first line",
    "no such file or directory": "the interpreter that it names, or its dynamic loader, is not in the image",
}
CODES = (1, 255)


def why_not_run(program: str, code: int | None, lines: Iterable[str]) -> str:
    """Empty when the program ran: then its log has more than the starter's words."""
    found = [_STARTER.fullmatch(line) for line in lines]
    last = found[-1] if found and all(found) and code in CODES else None
    if last is None or not (last["path"] or program).endswith(program.rpartition("/")[2]):
        return ""
    why = last["why"].removesuffix(": unknown")
    return f"{program} cannot be run here ({why}{': ' + _MEANS[why] if why in _MEANS else ''})"
