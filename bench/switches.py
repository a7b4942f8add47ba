"""Switches in a row at full load: what fails, which version answers, and what it does to the slowest requests.

    bin/bench switches [--switches 200] [--kills 0] [--upgrades 0] [--quiet 15] [--json]

Two services are switched in turns between two versions: a fast one, under closed loops on 64 connections, and the
demo's app, under the demo's load of slow requests, uploads, event streams and WebSockets. With --kills the controller
is killed that often at random moments and started again; with --upgrades it is upgraded that often in between.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from edge import Edge
from rig.ports import free_port

HERE, DEMO = Path(__file__).parent, Path(__file__).parents[1] / "demo"
CONNECTIONS = 64
ANSWERS = """\
defaults
    mode http
    timeout client 60s
    timeout server 60s
    timeout connect 5s
frontend one
    bind 127.0.0.1:{one}
    http-request return status 200 content-type text/plain string one
frontend two
    bind 127.0.0.1:{two}
    http-request return status 200 content-type text/plain string two
"""


@dataclass
class Epoch:
    """When only this version may answer: from the end of its deploy to the beginning of the next one."""

    service: str
    version: str
    begin: float
    end: float = float("inf")


@dataclass
class Place:
    root: Path
    children: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def child(self, *command: object, **options: object) -> subprocess.Popen[bytes]:
        words = [str(word) for word in command]
        self.children.append(subprocess.Popen(words, **options))  # type: ignore[call-overload]
        return self.children[-1]

    def fast(self) -> dict[str, str]:
        ports = {"one": free_port(), "two": free_port()}
        config = self.root / "answers.cfg"
        config.write_text(ANSWERS.format(**ports))
        self.child(shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin"), "-db", "-f", config)
        return {version: f"127.0.0.1:{port}" for version, port in ports.items()}

    def apps(self) -> dict[str, str]:
        found = {}
        for version in ("one", "two"):
            folder, port = self.root / version, free_port()
            shutil.copytree(DEMO / "app", folder, ignore=shutil.ignore_patterns("__pycache__"))
            (folder / "VERSION").write_text(version)
            environment = {**os.environ, "PORT": str(port)}
            self.child(sys.executable, folder / "server.py", env=environment, cwd=folder, stdout=subprocess.DEVNULL)
            found[version] = f"127.0.0.1:{port}"
        return found

    def close(self) -> None:
        for child in self.children:
            child.terminate()
            child.wait()


class Switcher:
    """Deploys in turns; a deploy whose controller dies is done again, as an operator would."""

    def __init__(self, edge: Edge, targets: dict[str, dict[str, str]]):
        self.edge, self.targets = edge, targets
        self.epochs: list[Epoch] = []
        self.again = 0
        self.lock = threading.Lock()  # on the controller's life

    def switch(self, service: str, version: str) -> None:
        now = time.time()
        for epoch in self.epochs:
            if epoch.service == service:
                epoch.end = min(epoch.end, now)
        words = ["deploy", service, "--host", f"{service}.test", "--target", self.targets[service][version]]
        while True:
            try:
                self.edge.run(*words, "--drain-timeout", "30s")
                break
            except (OSError, ValueError):
                self.again += 1
                time.sleep(0.05)
        self.epochs.append(Epoch(service, version, time.time()))

    def kill(self) -> None:
        with self.lock:
            self.edge.kill()
            self.edge.start()

    def upgrade(self) -> None:
        with self.lock:
            command = [sys.executable, "-m", "discode.edge", "--state-dir", str(self.edge.folder), "upgrade"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def disturb(switcher: Switcher, deeds: Sequence[str], seconds: float, over: threading.Event) -> None:
    """Each deed at a random moment of its share of the time."""
    for deed in deeds:
        if over.wait(random.uniform(0.2, 1.8) * seconds / len(deeds)):
            return
        getattr(switcher, deed)()


def measure(options: argparse.Namespace, place: Place, edge: Edge) -> dict[str, object]:
    switcher = Switcher(edge, {"fast": place.fast(), "mixed": place.apps()})
    for service in switcher.targets:
        switcher.switch(service, "one")
    outputs = {"fast": place.root / "fast.json", "mixed": place.root / "mixed.jsonl"}
    loads = [
        place.child(sys.executable, HERE / "closed_loop.py", edge.port, "fast.test", CONNECTIONS, outputs["fast"],
                    stdin=subprocess.PIPE),
        place.child(sys.executable, DEMO / "load.py", edge.port, "mixed.test", outputs["mixed"], "--seconds", 3600,
                    stdin=subprocess.PIPE, stdout=subprocess.DEVNULL),
    ]  # fmt: skip
    quiet = time.time() + 2, time.time() + options.quiet
    time.sleep(options.quiet)
    over, deeds = threading.Event(), ["kill"] * options.kills + ["upgrade"] * options.upgrades
    random.shuffle(deeds)
    trouble = threading.Thread(target=disturb, args=(switcher, deeds, options.switches * 0.7, over))
    trouble.start()
    begun = time.time()
    for number in range(options.switches):
        switcher.switch("fast" if number % 2 else "mixed", "one" if number % 4 > 1 else "two")
    trouble.join()
    seconds = time.time() - begun
    for load in loads:
        assert load.stdin is not None
        load.stdin.close()
        load.wait()
    fast = [(*one[:2], one[2], one[3]) for one in json.loads(outputs["fast"].read_text())]
    mixed = [json.loads(line) for line in outputs["mixed"].read_text().splitlines()[1:]]
    slower = [(one["started"], one["seconds"], one["version"], one["failure"]) for one in mixed if _is_new(one)]
    return {
        "switches": options.switches,
        "seconds": round(seconds, 1),
        "kills": options.kills,
        "upgrades": options.upgrades,
        "deploys_done_again": switcher.again,
        "requests": {"fast": len(fast), "mixed": len(mixed)},
        "failed": sum(bool(one[3]) for one in fast) + sum(bool(one["failure"]) for one in mixed),
        "failures": sorted(({one[3] for one in fast} | {str(one["failure"]) for one in mixed}) - {""}),
        "old_answers_after_deploy": old(fast, "fast", switcher.epochs) + old(slower, "mixed", switcher.epochs),
        "p99_ms_quiet": p99(fast, *quiet),
        "p99_ms_switching": p99(fast, begun, begun + seconds),
    }


def _is_new(record: dict[str, object]) -> bool:
    """A WebSocket stays with its version; all else goes by the moment of the request."""
    return record["kind"] != "websocket"


def old(records: Sequence[tuple[float, float, str, str]], service: str, epochs: Sequence[Epoch]) -> int:
    """Requests that began and ended when only one version might answer, and were answered by the other one."""
    mine = sorted((epoch for epoch in epochs if epoch.service == service), key=lambda epoch: epoch.begin)
    count, place = 0, 0
    for started, seconds, version, failure in sorted(records):
        while place + 1 < len(mine) and mine[place + 1].begin <= started:
            place += 1
        epoch = mine[place]
        is_within = epoch.begin <= started and started + seconds < epoch.end
        count += not failure and is_within and version != epoch.version
    return count


def p99(records: Sequence[tuple[float, float, str, str]], begin: float, end: float) -> float:
    times = sorted(seconds for started, seconds, _, _ in records if begin <= started < end)
    return round(times[int(len(times) * 0.99)] * 1000, 2) if times else 0.0


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench switches", description=__doc__)
    parser.add_argument("--switches", type=int, default=200)
    parser.add_argument("--kills", type=int, default=0)
    parser.add_argument("--upgrades", type=int, default=0)
    parser.add_argument("--quiet", type=float, default=15.0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that it leaves nothing running
    root = Path(tempfile.mkdtemp(prefix="edge-"))
    (root / "state").mkdir()
    place, edge = Place(root), Edge(root / "state", free_port())
    edge.start()
    try:
        result = {**measure(options, place, edge), "cores": os.cpu_count()}
    finally:
        place.close()
        edge.close()
        shutil.rmtree(root)
    print(json.dumps(result) if options.json else "\n".join(f"{name:<26}{value}" for name, value in result.items()))
    return 1 if result["failed"] or result["old_answers_after_deploy"] else 0
