"""What is due is started, what has ended is noted. Asks for the time in one place, and never sleeps: `program` does.

A command that hangs keeps others from nothing for longer than `OVERDUE`; one that fails is tried when it is due again.
Two clocks: by Unix time things are due, and by the monotonic one nothing is started again too soon, so that a clock
that jumps does nothing twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from ..core.errors import DiscodeError
from .chores import CHORES, Chore, Due, Look, Words
from .running import Running
from .state import Job, State

LONGEST = 300.0  # seconds of sleep: within them a clock that has jumped is noticed
SETTLING = 300.0  # seconds for which others wait while the apps are settled, which takes each app's lock for a moment
OVERDUE = 3600.0  # seconds after which a command does not count among those that may run at once
ENOUGH = 200  # commands whose last run is remembered


class Starter(Protocol):
    def start(self, chore: str, words: Words, now: float) -> Running: ...

    def adopt(self, job: Job) -> Running | None: ...

    def ended_unseen(self, job: Job, now: float) -> Job: ...


@dataclass
class _Begun:
    running: Running
    monotonic: float


class Agent:
    """`keep` is given what is to be written down; `now` and `monotonic` are clocks."""

    def __init__(
        self,
        look: Look,
        starter: Starter,
        keep: Callable[[tuple[Job, ...]], None],
        now: Callable[[], float],
        monotonic: Callable[[], float],
        chores: Sequence[Chore] = CHORES,
    ):
        self._look, self._starter, self._keep, self._chores = look, starter, keep, chores
        self._now, self._monotonic = now, monotonic
        self._jobs: dict[Words, Job] = {}
        self._running: dict[Words, _Begun] = {}
        self._begun: dict[Words, float] = {}  # monotonic time at which this agent has last started it

    def take_over(self, state: State | None) -> None:
        """What an agent before this one has started goes on, and is not started a second time."""
        for job in state.jobs if state else ():
            self._jobs[job.words] = job
            if job.ended is None:
                found = self._starter.adopt(job)
                if found is not None:
                    self._running[job.words] = _Begun(found, self._monotonic())
                else:
                    self._jobs[job.words] = self._starter.ended_unseen(job, self._now())
        self._keep(tuple(self._jobs.values()))

    def turn(self) -> float:
        """Once around; the seconds until the next time, unless something happens before."""
        before = dict(self._jobs)
        self._note_ends()
        wait = min([LONGEST, *(self._begin(chore) for chore in self._chores)])
        if self._jobs != before:
            self._forget_old()
            self._keep(tuple(self._jobs.values()))
        return wait

    def watched(self) -> list[Running]:
        """What is under way, and can be waited for."""
        return [one.running for one in self._running.values() if one.running.fileno() >= 0]

    def _note_ends(self) -> None:
        for words, begun in list(self._running.items()):
            if begun.running.has_ended():
                del self._running[words]
                self._jobs[words] = begun.running.end(self._now())

    def _begin(self, chore: Chore) -> float:
        """Seconds until one of its commands is due. What is in the way of one ends, and that is another turn."""
        now, wait = self._now(), LONGEST
        for due in self._due(chore, now):
            if due.words in self._running:
                continue
            left = max(due.at - now, self._pause(chore, due.words, now))
            if left > 0:
                wait = min(wait, left)
            elif self._young(chore) < chore.at_once and not self._must_wait(chore):
                self._start(chore, due.words, now)
                wait = min(wait, chore.pause)
        return wait

    def _due(self, chore: Chore, now: float) -> Iterable[Due]:
        """What was not started for longest comes first, so that what stays due starves nothing. A chore that cannot be
        looked at keeps the others from nothing."""
        try:
            return sorted(chore.due(self._look, now), key=lambda due: self._begun.get(due.words, -math.inf))
        except (DiscodeError, OSError, ValueError):
            return ()

    def _pause(self, chore: Chore, words: Words, now: float) -> float:
        """Seconds until it may be started again."""
        if words in self._begun:
            return chore.pause - (self._monotonic() - self._begun[words])
        last = self._jobs.get(words)
        if last is None or chore.at_start or not 0 <= now - last.started < chore.pause:
            return 0.0
        return chore.pause - (now - last.started)

    def _young(self, chore: Chore, age: float = OVERDUE) -> int:
        """How many of its commands run that are no older than that."""
        since, ours = self._monotonic() - age, self._running.values()
        return sum(one.running.job.chore == chore.name and one.monotonic > since for one in ours)

    def _must_wait(self, chore: Chore) -> bool:
        """For another chore that is first; its end is another turn."""
        return any(self._young(one, SETTLING) for one in self._chores if one.is_first and one is not chore)

    def _start(self, chore: Chore, words: Words, now: float) -> None:
        self._begun[words] = self._monotonic()
        try:
            running = self._starter.start(chore.name, words, now)
        except OSError as error:  # no memory, no room for another process
            why = f"It could not be started: {error.strerror}."
            self._jobs[words] = Job(words=words, chore=chore.name, started=now, pid=0, ended=now, said=why)
            return
        self._running[words] = _Begun(running, self._monotonic())
        self._jobs[words] = running.job

    def _forget_old(self) -> None:
        """Commands of apps that are gone."""
        oldest = sorted(self._jobs.values(), key=lambda job: job.started)[: max(len(self._jobs) - ENOUGH, 0)]
        for job in oldest:
            if job.words not in self._running:
                del self._jobs[job.words]
