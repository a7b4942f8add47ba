"""A command of ours in a container, to its end or its deadline, with files for its input and its output."""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from ...core.errors import Refused
from ...disk.refusal import refusal
from ...ports.accessories import LONGEST, Executed
from . import console as consoles
from .engine import Engine
from .stream import Hijacked
from .transfer import Transfer

LINES = 50  # of standard error


def execute(
    engine: Engine, container: str, command: Sequence[str], stdin: Path | None, stdout: Path | None, timeout: float
) -> Executed:
    """As the port's. Raises docker.errors.APIError."""
    deadline, printed = time.monotonic() + timeout, bytearray()
    with ExitStack() as stack:
        given = stack.enter_context(stdin.open("rb")) if stdin else None
        take = stack.enter_context(_written(stdout)) if stdout else _kept(printed)
        job, program = _begun(engine, container, command, has_input=given is not None)
        stream = stack.enter_context(closing(Hijacked(engine.api.exec_start(job, socket=True), is_terminal=False)))
        transfer = Transfer(stream, given, take)
        try:
            is_done = transfer.run(program, deadline)
        except BaseException:
            program.signal(signal.SIGKILL)
            raise
        if not is_done:
            program.signal(signal.SIGKILL)
            return Executed(None, transfer.errors[-LINES:], _text(printed))
    code = consoles.noted(program.code, container)
    consoles.must_have_run(engine, container, job, code, command[0])
    return Executed(code, transfer.errors[-LINES:], _text(printed))


def _begun(engine: Engine, container: str, command: Sequence[str], *, has_input: bool) -> tuple[str, consoles.Executed]:
    import docker.errors

    mark = secrets.token_hex(8)
    try:
        told = engine.api.exec_create(
            container, list(command), stdin=has_input, environment={consoles.MARK: mark}
        )  # fmt: skip
    except docker.errors.APIError as error:
        if error.status_code in (404, 409):  # it is gone, stopped, or about to be started again
            raise consoles.not_running(container) from error
        raise
    return str(told["Id"]), consoles.Executed(engine, container, str(told["Id"]), mark)


@contextmanager
def _written(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Anew, and whole on the disk at the end."""
    with _refusing(path):
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with _refusing(path):
            os.fchmod(descriptor, 0o600)  # of one that was there before
        yield lambda data: _write(path, descriptor, data)
        with _refusing(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(path: Path, descriptor: int, data: bytes) -> None:
    left = memoryview(data)
    with _refusing(path):
        while left:
            left = left[os.write(descriptor, left) :]


@contextmanager
def _refusing(path: Path) -> Iterator[None]:
    """Raises Refused where the disk does not take it."""
    try:
        yield
    except OSError as error:
        told = refusal(path, error)
        raise Refused(f"{path} cannot be written: {told.reason}.", told.advice, key=told.key) from error


def _kept(printed: bytearray) -> Callable[[bytes], object]:
    return lambda data: printed.extend(data[: max(LONGEST - len(printed), 0)])


def _text(printed: bytearray) -> str:
    return printed.decode(errors="replace")
