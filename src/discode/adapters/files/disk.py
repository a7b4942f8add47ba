"""What the disk refuses, as a refusal of the command: what it means for the app, and what to do next."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import PreflightError, Refused
from ...disk import whole
from ...disk.refusal import refusal


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raises PreflightError for what the system refuses inside: `disk-full`, `read-only`, `no-permission`, `disk`."""
    try:
        yield
    except OSError as error:
        key, reason, advice = refusal(path, error)
        # It may come in the middle of a flow, of which it knows nothing.
        raise PreflightError(f"{path} cannot be written: {reason}. It stays as it was.", advice, key=key) from error


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raises Refused for what the system refuses inside, but for a missing file: `no-permission` or `disk`."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        key, reason, advice = refusal(path, error)
        if key == "disk":
            advice += " Then: discode doctor"
        sentence = f"{path} cannot be read: {reason}. Nothing was changed, and your app was not touched."
        raise Refused(sentence, advice, key=key) from error


@contextmanager
def disk_refusals(path: Path) -> Iterator[None]:
    """As `writing`, for a block that does more than write: errors that are not the disk's stay what they are."""
    try:
        yield
    except OSError as error:
        if refusal(path, error).key == "disk":
            raise
        with writing(path):
            raise


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """As in discode.disk. Raises PreflightError; then the file is what it was before."""
    with writing(path):
        whole.write_whole(path, data, mode)
