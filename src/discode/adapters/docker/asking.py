"""What every call of a port over the engine raises when the engine does not do what it was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...core.errors import Failed
from . import containers
from .engine import Engine


@contextmanager
def asking(engine: Engine, doing: str) -> Iterator[None]:
    """Raises RuntimeUnreachable without an answer, Failed for an answer that nobody expected."""
    import docker.errors

    try:
        with engine.errors(doing):
            yield
    except docker.errors.APIError as error:
        raise Failed(
            f"Docker did not {doing}: {error.explanation or error}.", containers.NEXT, key="engine-refused"
        ) from error
