"""How long `discode` takes to start: wall time of the commands that do nearly nothing else, on a host with one app.

    bin/bench start [--json]

The app is a process behind the edge. Python doing nothing is measured beside them.
"""

import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from host import Host, print_goals

RUNS = 10
GOALS_MS = {"discode --help": 100, "discode list": 150, "discode status app1": 150}


def milliseconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    return (time.perf_counter() - begun) * 1000


def medians(commands: Mapping[str, Sequence[str]], environment: Mapping[str, str], runs: int) -> dict[str, float]:
    """Of each command, run in turns so that a busy moment of the machine hits all alike. The first run warms up."""
    times: dict[str, list[float]] = {name: [] for name in commands}
    for number in range(runs + 1):
        for name, command in commands.items():
            taken = milliseconds(command, environment)
            if number:
                times[name].append(taken)
    return {name: round(statistics.median(taken), 1) for name, taken in times.items()}


def commands() -> dict[str, Sequence[str]]:
    discode = str(Path(sys.executable).parent / "discode")
    lines = ("--version", "--help", "update --help", "list", "status app1")
    return {
        "python": [sys.executable, "-c", "pass"],
        **{f"discode {line}": [discode, *line.split()] for line in lines},
    }


def measure(host: Host) -> dict[str, float]:
    host.prepare()
    try:
        host.add(1)
        return medians(commands(), {**os.environ, "DISCODE_HOME": str(host.home)}, RUNS)
    finally:
        host.remove(1)


def main(arguments: Sequence[str]) -> int:
    folder = Path(tempfile.mkdtemp(prefix="discode-bench-"))
    try:
        found = measure(Host(folder / "machine"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    goals = {f"{name} under {goal} ms": found[name] < goal for name, goal in GOALS_MS.items()}
    if "--json" in arguments:
        about = {"runs": RUNS, "date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count()}
        print(json.dumps({"median_ms": found, "goals": goals, **about, "load_average": round(os.getloadavg()[0], 1)}))
    else:
        for name, taken in found.items():
            print(f"{name:<24}{taken:8.1f} ms")
        print_goals(goals)
        print(f"median of {RUNS}; {os.cpu_count()} cores")
    return 0 if all(goals.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
