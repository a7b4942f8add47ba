"""Waiting for what happens elsewhere: for a condition, never for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 240.0  # seconds: reached only by what never happens, so it costs nothing on a good day
ENOUGH = 60.0  # for a program to come up, however slow the machine is
PAUSE = 0.01


class WaitedInVain(AssertionError):
    """The condition did not come true in time, or cannot come true any more."""


def wait_for(
    condition: Callable[[], T],
    seconds: float = PATIENCE,
    what: str = "the condition",
    *,
    unless: Callable[[], object] = lambda: None,
) -> T:
    """What the condition returns, as soon as that is true. `unless` returns a reason why it never will be."""
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        if reason := unless():
            raise WaitedInVain(f"{what}: {reason}")
        if time.monotonic() > deadline:
            raise WaitedInVain(f"{what} did not come true within {seconds:g} s")
        time.sleep(PAUSE)
    return answer


def with_time(attempt: Callable[[float], T], has_begun: Callable[[T], object], seconds: float) -> T:
    """What the attempt makes of a deadline that is to be missed: the shortest one, from these seconds on, within which
    `has_begun` is true of it. How long a program takes until there is something to be seen is the machine's matter."""
    while not has_begun(found := attempt(seconds)) and seconds < ENOUGH:
        seconds *= 4
    return found
