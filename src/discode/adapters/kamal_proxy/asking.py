"""A command to the proxy, until its answer is here: of a command that lost it on the way, or of an edge that is asked
whether it goes by a file in its state folder yet."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from . import commands
from .carrier import Carrier
from .messages import check

PATIENCE = 30.0  # seconds that a command may take beyond the time that it is told
POLL = 0.05
TRIES = 5  # Docker loses the whole output of an exec now and then (moby/moby#27289)
TAKEN_UP = 30.0  # seconds: an edge looks at its files each second at least, and a reload takes a moment
LOOK = 0.1


def ask(carrier: Carrier, argv: Sequence[str], seconds: float = 0.0, *, has_output: bool = False) -> str:
    """The command's output. Asks again where the words were lost: a refusal always has some. Each command may be given
    twice. Raises ProxyUnreachable, and as `messages.check`."""
    for _ in range(TRIES):
        answer = carrier.run(argv, seconds + PATIENCE)
        if answer.stdout.strip() or answer.stderr.strip() or (answer.code == 0 and not has_output):
            break
        time.sleep(POLL)
    return check(argv, answer)


def until_it_goes_by(carrier: Carrier, look: Callable[[str], bool | None]) -> bool:
    """Whether an edge goes by a file of its folder in time. `look`: whether it does by what it lists; None: it never
    will. Raises as `ask`."""
    deadline = time.monotonic() + TAKEN_UP
    while True:
        found = look(ask(carrier, commands.LIST_JSON, has_output=True))
        if found is None or found or time.monotonic() >= deadline:
            return bool(found)
        time.sleep(LOOK)
