"""Containers that a person runs a program in: each ends with the command that made it, and is removed with it.

A command that was killed leaves its container to the next `sweep`, which knows it by its owner's identity: a label that
names the process and when it was started, so that no later process with the same id is taken for it.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Sequence
from typing import Any

from ...core.errors import CannotRun, DiscodeError, NoSuchCommand
from ...ports.console import Console
from ...ports.runtime import InstanceSpec
from ..process.proc import identity, is_alive
from . import console as consoles
from . import containers
from .containers import Part
from .engine import Engine
from .names import APP, OWNER, ROLE, RUN


def run(
    engine: Engine, spec: InstanceSpec, command: Sequence[str], console: Console, network: str, address: str | None
) -> int:
    """The program's exit code. Raises NotHere, NoSuchCommand, CannotRun."""
    part = containers.run(spec, command, secrets.token_hex(4), {OWNER: owner()})
    try:
        containers.create(engine, part, network, address, tty=console.is_terminal, stdin_open=True)
        return consoles.attach(engine, part.container, console, lambda: _start(engine, part))
    finally:
        containers.remove(engine, part.container)


def sweep(engine: Engine, app: str, *, living: bool) -> None:
    for one in engine.api.containers(all=True, filters={"label": [f"{APP}={app}", f"{ROLE}={RUN}"]}):
        if living or not _is_owned(one["Labels"].get(OWNER, "")):
            engine.api.stop(one["Id"])  # with the grace that it was made with
            containers.remove(engine, one["Id"])


def owner() -> str:
    """As the label has this process."""
    return f"{os.getpid()}:{identity(os.getpid())}"


def _is_owned(label: str) -> bool:
    pid, _, known = label.partition(":")
    return pid.isdecimal() and is_alive(int(pid), known)


def _start(engine: Engine, part: Part) -> None:
    import docker.errors

    try:
        engine.api.start(part.container)
    except docker.errors.APIError as error:
        raise _not_started(engine, part, error) from error


def _not_started(engine: Engine, part: Part, error: Any) -> DiscodeError:
    told = engine.api.inspect_container(part.container)
    code, program = told["State"]["ExitCode"], str(told["Path"])
    if code == NoSuchCommand.exit_code:
        return NoSuchCommand(program)
    if code == CannotRun.exit_code:
        return consoles.cannot_run(program)
    return containers.start_failed(engine, part, error)
