"""Whether an image has the user and the group that it wants to be run as."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from .engine import Engine

LONGEST = 1 << 20  # bytes of /etc/passwd


def unknown(engine: Engine, told: dict[str, Any]) -> str | None:
    """`user web` or `group web` that an inspected container asks for and its files do not have; None: nothing lacks.
    Numbers need no name: <https://docs.docker.com/reference/dockerfile/#user>."""
    user, _, group = str(told["Config"].get("User") or "").partition(":")
    for kind, name, file in (("user", user, "/etc/passwd"), ("group", group, "/etc/group")):
        if not name or name.isdigit():
            continue
        known = _names(engine, told["Id"], file)
        if known is not None and name not in known:
            return f"{kind} {name}"
    return None


def _names(engine: Engine, container: str, file: str) -> set[str] | None:
    """The first field of each line; empty when the file is not there, None when it is no file."""
    import docker.errors

    try:
        pieces, _ = engine.api.get_archive(container, file)
    except docker.errors.APIError:
        return set()
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        member = tar.next()
        content = tar.extractfile(member) if member is not None and member.isreg() else None
        if content is None:
            return None
        text = content.read(LONGEST).decode(errors="replace")
    return {line.partition(":")[0] for line in text.splitlines()}
