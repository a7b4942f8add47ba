"""Where a program that a person runs in an app reads and writes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Console:
    """File descriptors of this process. `is_terminal`: the program shall have a terminal of its own; then `stdin` is
    one. `grace`: seconds that it has to end after a signal that asks it to, before it is killed."""

    stdin: int = 0
    stdout: int = 1
    stderr: int = 2
    is_terminal: bool = False
    grace: float = 10.0
