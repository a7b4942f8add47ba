"""The main job, for real: eight updates under load, through five good and three bad releases and one rollback.

Exit code 0 only if no request failed, none was answered out of order, nothing is left over, and every bad release was
refused with the old version serving.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from customer import HOST, Machine, Ran
from hold import HoldDemo
from records import Epoch, Record, by_kind, figures, out_of_order
from report import picture, show

from rig.load import Load

FIRST = "1.0.0"
RELEASES = [
    ("1.1.0", "good"),
    ("1.2.0", "never-healthy"),
    ("1.3.0", "good"),
    ("1.4.0", "exit-at-boot"),
    ("1.5.0", "good"),
    ("1.6.0", "turns-bad"),
    ("1.7.0", "good"),
]
QUICK = [("1.1.0", "good"), ("1.2.0", "turns-bad")]
REQUESTS, QUICK_REQUESTS = 20_000, 2_000
WARM = 1.0
LONGEST = 240.0  # seconds of load at the most
NOT_OVERHEAD = ("fetch", "boot", "confirm")


class Demo:
    def __init__(self, folder: Path, *, quick: bool, as_json: bool, runtime: str = "process", proxy_image: str = ""):
        self.folder, self.as_json, self.runtime = folder, as_json, runtime
        self.releases, self.wanted = (QUICK, QUICK_REQUESTS) if quick else (RELEASES, REQUESTS)
        self.machine = _machine(folder / "machine", runtime, proxy_image)
        self.more: dict[str, Any] = {}  # what containers alone can show
        self.updates: list[dict[str, Any]] = []
        self.epochs: list[Epoch] = []
        self.problems: list[str] = []
        self.requests = 0  # as the load told last

    def run(self) -> dict[str, Any]:
        begun = time.monotonic()
        self.machine.folder.mkdir(parents=True)
        try:
            self._prepare()
            with self._load() as output, self._more():
                self._go_through_the_releases()
                self._until_enough(begun)
            records, reopened = read_records(output)
            self.machine.uninstall()
            leftovers = self.machine.leftovers()
        finally:
            self.machine.close()
        return self._told(records, reopened, leftovers, time.monotonic() - begun)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _prepare(self) -> None:
        self.say("The vendor makes keys and publishes the first release")
        self.machine.init()
        self.machine.publish(FIRST, "good")
        self.say(f"The customer installs {FIRST}")
        ran = self.machine.install()
        self._begin_epoch(FIRST, ran.ended)

    @contextmanager
    def _load(self) -> Iterator[Path]:
        output = self.folder / "requests.jsonl"
        script = Path(__file__).parent / "load.py"
        command = [sys.executable, str(script), str(self.machine.port), HOST, str(output), "--seconds", str(LONGEST)]
        self.say("Load: kept-alive and new connections, slow requests, uploads, event streams, WebSockets")
        load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        threading.Thread(target=self._count, args=(load.stdout,), daemon=True).start()
        try:
            time.sleep(WARM)
            yield output
            assert load.stdin is not None
            load.stdin.close()
            if load.wait(60) != 0:
                raise RuntimeError("the load ended with an error")
        finally:
            if load.poll() is None:
                load.kill()
                load.wait()

    @contextmanager
    def _more(self) -> Iterator[None]:
        """On Docker: the second app meanwhile, the worker's traces in the volume, secrets where they must not be."""
        if self.runtime == "process":
            yield
            return
        from docker_customer import SECOND_HOST, DockerMachine

        assert isinstance(self.machine, DockerMachine)
        # An update of the first app must not touch the second.
        with Load(self.machine.port, SECOND_HOST, users=1, path="/version", pause=0.05) as watch:
            yield
        failed = len(watch.bad) + sum(version != FIRST for version in watch.seen)
        self.more = {
            "second_app": {"requests": watch.count, "failed": failed},
            "worker_versions": self.machine.beats(),
            "exposed_secrets": self.machine.exposed_secrets(),
            "downloads": self.machine.downloads,
        }
        if failed or self.more["exposed_secrets"]:
            self.problems.append(f"second app: {failed} failed; secrets at {self.more['exposed_secrets']}")

    def _go_through_the_releases(self) -> None:
        for version, behaviour in self.releases:
            self.machine.publish(version, behaviour)
            serves = self.machine.version()
            ran = self.machine.run("update", "sample", code=None)
            self._note(ran, serves, version, behaviour)
        serves = self.machine.version()
        ran = self.machine.run("rollback", "sample", code=None)
        self._note(ran, serves, str(ran.last.get("to")), "good")

    def _note(self, ran: Ran, serves: str, version: str, behaviour: str) -> None:
        outcome = str(ran.last.get("result") or ran.last.get("error", {}).get("key"))
        good = behaviour == "good"
        expected = (0, version) if good else (5, serves)
        answers = self.machine.version()
        if (ran.code, answers) != expected:
            self.problems.append(f"{serves} to {version} ({behaviour}): exit {ran.code}, {answers} answers")
        self._note_epochs(ran, serves, version, good)
        seconds = ran.seconds()
        wall = ran.ended - ran.begun
        overhead = wall - sum(seconds.get(step, 0.0) for step in NOT_OVERHEAD) if good else None
        switches = ran.moments("step-done", "switch")
        self.updates.append(
            {
                "from": serves, "to": version, "outcome": outcome, "behaviour": behaviour, "seconds": seconds,
                "wall_s": round(wall, 3), "overhead_s": round(overhead, 3) if overhead is not None else None,
                "reason": ran.last.get("error", {}).get("sentence", ""), "begun": ran.begun, "ended": ran.ended,
                "switches": switches,
            }
        )  # fmt: skip
        self.say(f"{serves} -> {version} ({behaviour}): {outcome} in {wall:.1f} s; {answers} serves")

    def _note_epochs(self, ran: Ran, serves: str, version: str, good: bool) -> None:
        done = ran.moments("step-done", "switch")
        if not done:
            return
        self._begin_epoch(version, done[0], ended_by=ran.moments("step-started", "switch")[0])
        if not good:
            self._begin_epoch(serves, ran.ended, ended_by=ran.moments("step-started", "undo")[0])

    def _begin_epoch(self, version: str, begin: float, ended_by: float | None = None) -> None:
        if self.epochs and ended_by is not None:
            last = self.epochs[-1]
            self.epochs[-1] = Epoch(last.version, last.begin, ended_by)
        self.epochs.append(Epoch(version, begin, float("inf")))

    def _count(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.requests = int(line)

    def _until_enough(self, begun: float) -> None:
        """The load goes on until it has made its requests."""
        while self.requests < self.wanted and time.monotonic() - begun < LONGEST:
            time.sleep(0.2)

    def _told(
        self, records: list[Record], reopened: int, leftovers: dict[str, list[str]], seconds: float
    ) -> dict[str, Any]:
        image = self.folder / "latency.png"
        picture(records, self.updates, image)
        told = {
            "runtime": self.runtime, "proxy": self.machine.proxy_name, **self.more, **figures(records),
            "updates": self.updates,
            "out_of_order": out_of_order(records, self.epochs), "leftovers": leftovers, "problems": self.problems,
            "websockets_reopened": reopened, "by_kind": by_kind(records), "picture": str(image),
            "seconds": round(seconds, 1), "date": time.strftime("%Y-%m-%d"),
            "machine": {"cores": os.cpu_count(), "memory_gb": _memory_gb()},
        }  # fmt: skip
        told["ok"] = self._is_ok(told)
        if not self.as_json:
            show(told, records)
        return told

    def _is_ok(self, told: dict[str, Any]) -> bool:
        clean = not (told["failed"] or told["out_of_order"] or any(told["leftovers"].values()) or self.problems)
        return clean and told["requests"] >= self.wanted and len(self.updates) == len(self.releases) + 1


def _machine(folder: Path, runtime: str, proxy_image: str) -> Machine:
    if runtime == "process":
        return Machine(folder)
    from docker_customer import DockerMachine

    return DockerMachine(folder, proxy_image)


def read_records(path: Path) -> tuple[list[Record], int]:
    with path.open() as file:
        reopened = int(json.loads(file.readline())["reopened"])
        return [Record(**json.loads(line)) for line in file], reopened


def _memory_gb() -> float:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1)


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/demo", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--quick", action="store_true", help=f"three updates and {QUICK_REQUESTS} requests")
    parser.add_argument("--hold", action="store_true", help="strategy hold, with an app that must not run twice")
    parser.add_argument(
        "--runtime", choices=["process", "docker"], default="process",
        help="docker: images from a registry, two apps behind one proxy, on an engine of the demo's own",
    )  # fmt: skip
    parser.add_argument(
        "--proxy-image", default="", metavar="IMAGE|FILE",
        help="of the proxy's container; the edge's, made here, unless given. A file is what `docker save` made",
    )  # fmt: skip
    parser.add_argument("--folder", type=Path, help="where the report goes; a new folder below $TMPDIR")
    given = parser.parse_args()
    folder = given.folder or Path(tempfile.mkdtemp(prefix="discode-demo-"))
    folder.mkdir(parents=True, exist_ok=True)
    demo = (
        HoldDemo(folder, quick=given.quick, as_json=given.json)
        if given.hold
        else Demo(
            folder, quick=given.quick, as_json=given.json, runtime=given.runtime, proxy_image=given.proxy_image
        )
    )  # fmt: skip
    try:
        told = demo.run()
    except KeyboardInterrupt:
        demo.say("Stopped; nothing is left running.")
        return 130
    finally:
        shutil.rmtree(folder / "machine", ignore_errors=True)
    if given.json:
        print(json.dumps(told), flush=True)
    else:
        print("OK" if told["ok"] else f"NOT OK: {'; '.join(demo.problems) or 'see the figures'}")
    return 0 if told["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
