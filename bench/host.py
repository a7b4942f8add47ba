"""What a host with many apps costs: memory of what stays, and time of the commands that look at all of it.

    bin/bench host [--apps 30] [--runs 5] [--json]

The apps are processes behind the edge, installed from a folder of releases. Memory is proportional set size (PSS):
pages that processes share are counted once. Each command is measured with the first app alone and with all of them.
"""

from __future__ import annotations

import argparse
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
from typing import Any

import wrk
from customer import HERE, CommandFailed, Machine

from rig import command

COMMANDS = {"list": ["list"], "status": ["status", "app1"], "settle --all": ["settle", "--all"]}
GOAL_SUPERVISOR_MB = 8.0
GOAL_SETTLE_MS = 12.0  # of CPU, for each app more
FILE = """\
app: {app}
version: {version}
archive: ./app
command: [python3, server.py]
health: {{path: /up, timeout: 2s, deadline: 20s}}
update: {{confirm: 0s, drain: 1s, stop: 1s}}
"""


class Host(Machine):
    """A machine with many small apps, `app1` and so on."""

    def prepare(self) -> None:
        self.folder.mkdir(parents=True)
        self.init()
        app = self.folder / "app"
        shutil.copytree(HERE / "app", app, ignore=shutil.ignore_patterns("__pycache__"))
        (app / "VERSION").write_text("1.0.0")
        (app / "BEHAVIOUR").write_text("good")

    def release(self, number: int, version: str) -> None:
        """Of the app with that number; what is in it is always the same."""
        file = self.folder / "discode.yml"
        file.write_text(FILE.format(app=f"app{number}", version=version))
        where = ("--repo", str(self.folder / "releases"), "--keys", str(self.folder / "keys"))
        self._quickly("release", "publish", "--file", str(file), *where)

    def add(self, number: int) -> None:
        app = f"app{number}"
        self.release(number, "1.0.0")
        host = ("--host", f"{app}.test", *(("--http-port", str(self.port)) if number == 1 else ()))
        self._quickly("install", app, "--from", str(self.folder / "releases"), *host)

    def supervisors(self) -> list[int]:
        return [int(path.read_text()) for path in (self.home / "instances").glob("*/lock")]

    def edge(self) -> int:
        return int(self.run("proxy", "status").last["pid"])

    def remove(self, apps: int) -> None:
        for number in range(1, apps + 1):
            self._quickly("uninstall", f"app{number}", "--purge", "--yes")
        self.run("proxy", "stop", code=None)

    def seconds(self, words: Sequence[str]) -> tuple[float, float]:
        """Wall and CPU time of a command, from its start to its end."""
        begun = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-m", "discode", *words], env=self.env,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise CommandFailed(f"discode {' '.join(words)} exited with {child.returncode}")
        return time.perf_counter() - begun, used.ru_utime + used.ru_stime

    def _quickly(self, *words: str) -> None:
        done = command.run("discode", [*words, "--json"], self.env)
        if done.returncode:
            raise CommandFailed(f"discode {' '.join(words)} exited with {done.returncode}: {done.stdout}{done.stderr}")


def pss_mb(pids: Sequence[int]) -> float:
    """Together, by proc(5)."""
    total = 0
    for pid in pids:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return round(total * 1024 / 1e6, 1)


def memory(host: Host) -> dict[str, float]:
    supervisors, controller = host.supervisors(), host.edge()
    haproxy = [pid for pid in wrk.with_children(controller) if pid != controller]
    return {
        "supervisors": pss_mb(supervisors),
        "supervisor": round(pss_mb(supervisors) / len(supervisors), 1),
        "controller": pss_mb([controller]),
        "haproxy": pss_mb(haproxy),
    }


def times(host: Host, runs: int) -> dict[str, dict[str, float]]:
    """Medians in milliseconds, of commands in turns; the first run warms up."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in COMMANDS}
    for number in range(runs + 1):
        for name, words in COMMANDS.items():
            taken = host.seconds(words)
            if number:
                found[name].append(taken)
    return {
        name: {
            "wall": round(statistics.median(wall for wall, _ in taken) * 1000, 1),
            "cpu": round(statistics.median(cpu for _, cpu in taken) * 1000, 1),
        }
        for name, taken in found.items()
    }


def measure(host: Host, apps: int, runs: int) -> dict[str, Any]:
    host.prepare()
    installed = 0
    try:
        for installed in range(1, apps + 1):
            host.add(installed)
            if installed == 1:
                one = times(host, runs)
        return {"memory_mb": memory(host), "one_app_ms": one, "all_apps_ms": times(host, runs)}
    finally:
        host.remove(installed)


def judged(found: dict[str, Any], apps: int) -> dict[str, bool]:
    grown = found["all_apps_ms"]["settle --all"]["cpu"] - found["one_app_ms"]["settle --all"]["cpu"]
    each = grown / max(apps - 1, 1)
    found["settle_ms_for_each_app"] = round(each, 1)
    return {
        f"a supervisor under {GOAL_SUPERVISOR_MB:g} MB": found["memory_mb"]["supervisor"] < GOAL_SUPERVISOR_MB,
        f"settle --all: less than {GOAL_SETTLE_MS:g} ms of CPU for each app more": each < GOAL_SETTLE_MS,
    }


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench host", description=__doc__)
    parser.add_argument("--apps", type=int, default=30)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="discode-bench-"))
    try:
        found = measure(Host(folder / "machine"), given.apps, given.runs)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    goals = judged(found, given.apps)
    about = {"apps": given.apps, "date": time.strftime("%Y-%m-%d"), "cores": os.cpu_count()}
    if given.json:
        print(json.dumps({**found, "goals": goals, **about, "load_average": round(os.getloadavg()[0], 1)}))
    else:
        _print(found, goals, given.apps)
    return 0 if all(goals.values()) else 1


def _print(found: dict[str, Any], goals: dict[str, bool], apps: int) -> None:
    for name, size in found["memory_mb"].items():
        print(f"{name:<14}{size:8.1f} MB")
    for name in COMMANDS:
        one, every = found["one_app_ms"][name], found["all_apps_ms"][name]
        print(
            f"{name:<14}{one['wall']:8.1f} ms, {one['cpu']:.1f} of CPU with 1 app; {every['wall']:.1f}, "
            f"{every['cpu']:.1f} with {apps}"
        )
    print(f"settle --all takes {found['settle_ms_for_each_app']:.1f} ms of CPU for each app more")
    print_goals(goals)
    print(f"{os.cpu_count()} cores")


def print_goals(goals: Mapping[str, bool]) -> None:
    for goal, is_met in goals.items():
        print(f"{'met    ' if is_met else 'NOT MET'} {goal}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
