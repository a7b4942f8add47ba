"""What the agent costs that is always there: memory, and CPU while nothing is due, with one app and with many.

    bin/bench agent [--apps 50] [--seconds 300] [--json]

The apps are processes behind the edge, all of which are to be updated by themselves. Memory is proportional set size
(PSS) of the agent alone. CPU is measured over a stretch in which nothing is due but what always is, and told for a day
by that: the agent's own, and that of the commands that it starts then, `settle --all` every five minutes and
`notify check` every minute. In less than five minutes there may be no settling.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from host import Host, print_goals, pss_mb

from discode.agent import state
from rig.told import Hook
from rig.wait import wait_for

GOAL_MB = 60.0
DAY = 86400.0
GOAL_CPU = DAY / 1000  # seconds a day: a thousandth of one core
TICK = os.sysconf("SC_CLK_TCK")


class Watched(Host):
    """A machine whose apps are updated by themselves, one after the other at night."""

    def add(self, number: int) -> None:
        super().add(number)
        self._quickly("auto", f"app{number}", "on", "--window", "02:00-05:00", "--zone", "UTC")

    def tell(self, url: str) -> None:
        path = self.folder / "address"
        path.touch(mode=0o600)
        path.write_text(url)
        self._quickly("notify", "add", "--from-file", str(path))

    @contextmanager
    def agent(self) -> Iterator[subprocess.Popen[bytes]]:
        process = subprocess.Popen(
            [sys.executable, "-m", "discode", "agent"], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        try:
            yield process
        finally:
            process.terminate()
            process.wait(60)

    def has_looked(self, apps: int) -> bool:
        """At each app, and all of it has ended."""
        time.sleep(0.5)
        found = state.read(self.home)
        jobs = found.jobs if found else ()
        return sum(job.chore == "update" for job in jobs) == apps and all(job.ended for job in jobs)


def cpu(pid: int) -> tuple[float, float]:
    """Seconds of the process alone, by schedstat, and of what it has started and seen the end of: proc(5)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    own = int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    return own, (int(fields[13]) + int(fields[14])) / TICK


def at_rest(host: Watched, apps: int, seconds: float) -> dict[str, float]:
    """Of an agent that has looked at all there is."""
    with host.agent() as process:
        wait_for(lambda: host.has_looked(apps), 1800, "its look at each app", unless=process.poll)
        before, begun = cpu(process.pid), time.monotonic()
        time.sleep(seconds)
        after, over = cpu(process.pid), time.monotonic() - begun
        own, commands = after[0] - before[0], after[1] - before[1]
        return {
            "pss_mb": pss_mb([process.pid]), "measured_s": round(over, 1),
            "cpu_s": round(own, 4), "cpu_s_a_day": round(own / over * DAY, 1),
            "commands_cpu_s": round(commands, 2), "commands_cpu_s_a_day": round(commands / over * DAY),
        }  # fmt: skip


def measure(host: Watched, apps: int, seconds: float, hook: Hook) -> dict[str, dict[str, float]]:
    host.prepare()
    installed, found = 0, dict[str, dict[str, float]]()
    try:
        for installed in range(1, apps + 1):
            host.add(installed)
            if installed == 1:
                host.tell(hook.url)
            if installed in (1, apps):
                found[f"{installed}_apps"] = at_rest(host, installed, seconds)
        return found
    finally:
        host.remove(installed)


def judged(found: dict[str, dict[str, float]]) -> dict[str, bool]:
    return {
        f"the agent under {GOAL_MB:g} MB": all(one["pss_mb"] < GOAL_MB for one in found.values()),
        f"less than {GOAL_CPU:g} s of its CPU a day": all(one["cpu_s_a_day"] < GOAL_CPU for one in found.values()),
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench agent", description=__doc__)
    parser.add_argument("--apps", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=300.0, help="of the stretch that is measured")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="discode-bench-"))
    try:
        with closing(Hook()) as hook:
            found = measure(Watched(folder / "machine"), given.apps, given.seconds, hook)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    goals = judged(found)
    if given.json:
        about = {"date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count(), "load_average": os.getloadavg()[1]}
        print(json.dumps({**found, "goals": goals, **about}))
    else:
        _print(found)
        print_goals(goals)
    return 0 if all(goals.values()) else 1


def _print(found: dict[str, dict[str, float]]) -> None:
    for name, one in found.items():
        print(
            f"{name.replace('_', ' '):<10}{one['pss_mb']:6.1f} MB; CPU a day, by {one['measured_s']:.0f} s of it: "
            f"{one['cpu_s_a_day']:.1f} s of its own, {one['commands_cpu_s_a_day']:.0f} s of what it starts"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
