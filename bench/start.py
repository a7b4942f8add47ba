"""How long `discode` takes to start: the wall time of `discode --help`, and of Python doing nothing beside it."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

RUNS = 10
GOAL_MS = 150


def milliseconds(command: Sequence[str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return (time.perf_counter() - begun) * 1000


def medians(commands: dict[str, Sequence[str]], runs: int) -> dict[str, float]:
    """Of each command, run in turns so that a busy moment of the machine hits all alike. The first run warms up."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            taken = milliseconds(command)
            if number:
                times[name].append(taken)
    return {name: round(statistics.median(taken), 1) for name, taken in times.items()}


def main(arguments: Sequence[str]) -> int:
    discode = Path(sys.executable).parent / "discode"
    commands: dict[str, Sequence[str]] = {
        "python": [sys.executable, "-c", "pass"],
        "discode --help": [str(discode), "--help"],
        "discode update --help": [str(discode), "update", "--help"],
        "discode --version": [str(discode), "--version"],
    }
    found = medians(commands, RUNS)
    result = {"median_ms": found, "runs": RUNS, "goal_ms": GOAL_MS, "cores": os.cpu_count()}
    if "--json" in arguments:
        print(json.dumps(result))
    else:
        for name, taken in found.items():
            print(f"{name:<24}{taken:8.1f} ms")
        print(f"median of {RUNS}; the goal for discode --help is {GOAL_MS} ms; {os.cpu_count()} cores")
    return 0 if found["discode --help"] < GOAL_MS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
