"""Users of the app of `bin/demo --data`, in a process of its own, until its standard input ends.

    data_load.py PORT HOST OUTPUT WRITES [--seconds LONGEST]

They write notes and read them. Nothing is tried twice. Every note that was acknowledged is in WRITES at once: whoever
looks for it knows at any time what has to be found.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
from dataclasses import asdict, dataclass, field
from itertools import count
from pathlib import Path
from typing import TextIO

from data_ledger import Write
from load import Load, Worker, until_over

PATIENCE = 180.0  # seconds: requests are held while the app's data changes
LONGEST = 1800.0
SEEDS = 10
BODY = 500  # bytes at the most


@dataclass
class Notes(Load):
    """`seeds` are notes from before the load, with their text: readers look at those, for others may be undone."""

    writes: TextIO = field(kw_only=True)
    seeds: dict[str, str] = field(default_factory=dict)
    numbers: count[int] = field(default_factory=lambda: count(1))

    def user(self, kind: str, *, keep: bool = True) -> Worker:
        return Worker(self, kind, keep=keep, timeout=PATIENCE)


async def write(notes: Notes, worker: Worker) -> tuple[str, str]:
    name, body = (
        f"{next(notes.numbers)}-{random.randbytes(4).hex()}",
        random.randbytes(random.randrange(BODY // 2)).hex(),
    )
    sent = time.time()
    async with worker.session.post(f"{notes.url}/notes/{name}", data=body, headers=notes.headers) as answer:
        text, version = await answer.text(), answer.headers.get("X-Version", "")
        if answer.status != 201:
            return version, f"status {answer.status}"
        notes.writes.write(json.dumps(asdict(Write(name, sent, time.time()))) + "\n")
        if len(notes.seeds) < SEEDS:
            notes.seeds[name] = body
        return version, "" if text == name else "wrong body"


async def read(notes: Notes, worker: Worker) -> tuple[str, str]:
    name, body = random.choice(list(notes.seeds.items()))
    async with worker.session.get(f"{notes.url}/notes/{name}", headers=notes.headers) as answer:
        text, version = await answer.text(), answer.headers.get("X-Version", "")
        if answer.status != 200:
            return version, f"status {answer.status}"
        return version, "" if text == body else "wrong body"


async def again_and_again(notes: Notes, kind: str, pause: float, *, keep: bool = True) -> None:
    worker = notes.user(kind, keep=keep)
    act = write if kind.startswith("write") else read
    async with worker.session:
        while not notes.is_over:
            await worker.measured(lambda: act(notes, worker))
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))


async def run(notes: Notes, longest: float) -> None:
    first = notes.user("write")
    async with first.session:
        for _ in range(SEEDS):
            await first.measured(lambda: write(notes, first))
    if len(notes.seeds) < SEEDS:
        raise RuntimeError(f"the first notes failed: {notes.records[-1].failure}")
    users = [
        *(again_and_again(notes, "write", 0.2) for _ in range(5)),
        *(again_and_again(notes, "write, new connection", 0.3, keep=False) for _ in range(2)),
        *(again_and_again(notes, "read", 0.2) for _ in range(4)),
    ]
    await until_over(notes, users, longest)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=int)
    parser.add_argument("host")
    parser.add_argument("output", type=Path)
    parser.add_argument("writes", type=Path)
    parser.add_argument("--seconds", type=float, default=LONGEST)
    given = parser.parse_args()
    with given.writes.open("w", buffering=1) as writes:
        notes = Notes(f"http://127.0.0.1:{given.port}", given.host, writes=writes)
        asyncio.run(run(notes, given.seconds))
    given.output.write_text("".join(json.dumps(one.to_dict()) + "\n" for one in notes.records))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
