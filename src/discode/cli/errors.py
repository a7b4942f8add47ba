"""Errors become words and exit codes: here and nowhere else."""

from __future__ import annotations

import json
import sys
from typing import Any

from ..core.errors import DiscodeError, ManifestError
from .foreign import indented, one_line, printable


def as_dict(error: DiscodeError) -> dict[str, Any]:
    told: dict[str, Any] = {"key": error.name, "sentence": error.sentence, "next_step": error.next_step}
    if isinstance(error, ManifestError):
        told["problems"] = list(error.problems)
    if error.log:
        told["log"] = list(error.log)
    return told


def show(error: DiscodeError, *, as_json: bool, code: int | None = None) -> int:
    """Print it, on stdout as JSON or on stderr for people; the answer is the exit code, which may be another `code`."""
    code = error.exit_code if code is None else code
    try:
        if as_json:
            print(json.dumps({"error": as_dict(error), "exit_code": code}), flush=True)
        else:
            print("\n".join(_lines(error)), file=sys.stderr, flush=True)
    except BrokenPipeError:
        raise
    except OSError:
        pass  # the terminal is gone
    return code


def _lines(error: DiscodeError) -> list[str]:
    lines = [f"Error: {indented(error.sentence)}"]
    if isinstance(error, ManifestError):
        lines += [f"  {one_line(problem)}" for problem in error.problems]
    if error.log:
        lines += ["", "Its last lines:", *(f"  | {printable(line)}" for line in error.log)]
    if error.next_step:
        step = f"Next: {indented(error.next_step)}"
        lines += ["", step] if error.log else [step]
    return lines
