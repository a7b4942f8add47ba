"""The agent as a process: one a home. SIGTERM ends it at once, and leaves what it has started; SIGHUP wakes it.

Asleep it waits for what is due next, for the end of a command, for the bell and for a signal, in one call.
"""

from __future__ import annotations

import os
import select
import signal
import time
from contextlib import suppress
from pathlib import Path

from ..core.errors import Busy
from ..disk.folders import make_private
from ..disk.lock import take
from . import bell, state
from .agent import Agent
from .chores import Look
from .running import Commands

TRIES = 10  # to take the lock


def run(home: Path, look: Look, version: str) -> None:
    """Never returns, but for an error. Raises Busy when the home has an agent."""
    make_private(state.folder(home))
    _lock(home)
    signals, rung = _signals(), bell.hung_up(home)
    since = time.time()

    def keep(jobs: tuple[state.Job, ...]) -> None:
        state.write(home, state.State(pid=os.getpid(), since=since, version=version, jobs=jobs))

    agent = Agent(look, Commands(home), keep, time.time, time.monotonic)
    agent.take_over(state.read(home))
    while True:
        _sleep(agent, agent.turn(), signals, rung)


def _lock(home: Path) -> None:
    """Who looks whether it is held holds it for a moment."""
    for _ in range(TRIES):
        if take(state.lock_path(home)) is not None:
            return
        time.sleep(0.1)
    raise _busy(home)


def _sleep(agent: Agent, seconds: float, signals: int, rung: int) -> None:
    waited = select.poll()
    for descriptor in (signals, rung, *(one.fileno() for one in agent.watched())):
        waited.register(descriptor, select.POLLIN)
    waited.poll(max(seconds, 0.0) * 1000 + 1)
    for descriptor in (signals, rung):
        bell.silence(descriptor)


def _signals() -> int:
    """What can be read once a signal has come. Those that end a process end it, as if nobody had asked for them."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    reading, writing = os.pipe()
    for descriptor in (reading, writing):
        os.set_blocking(descriptor, False)
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    signal.signal(signal.SIGHUP, lambda *_: None)
    return reading


def _busy(home: Path) -> Busy:
    found = None
    with suppress(OSError):
        found = state.read(home)
    who = f" (pid {found.pid})" if found else ""
    return Busy(f"The agent of {home} runs already{who}. Nothing was changed.", "See what it does: discode agent show")
