"""How long an update takes beside what it cannot help, which is fetch, boot and confirm: until it begins to fetch, and
after that.

    bin/bench update [--runtime process|docker] [--updates 10] [--proxy-image IMAGE|FILE] [--json]

The wall time is that of the whole command, its own start included. No load; the demo has that.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customer import APP, Machine, Ran
from host import print_goals

NOT_OURS = ("fetch", "boot", "confirm")
BEGIN, AFTER = "until the fetch", "overhead after it"
GOALS = {"docker": (0.25, 0.25), "process": (0.25, 0.25)}  # seconds for these two, on two cores


def seconds_of(ran: Ran) -> dict[str, float]:
    """By step; `command` is what no step has: the start of the command itself, and its end."""
    steps: dict[str, float] = {step: float(taken) for step, taken in ran.last["seconds"].items()}
    wall, begin = ran.ended - ran.begun, ran.moments("step-started", "fetch")[0] - ran.begun
    not_ours = sum(steps.get(step, 0.0) for step in NOT_OURS)
    command = wall - sum(steps.values())
    return {**steps, "command": command, "wall": wall, BEGIN: begin, AFTER: wall - begin - not_ours}


def measure(machine: Machine, updates: int) -> list[dict[str, float]]:
    machine.folder.mkdir(parents=True)
    try:
        machine.init()
        machine.publish("1.0.0", "good")
        machine.install()
        found = []
        for number in range(1, updates + 2):
            machine.publish(f"1.{number}.0", "good")
            found.append(seconds_of(machine.run("update", APP)))
        machine.uninstall()
        return found[1:]  # the first one warms up
    finally:
        machine.close()


def machine_for(runtime: str, folder: Path, proxy_image: str) -> Machine:
    if runtime == "process":
        return Machine(folder)
    from docker_customer import DockerMachine

    return DockerMachine(folder, proxy_image, confirm="1s")


def medians(found: Sequence[dict[str, float]]) -> dict[str, float]:
    """By step, of all that one of them had."""
    steps = dict.fromkeys(step for one in found for step in one)
    return {step: round(statistics.median(one.get(step, 0.0) for one in found), 3) for step in steps}


def told_of(runtime: str, proxy: str, found: Sequence[dict[str, float]]) -> dict[str, Any]:
    taken = medians(found)
    return {
        "runtime": runtime, "proxy": proxy, "updates": len(found), "median_s": taken,
        "goals": {
            f"{name} under {goal} s": taken[name] < goal
            for name, goal in zip((BEGIN, AFTER), GOALS[runtime], strict=True)
        },
        "date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "load_average": round(os.getloadavg()[0], 1),
    }  # fmt: skip


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench update", description=__doc__)
    parser.add_argument("--runtime", choices=sorted(GOALS), default="process")
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--proxy-image", default="")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="discode-bench-"))
    machine = machine_for(given.runtime, folder / "machine", given.proxy_image)
    try:
        found = measure(machine, given.updates)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    told = told_of(given.runtime, machine.proxy_name, found)
    if given.json:
        print(json.dumps(told))
    else:
        for step, taken in told["median_s"].items():
            print(f"{step:<18}{taken:8.3f} s{'   not ours' if step in NOT_OURS else ''}")
        print_goals(told["goals"])
        print(f"median of {len(found)}; {told['cores']} cores")
    return 0 if all(told["goals"].values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
