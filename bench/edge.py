"""The edge with many services: how long its commands take beside 500 others, and what they cost the traffic of one.

    bin/bench edge [--services 500] [--json]

All targets are one small app on this machine, at as many loopback addresses. The services are written into the edge's
state, for 500 deploys of new services one after another say nothing more than the last of them.
"""

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from http.client import HTTPConnection
from pathlib import Path
from socket import socket

from discode.edge.__main__ import _ask
from discode.edge.services.service import Health, Pool, Service
from discode.edge.services.state import save

RUNS = 10


class App:
    """Answers everything with 200, at every loopback address."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.port = 0
        started = threading.Event()
        threading.Thread(target=self._run, args=(started,), daemon=True).start()
        started.wait()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self.loop)
        server = self.loop.run_until_complete(asyncio.start_server(self._serve, "0.0.0.0", 0, backlog=1000))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self.loop.run_forever()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()


class Edge:
    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        self.log = (folder.parent / "edge.log").open("ab")
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        words = ["run", "--http-port", str(self.port), "--bind", "127.0.0.1", "--state-dir", str(self.folder)]
        command = [sys.executable, "-m", "discode.edge", *words]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        while True:
            try:
                self.run("list")
                return
            except OSError:
                time.sleep(0.01)

    def run(self, *words: str) -> str:
        answer = _ask({"argv": list(words)}, str(self.folder))
        assert answer["code"] == 0, answer["stderr"]
        return str(answer["stdout"])

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        self.process.wait()

    def resident(self) -> dict[str, float]:
        """Megabytes of the controller and of HAProxy's current worker."""
        master = json.loads(self.run("list", "--json"))["haproxy"]["pid"]
        workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        assert self.process is not None
        return {"controller": _resident(self.process.pid), "haproxy": max(_resident(int(pid)) for pid in workers)}


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024, 1)


class Traffic:
    """One client of the first service, one request after another; its slowest and its failures."""

    def __init__(self, port: int):
        self.port, self.times, self.failed, self.on = port, list[float](), 0, True
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        while self.on:
            begun = time.perf_counter()
            try:
                connection.request("GET", "/", headers={"Host": "s0.test"})
                answer = connection.getresponse()
                answer.read()
                self.failed += answer.status != 200
            except OSError:
                self.failed += 1
                connection.close()
            self.times.append((time.perf_counter() - begun) * 1000)
            time.sleep(0.002)

    def __enter__(self) -> "Traffic":
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.on = False
        self.thread.join()

    def told(self) -> dict[str, float]:
        ordered = sorted(self.times)
        return {
            "requests": len(ordered),
            "failed": self.failed,
            "p50_ms": round(statistics.median(ordered), 2),
            "p99_ms": round(ordered[int(len(ordered) * 0.99)], 2),
        }


def services(count: int, port: int) -> dict[str, Service]:
    made = {}
    for number in range(count):
        targets = tuple(f"127.{1 + side}.{number // 250}.{1 + number % 250}:{port}" for side in (0, 1))
        made[f"s{number}"] = Service(f"s{number}", Pool(targets), (f"s{number}.test",), health=Health())
    return made


def milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def median(work: Callable[[int], object], runs: int = RUNS) -> float:
    return round(statistics.median(milliseconds(partial(work, number)) for number in range(runs)), 1)


def measure(edge: Edge, port: int) -> dict[str, object]:
    def switch(number: int) -> None:
        targets = (f"127.9.{number}.1:{port}", f"127.9.{number}.2:{port}")
        edge.run("deploy", "s1", "--host", "s1.test", "--target", targets[0], "--target", targets[1])

    def new(number: int) -> None:
        edge.run("deploy", f"new{number}", "--host", f"new{number}.test", "--target", f"127.8.{number}.1:{port}")

    with Traffic(edge.port) as quiet:
        time.sleep(3)
    with Traffic(edge.port) as busy:
        found: dict[str, object] = {
            "list_ms": median(lambda _: edge.run("list")),
            "list_json_ms": median(lambda _: edge.run("list", "--json"), 3),
            "switch_ms": median(switch),
            "pause_resume_ms": median(lambda _: (edge.run("pause", "s1"), edge.run("resume", "s1"))),
            "new_service_ms": median(new),
        }
        edge.kill()
        found["controller_restart_ms"] = round(milliseconds(edge.start), 1)
    return {**found, "resident_mb": edge.resident(), "traffic_alone": quiet.told(), "traffic_beside": busy.told()}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench edge", description=__doc__)
    parser.add_argument("--services", type=int, default=500)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    root, app = Path(tempfile.mkdtemp(prefix="edge-")), App()
    folder = root / "state"
    folder.mkdir()
    save(folder / "state.json", services(options.services, app.port))
    with socket() as free:
        free.bind(("127.0.0.1", 0))
        edge = Edge(folder, free.getsockname()[1])
    try:
        first = round(milliseconds(edge.start), 1)
        result = {"services": options.services, "targets": 2 * options.services, "first_start_ms": first}
        result |= {**measure(edge, app.port), "cores": os.cpu_count()}
    finally:
        edge.close()
        shutil.rmtree(root)
    print(json.dumps(result) if options.json else "\n".join(f"{name:<24}{value}" for name, value in result.items()))
    return 0
