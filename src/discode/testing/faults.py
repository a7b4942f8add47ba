"""Faults at the border between the flows and the world: before or after any call of any port.

A `Faulty` port counts its calls together with all others of one `Script` and does what the script says of that
number. `crash` is the death of the process: from then on no call gets through until `revive`. `error` is a port that
fails, before it did anything or after it did everything. `late` is kamal-proxy's own: the caller of a deploy dies
and the deploy goes on. `within`: the process dies when some of what a call changes is changed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

from ..core.errors import DiscodeError

Later = Callable[[int, Callable[[], Any]], None]  # a call that is carried out that many calls later
Partly = Callable[[int, Callable[[], Any]], None]  # a call in which the process dies after that many changes


class Crash(BaseException):
    """The process died here."""


@dataclass(frozen=True)
class Fault:
    """`delay`: of `late` how many calls later the deploy is carried out, of `within` how many changes got through."""

    kind: Literal["crash", "error", "late", "within"]
    when: Literal["before", "after"] = "before"
    delay: int = 0


@dataclass
class Script:
    """`faults` by number of the call, from 0. `watch` runs after every call that got through."""

    faults: dict[int, Fault]
    watch: Callable[[], None] = lambda: None
    calls: int = 0
    dead: bool = False
    names: list[str] = field(default_factory=list)  # of the calls, in their order

    def revive(self) -> None:
        self.dead = False

    def carry_out(
        self,
        name: str,
        call: Callable[[], Any],
        error: DiscodeError,
        later: Later | None,
        partly: Partly | None,
        /,
    ) -> Any:
        if self.dead:
            raise Crash
        number = self.calls
        self.calls = number + 1
        self.names.append(name)
        if number not in self.faults:  # nearly always, and millions of times
            answer = call()
            self.watch()
            return answer
        fault = self.faults[number]
        if fault.kind == "error":
            if fault.when == "after":
                self._observed(call)
            raise error
        self.dead = True
        if fault.kind == "late" and later is not None:
            later(fault.delay, call)
        if fault.kind == "within" and partly is not None:
            partly(fault.delay, call)
        raise Crash

    def _observed(self, call: Callable[[], Any]) -> Any:
        answer = call()
        self.watch()
        return answer


class Faulty:
    """A port whose calls go by a script. `error` is what it raises; `late_calls` are those that can be late."""

    def __init__(self, port: Any, script: Script, error: DiscodeError, late_calls: frozenset[str] = frozenset()):
        self._port, self._script, self._error, self._late_calls = port, script, error, late_calls

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._port, name)
        if name in ("lock", "asking", "backing_up"):
            return call  # a lock dies with its process; taking one changes nothing that lasts

        later = self._port.later if name in self._late_calls else None
        partly = getattr(self._port, "partly", None)

        def carried_out(*args: Any, **options: Any) -> Any:
            return self._script.carry_out(name, partial(call, *args, **options), self._error, later, partly)

        self.__dict__[name] = carried_out  # the next one is found without coming here
        return carried_out
