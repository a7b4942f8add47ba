"""Every boundary between a flow and the world: the command is killed before and after each single port call.

A flow is run again and again from the same state, killed one call later each time, until it gets to its end. After
each kill everything is checked, with nothing typed: a command that is killed has a guard.
"""

from __future__ import annotations

import itertools
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_scenarios import DATA_SCENARIOS
from elsewhere_scenarios import ELSEWHERE_SCENARIOS
from runtimes import Kind
from scenario import Scenario, Stage

from flows import FLOWS

WHEN = ("after", "during", "before")
# Calls that write a file of the store: killed in the middle of it, too.
WRITES = ("write_journal", "save_installation", "save_kept", "save_settings", "append_history", "keep_log")
DEAD = (-signal.SIGKILL, -signal.SIGXFSZ)
REFUSED = 4  # the exit code of what need not be done
LONG = 0.02  # seconds of a call that is killed within it
SCENARIOS = [*FLOWS, *DATA_SCENARIOS, *ELSEWHERE_SCENARIOS]


class Boundaries:
    def __init__(self, folder: Path, seed: int, kind: Kind, *, as_json: bool):
        self.folder, self.dice, self.kind, self.as_json = folder, random.Random(seed), kind, as_json
        self.told: dict[str, Any] = {
            "seed": seed, "runtime": kind.name, "boundaries": 0, "flows": {}, "not_begun": [],
            "requests": 0, "failed_requests": 0, "acknowledged_writes": 0, "snapshots": 0,
            "failures": Counter(), "violations": [],
        }  # fmt: skip

    def run(
        self, only: Sequence[str], when: str | None, sample: int | None, seconds: float, begin: int, at: Sequence[str]
    ) -> dict[str, Any]:
        """All of them from the call with the number `begin` on, those of some flows or of one of WHEN, or just those
        `at`, or `sample` of them in all; none begins after `seconds`."""
        self.begin, self.at = begin, at
        moments = (when,) if when else ("there",) if at else WHEN if sample is None else ("either",)
        end = time.monotonic() + seconds
        scenarios = [one for one in SCENARIOS if (not only or one.name in only) and self.kind.name in one.runtimes]
        if sample:
            self.dice.shuffle(scenarios)
        share = -(-sample // len(scenarios)) if sample else None
        for moment, scenario in itertools.product(moments, scenarios):
            if time.monotonic() > end or (sample and self.told["boundaries"] >= sample):
                self.told["not_begun"].append(f"{scenario.name}, {moment}")
            else:
                self._play(scenario, moment, share, end)
        return self.told

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _play(self, scenario: Scenario, when: str, share: int | None, end: float) -> None:
        stage = Stage(Path(tempfile.mkdtemp(dir=self.folder)), scenario, self.kind)
        try:
            stage.traffic.start()
            boundaries = self._until_done(stage, when, end) if share is None else self._some(stage, share)
            self.told["flows"].setdefault(scenario.name, {})[when] = boundaries
            self.say(f"{scenario.name}: killed {when} {boundaries} calls")
        finally:
            self.told["acknowledged_writes"] += stage.ledger.count()
            self.told["snapshots"] += stage.repository.count
            stage.traffic.stop()
            stage.place.close()

    def _until_done(self, stage: Stage, when: str, end: float) -> int:
        """Each call after the other, until the command comes to its end before it is killed. How many there were."""
        if self.at:
            return sum(time.monotonic() < end and self._once(stage, one) for one in self.at)
        if when == "during":
            return self._in_the_middle(stage, end)
        number = self.begin
        while time.monotonic() < end and self._once(stage, f"{number}:{when}"):
            number += 1
        return number - self.begin

    def _in_the_middle(self, stage: Stage, end: float) -> int:
        """Of every kind of file that is written, and of every call that takes its time: once alone, once with all that
        it has started. A first run tells which there are."""
        self._once(stage, "none:never")
        calls = stage.last_calls()
        torn = [f"{name}:during" for name in WRITES if any(call.name == name for call in calls)]
        within = [
            f"{call.number}:{self.dice.uniform(0.05, 0.95) * call.seconds:.3f}{how}"
            for call in calls
            if call.seconds >= LONG and call.number >= self.begin and stage.scenario.stores
            for how in ("", "+")
        ]
        return sum(time.monotonic() < end and self._once(stage, at) for at in torn + within)

    def _some(self, stage: Stage, share: int) -> int:
        """A first run tells how many calls there are."""
        self._once(stage, "none:never")
        calls = len(stage.last_calls())
        numbers = [self.dice.randrange(calls) for _ in range(share)]
        return sum(self._once(stage, f"{number}:{self.dice.choice(('after', 'before'))}") for number in numbers)

    def _once(self, stage: Stage, at: str) -> bool:
        """Whether the command was killed there."""
        scenario = stage.scenario
        words = scenario.prepare(stage)
        allowed = () if scenario.takes_proxy and not self.kind.proxy_stays else scenario.allowed
        stage.traffic.allowed = frozenset(allowed)
        stage.traffic.taken()
        stage.evidence.begin()
        code = stage.kill(words, at)
        call, killed = stage.last_call(), code in DEAD
        found = [] if killed or code in scenario.codes else [f"exit code {code}, not {scenario.codes}"]
        if stage.aside:
            found += stage.aside.violations(words, killed=killed)
        found += self._found(stage, typed=not (killed and scenario.is_guarded))
        seen = stage.traffic.taken()
        self.told["boundaries"] += killed
        if allowed:
            self.told["requests"] += seen.requests
            self.told["failed_requests"] += sum(seen.failures.values())
            self.told["failures"].update(seen.failures)
        if killed and scenario.repeats:
            found += self._repeated(stage, words)
        if found or (seen.failures and allowed):
            told = {"flow": scenario.name, "at": at, "call": call, "code": code, "failed": seen.examples}
            self._blame(stage, told, found)
        return killed

    def _found(self, stage: Stage, *, typed: bool) -> list[str]:
        """All violations."""
        found = stage.check.violations(typed=typed)
        if stage.scenario.stores:
            found += stage.data.violations(stage.check.status)
        if stage.scenario.arrives:
            found += stage.data.arrival(stage.check.status)
        if stage.scenario.backs_up and stage.check.status:
            found += stage.data.backups()
        return found

    def _repeated(self, stage: Stage, words: tuple[str, ...]) -> list[str]:
        """What was killed gets through when it is typed again."""
        code, told = stage.place.run(*words)
        if code not in (*stage.scenario.codes, REFUSED):  # it may have been done
            return [f"repeated, it exited with {code}: {told}"]
        stage.expected.versions.discard(None)
        return [f"repeated: {one}" for one in self._found(stage, typed=False)]

    def _blame(self, stage: Stage, told: dict[str, Any], found: list[str]) -> None:
        self.told["violations"] += [{**told, "violation": violation} for violation in found]
        what = "; ".join(found) or f"failed requests {told['failed']}"
        self.say(f"VIOLATION in {told['flow']}, killed at {told['at']} ({told['call']}): {what}")
        where = stage.evidence.keep(f"{told['at']}-{time.time_ns()}".replace(":", "-"), {**told, "violations": found})
        self.say(f"What is known of it is in {where}; what the commands said:\n{stage.evidence.words(where)}")
