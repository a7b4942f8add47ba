"""What a trial with one fault shows of the trials with a second one, so that none of them is tried twice.

A second fault comes in a trial that is, until then, the one with the first fault alone. So that one is watched at each
of its calls, and three things are told of it:

- how the world would stand if the command died there: what follows needs nothing of the command but that;
- that the world stands there as it did at the call before: then what follows a death is the same, and was tried;
- that the call changes nothing: then it is the same whether it fails before it has done anything or after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from discode.testing.faults import Script
from discode.testing.memory_world import MemoryWorld

# Of the parts of a world: how they are joined, and locks, which end with the process.
JOINTS = frozenset(["served", "has_requests", "is_unseen", "is_used", "is_led_to", "now", "_answer", "locked"])


def is_alike(one: MemoryWorld, other: MemoryWorld) -> bool:
    """Whether a flow that begins does the same in both. The time is not compared: flows measure from it, and record it,
    but what follows in a trial does not depend on what it is."""
    if (one.system.left_alone, one.system._secrets) != (other.system.left_alone, other.system._secrets):
        return False
    names = ("runtime", "proxy", "accessories", "store")
    parts = [(getattr(one, name), getattr(other, name)) for name in names]
    return all(
        name in JOINTS or value == right.__dict__[name] for left, right in parts for name, value in vars(left).items()
    )


@dataclass(frozen=True)
class Death:
    """How the world stands before a call, and which apps have a guard if the command dies there. `is_new`: otherwise
    than before the call before."""

    stands: MemoryWorld
    guards: frozenset[str]
    command: int
    is_new: bool


class Observed(Script):
    """Watches `world` from the first fault on. `command` is the number of the one that runs. `deaths` and `quiet` by
    the number of the call."""

    def observe(self, world: MemoryWorld, copied: Callable[[MemoryWorld], MemoryWorld]) -> None:
        self.world, self.copied, self.command = world, copied, 0
        self.deaths: dict[int, Death] = {}
        self.quiet: set[int] = set()

    def carry_out(self, name: str, call: Callable[[], Any], *rest: Any) -> Any:
        number = self.calls
        if self.dead or number <= min(self.faults):
            return super().carry_out(name, call, *rest)
        death = self.deaths[number] = self._death(self.deaths.get(number - 1))
        answer = super().carry_out(name, call, *rest)
        if is_alike(death.stands, self.world):
            self.quiet.add(number)
        return answer

    def _death(self, before: Death | None) -> Death:
        guards = frozenset(self.world.system.guards)
        is_new = before is None or not is_alike(before.stands, self.world)
        stands = self.copied(self.world) if before is None or is_new else before.stands
        as_before = before is not None and (before.guards, before.command) == (guards, self.command)
        return Death(stands, guards, self.command, is_new or not as_before)
