"""A client of a database elsewhere, as this machine has it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...core.errors import NoSuchCommand, Refused
from ...disk.refusal import refusal
from ...ports.accessories import Executed

LINES = 50  # of standard error
GRACE = 10.0  # seconds


def ask(env: Mapping[str, str], command: Sequence[str], stdout: Path, timeout: float) -> Executed:
    """As the port's."""
    own = {"PATH": os.environ.get("PATH", os.defpath), "HOME": "/nonexistent", "LC_ALL": "C.UTF-8", **env}
    try:
        descriptor = os.open(stdout, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    except OSError as error:
        told = refusal(stdout, error)
        raise Refused(f"{stdout} cannot be written: {told.reason}.", told.advice, key=told.key) from error
    try:
        process = subprocess.Popen(
            list(command), env=own, cwd="/", stdin=subprocess.DEVNULL, stdout=descriptor, stderr=subprocess.PIPE,
            start_new_session=True,
        )  # fmt: skip
    except FileNotFoundError:
        raise NoSuchCommand(command[0]) from None
    finally:
        os.close(descriptor)
    try:
        errors = process.communicate(timeout=timeout)[1]
    except subprocess.TimeoutExpired:
        return Executed(None)
    finally:
        _end(process)
    lines = errors.decode(errors="replace").splitlines()
    return Executed(process.returncode, tuple(lines[-LINES:]))


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
