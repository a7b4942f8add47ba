"""The edge's token, for as long as its state folder lasts. Who does not know it cannot ask for it."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

from ...core.door_token import FOLDER, answer_to
from .folder import write


def kept_token(folder: Path) -> str:
    """The one of this folder; made when there is none, or when its file makes no sense."""
    file = folder / "token"
    try:
        kept = file.read_text("ascii")
    except (OSError, ValueError):
        kept = ""
    if re.fullmatch(r"[0-9a-f]{32}", kept):
        return kept
    made = secrets.token_hex(16)
    write(file, made.encode())
    return made


def entry(token: str) -> dict[str, str]:
    """From path to answer."""
    return {f"{FOLDER}{token}": answer_to(token)}
