"""One app of `bin/demo --data` under load: what is done to it, and what its users have written."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customer import Ran
from data_ledger import Operation, Undone, Write, by_kind_of_operation, gone, lost, read_writes, without_an_answer
from data_rig import DataMachine, host_of
from records import Record, by_kind
from stage import Trial, load

from rig.wait import wait_for

BETWEEN = 2.0  # seconds of load between two commands
TOLD = 0.5  # seconds of a step
BEFORE = 20  # writes that are there before the first of them


class Scene(ABC):
    """`done` are the commands, `undone` what restores have said of writes, `records` what the load saw, at its end."""

    def __init__(self, trial: Trial, machine: DataMachine, app: str, folder: Path):
        self.trial, self.machine, self.app = trial, machine, app
        self.done: list[Operation] = []
        self.undone: list[Undone] = []
        self.records: list[Record] = []
        self._requests, self._ledger = folder / f"{app}-requests.jsonl", folder / f"{app}-writes.jsonl"

    @abstractmethod
    def play(self) -> None:
        """All of it, with the load."""

    @contextmanager
    def load(self) -> Iterator[None]:
        self.trial.say("Load: notes are written and read throughout")
        words = [str(self.machine.port), host_of(self.app), str(self._requests), str(self._ledger)]
        with load("data_load.py", words, 240):
            wait_for(lambda: self._ledger.exists() and len(self.written()) >= BEFORE, what="the first writes")
            yield
            time.sleep(BETWEEN)
        self.records = [Record(**json.loads(line)) for line in self._requests.read_text().splitlines()]

    def do(self, kind: str, *words: str, code: int | None = 0) -> Ran:
        """A command of the customer's. `kind`: under which its figures are told."""
        time.sleep(BETWEEN)
        ran = self.machine.run(*words, code=code)
        self.done.append(Operation(kind, ran.begun, ran.ended))
        steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in ran.seconds().items() if seconds >= TOLD)
        self.trial.say(f"discode {' '.join(words)}: {kind}, {ran.ended - ran.begun:.1f} s ({steps})")
        return ran

    def restoring(self, kind: str, snapshot: str, *words: str) -> str:
        """A command that puts the data of a snapshot in place: first it says what that undoes, and wants a consent. The
        snapshot of what it replaced."""
        taken = self.taken(snapshot)
        asked = self.machine.run(*words, code=None).last.get("error", {})
        minute = time.strftime("%Y-%m-%d %H:%M", time.localtime(taken))
        told = (asked.get("key"), minute in asked.get("sentence", ""))
        self.trial.expect(f"{kind}: without a consent", told, ("would-undo", True), str(asked))
        ran = self.do(kind, *words, "--yes", self.app)
        undone = Undone(taken, ran.moments("step-done", "hold")[-1])
        self.undone.append(undone)
        writes, found = self.written(), self.machine.names(self.app)  # in this order: see `check_writes`
        self.trial.say(f"  {gone(writes, found, undone)} writes since {minute} are undone, as it has said")
        self.check_writes(f"after it: {kind}")
        return str(ran.last["snapshot"])

    def taken(self, snapshot: str) -> float:
        """When it began, in Unix time."""
        snapshots = self.machine.run("backup", "list", self.app).last["snapshots"]
        return float(next(one["taken"] for one in snapshots if one["id"] == snapshot))

    def written(self) -> list[Write]:
        """What was acknowledged until now."""
        return read_writes(self._ledger.read_text())

    def check_writes(self, when: str) -> None:
        writes = self.written()  # before the app is asked: what comes meanwhile is not expected
        missing = lost(writes, self.machine.names(self.app), self.undone)
        self.trial.expect(f"{self.app}: acknowledged writes that are lost, {when}", len(missing), 0, str(missing[:5]))

    def judge(self) -> None:
        """When the load is over."""
        self.check_writes("at the end")
        failures = Counter(f"{one.kind}: {one.failure}" for one in self.records if one.failure)
        writes, found = self.written(), self.machine.names(self.app)
        self.trial.seen[self.app] = {
            "requests": len(self.records), "failed": sum(failures.values()), "failures": dict(failures),
            "writes_acknowledged": len(writes), "writes_found": sum(one.name in found for one in writes),
            "writes_undone_by_restores": [gone(writes, found, one) for one in self.undone],
            "operations": by_kind_of_operation(self.done, self.records),
            "longest_without_an_answer_between_operations_s": without_an_answer(self.done, self.records),
            "by_kind": by_kind(self.records),
        }  # fmt: skip
        self.trial.expect(f"{self.app}: failed requests", sum(failures.values()), 0, str(dict(failures)))
        self.trial.expect(f"{self.app}: requests were made", len(self.records) > 500, True)

    def error_of(self, ran: Ran) -> tuple[int, Any]:
        return ran.code, ran.last.get("error", {}).get("key")
