"""What arrived at somebody's who is told of things, notice by notice, and whether it is all of it, once. Pure.

A message may hold several notices, and may come twice: each notice has a number, which is the same both times.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from rig.told import Told

_END = re.compile(r"\(.*, notice (\d+), (?:info|warning|critical)\)")


@dataclass(frozen=True)
class Heard:
    """`text` is its first line, `serves` what serves by it; `whole` all of it."""

    number: int
    text: str
    serves: str
    whole: str


@dataclass(frozen=True)
class Expected:
    """What a release has to be told with: how the notice begins, and what serves by it."""

    begin: str
    serves: str


def heard(messages: Iterable[Told]) -> list[Heard]:
    """In the order in which it came; greetings have no number, and are none."""
    found = []
    for block in (block for message in messages for block in message.body.split("\n\n")):
        lines = block.strip().splitlines()
        end = _END.fullmatch(lines[-1]) if lines else None
        if end is not None:
            serves = next((line.removeprefix("Serving: ") for line in lines if line.startswith("Serving: ")), "")
            found.append(Heard(int(end[1]), lines[0], serves, block.strip()))
    return found


def lost(came: Mapping[str, Sequence[Heard]], expected: Iterable[Expected]) -> list[str]:
    """Numbers that one got and another did not, or nobody, and what nobody was told."""
    last = max((one.number for all_of_it in came.values() for one in all_of_it), default=0)
    found = []
    for name, all_of_it in came.items():
        numbers = {one.number for one in all_of_it}
        found += [f"{name}: notice {number}" for number in range(1, last + 1) if number not in numbers]
        found += [f"{name}: {one.begin}, {one.serves} serves" for one in expected if not _of(all_of_it, one)]
    return found


def doubled(came: Mapping[str, Sequence[Heard]], expected: Iterable[Expected]) -> list[str]:
    """What one was told under two numbers, and numbers that were two notices."""
    found = []
    for name, all_of_it in came.items():
        found += [f"{name}: {one.begin}" for one in expected if len(_of(all_of_it, one)) > 1]
        by_number = Counter(number for number, _ in {(one.number, one.whole) for one in all_of_it})
        found += [f"{name}: two notices {number}" for number, count in by_number.items() if count > 1]
    return found


def again(all_of_it: Sequence[Heard]) -> int:
    """How many came once more, under the same number."""
    return len(all_of_it) - len({one.number for one in all_of_it})


def _of(all_of_it: Iterable[Heard], wanted: Expected) -> set[int]:
    """Numbers of it."""
    return {one.number for one in all_of_it if one.text.startswith(wanted.begin) and one.serves == wanted.serves}
