"""An agent that is killed again and again, at moments that nobody chooses, and with it the `notify check` that is under
way. Updates and settling go on: an agent that ends is to touch nothing of them."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from customer import Machine

from discode.agent import running, state
from discode.agent.state import Job
from rig.wait import wait_for

LONGEST_LIFE = 10.0  # seconds; half of that on the average


class MortalAgent:
    """`killed`: how many agents were; `checks` of notices that were; `ended`: exit codes of agents that ended by
    themselves, which none is to do."""

    def __init__(self, machine: Machine, seed: int):
        self._machine, self._chance = machine, random.Random(seed)
        self._agent: subprocess.Popen[bytes] | None = None
        self._spared = threading.Event()
        self.killed, self.checks, self.ended = 0, 0, list[int]()

    @contextmanager
    def dying(self) -> Iterator[None]:
        """It dies all the while; in the end one is alive."""
        deaths = threading.Thread(target=self._die_again_and_again, daemon=True)
        deaths.start()
        try:
            yield
        finally:
            self._spared.set()
            deaths.join()

    def stop(self) -> None:
        """As a service manager does; and what it has started comes to its end."""
        if self._agent is not None:
            self._agent.terminate()
            self._agent.wait(60)
        wait_for(lambda: not self._under_way(), what="the end of what the agent has started")

    def _die_again_and_again(self) -> None:
        while True:
            self._agent = subprocess.Popen(
                [sys.executable, "-m", "discode", "agent"], env=self._machine.env,
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            if self._spared.wait(self._chance.uniform(0, LONGEST_LIFE)):
                return
            self._kill(self._agent)

    def _kill(self, agent: subprocess.Popen[bytes]) -> None:
        if (code := agent.poll()) is not None:
            self.ended.append(code)
            return
        agent.kill()
        agent.wait()
        self.killed += 1
        self.checks += sum(_is_killed(job) for job in self._under_way() if job.chore == "notice")

    def _under_way(self) -> list[Job]:
        found = state.read(self._machine.home)
        return [job for job in (found.jobs if found else ()) if job.ended is None and running.is_alive(job)]


def _is_killed(job: Job) -> bool:
    """By a descriptor, and looked at once more: by its number it may be another process by now."""
    with suppress(ProcessLookupError):
        process = os.pidfd_open(job.pid)
        try:
            if running.is_alive(job):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                return True
        finally:
            os.close(process)
    return False
