"""What a drill restores an app under: a name that is no app's, for as long as it takes."""

from __future__ import annotations

_SUFFIX = "-drill"
_LONGEST = 40  # of a slug


def scratch_of(app: str) -> str:
    return f"{app[: _LONGEST - len(_SUFFIX)].rstrip('-')}{_SUFFIX}"
