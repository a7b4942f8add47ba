"""What a backup takes and moves: of a first one, of one with nothing changed, and of one with 1% changed; and what an
update takes with a snapshot before it, with 1% changed since the last one, and without.

    bin/bench backup [--size 1024] [--updates 3] [--json]

The app is a process with a volume of `--size` MB: one half is a SQLite database, the other files of 128 KB, all of it
random. Beside it plain restic on the same volume, which takes the database as the file happens to be. CPU time is that
of the command with what it started; bytes are those by which the repository grew.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from host import Host

FILE, ROW = 128 << 10, 4000  # bytes
CHANGED = 0.01
Measured = dict[str, float]


class Volume:
    """Of the app, with what is in it."""

    def __init__(self, host: Host, size: int):
        self.folder = host.home / "apps" / "app1" / "volumes" / "data"
        self._files, self._rows = size // 2 // FILE, size // 2 // ROW
        self._random = random.Random(1)

    def fill(self) -> None:
        (self.folder / "files").mkdir(parents=True)
        for number in range(self._files):
            self._write(number)
        with closing(sqlite3.connect(self.folder / "app.db")) as database:
            database.execute("PRAGMA journal_mode=WAL")
            database.execute("CREATE TABLE post (number INTEGER PRIMARY KEY, body BLOB)")
            rows = ((number, self._random.randbytes(ROW)) for number in range(self._rows))
            database.executemany("INSERT INTO post VALUES (?, ?)", rows)
            database.commit()

    def change(self) -> None:
        """One in a hundred files, whole; and rows that lie beside each other, as the newest do."""
        for number in self._random.sample(range(self._files), int(self._files * CHANGED)):
            self._write(number)
        with closing(sqlite3.connect(self.folder / "app.db")) as database:
            last = range(self._rows - int(self._rows * CHANGED), self._rows)
            new = ((self._random.randbytes(ROW), number) for number in last)
            database.executemany("UPDATE post SET body = ? WHERE number = ?", new)
            database.commit()

    def _write(self, number: int) -> None:
        (self.folder / "files" / f"{number:06}").write_bytes(self._random.randbytes(FILE))


def measured(command: Sequence[str], environment: Mapping[str, str], repository: Path) -> Measured:
    before, begun = size_of(repository), time.perf_counter()
    child = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - begun
    if child.returncode:
        raise SystemExit(f"{' '.join(command)} exited with {child.returncode}")
    moved = (size_of(repository) - before) / 1e6
    return {"seconds": round(wall, 2), "cpu": round(used.ru_utime + used.ru_stime, 2), "moved_mb": round(moved, 1)}


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def contenders(host: Host, volume: Volume) -> dict[str, Callable[[], Measured]]:
    ours, plain = host.folder / "ours", host.folder / "plain"
    host.run("backup", "setup", "app1", "--to", str(ours), "--yes-i-kept-it")
    environment = {**host.env, "RESTIC_PASSWORD": "plain", "RESTIC_CACHE_DIR": str(host.folder / "cache")}
    restic = ["restic", "--repo", str(plain)]
    subprocess.run([*restic, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
    command = [sys.executable, "-m", "discode", "backup", "now", "app1"]
    return {
        "discode": lambda: measured(command, host.env, ours),
        "restic": lambda: measured([*restic, "backup", "--json", str(volume.folder)], environment, plain),
    }


def updates(host: Host, volume: Volume, count: int) -> dict[str, Measured]:
    """Medians of so many of each, in turns."""
    found: dict[str, list[Measured]] = {"off": [], "on": []}
    for number in range(count):
        volume.change()
        for minor, (setting, taken) in enumerate(found.items()):
            host.release(1, f"1.{number}.{minor + 1}")
            host.run("backup", "setup", "app1", "--before-updates", setting)
            command = [sys.executable, "-m", "discode", "update", "app1"]
            taken.append(measured(command, host.env, host.folder / "ours"))
    return {
        name: {figure: statistics.median(one[figure] for one in found[setting]) for figure in found[setting][0]}
        for name, setting in (("without", "off"), ("with", "on"))
    }


def measure(host: Host, size: int, count: int) -> dict[str, dict[str, Measured]]:
    host.prepare()
    try:
        host.add(1)
        volume = Volume(host, size)
        volume.fill()
        runs = contenders(host, volume)
        found = {"first": {name: run() for name, run in runs.items()}}
        found["unchanged"] = {name: run() for name, run in runs.items()}
        volume.change()
        found["changed"] = {name: run() for name, run in runs.items()}
        found["update"] = updates(host, volume, count)
        return found
    finally:
        host.remove(1)


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench backup")
    parser.add_argument("--size", type=int, default=1024, help="MB in the volume")
    parser.add_argument("--updates", type=int, default=3, help="with a snapshot, and as many without")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="discode-bench-"))
    try:
        found = measure(Host(folder / "machine"), options.size << 20, options.updates)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    about: dict[str, Any] = {
        "size_mb": options.size, "changed_share": CHANGED, "updates": options.updates, "cores": os.cpu_count()
    }  # fmt: skip
    if options.json:
        print(json.dumps({**found, **about, "date": time.strftime("%Y-%m-%d"), "load_average": os.getloadavg()[0]}))
        return 0
    for name, both in found.items():
        for who, one in both.items():
            print(
                f"{name:<10} {who:<8} {one['seconds']:7.2f} s {one['cpu']:7.2f} s CPU {one['moved_mb']:8.1f} MB moved"
            )
    print(f"{options.size} MB; {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
