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


def ids(engine: Engine, told: dict[str, Any]) -> tuple[int, int]:
    """The numbers of the user and the group that an inspected container runs as; 0 for what its files do not tell."""
    user, _, group = str(told["Config"].get("User") or "0").partition(":")
    lines = {} if user.isdigit() and group.isdigit() else _entries(engine, told["Id"], "/etc/passwd")
    entry = lines.get(user) or next((line for line in lines.values() if line[2:3] == [user]), [])
    uid = int(user) if user.isdigit() else _number(entry, 2)
    if not group:
        return uid, _number(entry, 3)
    return uid, int(group) if group.isdigit() else _number(_entries(engine, told["Id"], "/etc/group").get(group, []), 2)


def _entries(engine: Engine, container: str, file: str) -> dict[str, list[str]]:
    return {line.partition(":")[0]: line.split(":") for line in (_text(engine, container, file) or "").splitlines()}


def _number(entry: list[str], place: int) -> int:
    return int(entry[place]) if len(entry) > place and entry[place].isdigit() else 0


def _names(engine: Engine, container: str, file: str) -> set[str] | None:
    """The first field of each line; empty when the file is not there, None when it is no file."""
    text = _text(engine, container, file)
    return None if text is None else {line.partition(":")[0] for line in text.splitlines()}


def _text(engine: Engine, container: str, file: str) -> str | None:
    """Empty when the file is not there, None when it is no file."""
    import docker.errors

    try:
        pieces, _ = engine.api.get_archive(container, file)
    except docker.errors.APIError:
        return ""
    with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
        member = tar.next()
        content = tar.extractfile(member) if member is not None and member.isreg() else None
        return None if content is None else content.read(LONGEST).decode(errors="replace")
