"""A short command of ours in a container: what it prints and its exit code, within a deadline.

The engine notes the end of no exec in a container while the output of another one there is not read
(<https://github.com/moby/moby/issues/53614>), so a command that has ended may look as if it had not. Nothing waits for
one without a bound.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from .engine import Engine
from .stream import STDERR, STDOUT, Hijacked

POLL = 0.005
SOON = 30.0  # seconds, for what takes milliseconds


@dataclass(frozen=True)
class Done:
    code: int
    out: bytes
    err: bytes


def run(engine: Engine, container: str, argv: Sequence[str], within: float = SOON) -> Done:
    """To its end. Raises TimeoutError after so many seconds, docker.errors.APIError."""
    api, deadline = engine.api, time.monotonic() + within
    job = api.exec_create(container, list(argv))["Id"]
    with closing(Hijacked(api.exec_start(job, socket=True), is_terminal=False)) as stream:
        output = _printed(stream, deadline)
    return Done(_exit_code(api, job, deadline), output[STDOUT], output[STDERR])


def _printed(stream: Hijacked, deadline: float) -> dict[int, bytes]:
    """On stdout and stderr, until the stream ended. Raises TimeoutError."""
    output = {STDOUT: b"", STDERR: b""}
    while (left := deadline - time.monotonic()) > 0:
        if stream.has_pending() or select.select([stream], [], [], left)[0]:
            found = stream.read()
            if found is None:
                return output
            for number, data in found:
                output[number] += data
    raise TimeoutError


def _exit_code(api: Any, job: str, deadline: float) -> int:
    """The stream ends a moment before the engine has noted the code. Raises TimeoutError."""
    while (code := api.exec_inspect(job)["ExitCode"]) is None:
        if time.monotonic() >= deadline:
            raise TimeoutError
        time.sleep(POLL)
    return int(code)
