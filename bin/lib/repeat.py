"""`bin/test --repeat N`: pytest N times, each time in another random order; at the end, what was not green every time.

    repeat.py N [pytest's own options and paths]

A round that fails does not end the run. `--randomly-seed=S` among the options repeats one order in every round.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

SEED = "--randomly-seed="
FAILED, WRONG_USE, INTERRUPTED = 1, 4, 2  # pytest's exit codes


@dataclass
class Round:
    number: int
    seed: str
    log: Path
    code: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def is_green(self) -> bool:
        return self.code == 0

    def __str__(self) -> str:
        return f"round {self.number}: {SEED}{self.seed}, {self.log}"


def play(number: int, seed: str, options: list[str], folder: Path) -> Round:
    """Run pytest once. Its cache is the round's own: pytest itself writes there which tests have failed."""
    done, cache = Round(number, seed, folder / f"round-{number}.log"), folder / f"round-{number}"
    command = [sys.executable, "-m", "pytest", "-o", f"cache_dir={cache}", f"{SEED}{seed}", *options]
    with done.log.open("wb") as log:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        assert process.stdout is not None
        try:
            while piece := process.stdout.read1():
                log.write(piece)
                sys.stdout.buffer.write(piece)
                sys.stdout.buffer.flush()
            done.code = process.wait()
        except KeyboardInterrupt:
            process.wait()  # it was interrupted, too: Ctrl-C goes to both
            done.code = INTERRUPTED
    lastfailed = cache / "v" / "cache" / "lastfailed"
    done.failed = sorted(json.loads(lastfailed.read_text())) if lastfailed.exists() else []
    return done


def report(rounds: list[Round], wanted: int) -> list[str]:
    green = sum(done.is_green for done in rounds)
    lines = [f"{green} of {wanted} rounds green" + (f"; {len(rounds)} were run" if len(rounds) < wanted else "")]
    for test in sorted({test for done in rounds for test in done.failed}):
        bad = [done for done in rounds if test in done.failed]
        lines += [f"NOT GREEN EVERY TIME, {len(bad)} of {len(rounds)}: {test}", *(f"    {done}" for done in bad)]
    for done in rounds:
        if not done.is_green and not done.failed:
            lines.append(f"NO TEST FAILED, but pytest ended with {done.code}: {done}")
    return lines


def main(count: str, *options: str) -> int:
    if not count.isdigit() or count == "0":
        print(f"--repeat needs a number of rounds from 1 on, not {count!r}.", file=sys.stderr)
        return WRONG_USE
    given = [option.removeprefix(SEED) for option in options if option.startswith(SEED)]
    others = [option for option in options if not option.startswith(SEED)]
    folder, rounds = Path(tempfile.mkdtemp(prefix="discode-repeat-")), list[Round]()
    for number in range(1, int(count) + 1):
        seed, began = given[-1] if given else str(random.SystemRandom().getrandbits(32)), time.monotonic()
        print(f"== Round {number} of {count}, {SEED}{seed}", flush=True)
        rounds.append(play(number, seed, others, folder))
        outcome = "green" if rounds[-1].is_green else f"{len(rounds[-1].failed)} failed"
        print(f"== Round {number} of {count}: {outcome} after {time.monotonic() - began:.0f} s", flush=True)
        if rounds[-1].code in (INTERRUPTED, WRONG_USE):
            break
    print("\n".join(report(rounds, int(count))))
    return 0 if all(done.is_green for done in rounds) and len(rounds) == int(count) else FAILED


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
