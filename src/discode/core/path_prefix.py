"""The path below which an app is: `/shop`, or `/` for all."""

from __future__ import annotations

from .address import URL_PATH
from .errors import UsageError

LONGEST = 200  # characters: it stands in the maps and rules of the proxy


def check_path_prefix(text: str, example: str) -> str:
    """Without a slash at its end. `example`: how it is typed right. Raises UsageError."""
    path = text.rstrip("/") or "/"
    parts = path.split("/")[1:]
    is_whole = path == "/" or not {"", ".", ".."} & set(parts)
    if not text or not URL_PATH.fullmatch(path) or not is_whole or len(path) > LONGEST:
        raise UsageError(
            f"{text[: LONGEST + 1]!r} is not a valid path prefix. Nothing was changed.", f"For example: {example}",
            key="invalid-path",
        )  # fmt: skip
    return path
