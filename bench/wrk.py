"""Load from wrk, and what a process has used: CPU and memory from /proc."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

TICK = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}
BYTES_OF_UPLOAD = 100 * 1024
UPLOAD = f"""\
wrk.method = "POST"
wrk.body = string.rep("x", {BYTES_OF_UPLOAD})
"""


@dataclass(frozen=True)
class Load:
    """One kind of load. `connections` are kept alive and closed-loop: each asks as soon as it has its answer."""

    name: str
    scheme: str
    path: str
    connections: int
    is_upload: bool = False


LOADS = (
    Load("small", "http", "/small", 64),
    Load("1 MB answers", "http", "/big", 16),
    Load("uploads of 100 kB", "http", "/upload", 32, is_upload=True),
    Load("small over TLS", "https", "/small", 64),
    Load("1,000 kept alive", "http", "/small", 1000),
)


@dataclass(frozen=True)
class Seen:
    """What wrk saw: times in milliseconds. `bad`: answers that were none, or not of the 200s."""

    requests: int
    per_second: float
    p50: float
    p99: float
    bad: int


def run(load: Load, port: int, seconds: int, core: int, folder: Path) -> Seen:
    command = ["taskset", "-c", str(core), "wrk", "-t1", f"-c{load.connections}", f"-d{seconds}s", "--latency"]
    if load.is_upload:
        script = folder / "upload.lua"
        script.write_text(UPLOAD)
        command += ["-s", str(script)]
    command += ["--timeout", "10s", f"{load.scheme}://localhost:{port}{load.path}"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return parsed(done.stdout)


def parsed(text: str) -> Seen:
    """wrk's report (version 4)."""
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text)
    other = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Seen(
        requests=int(_found(r"(\d+) requests in", text)),
        per_second=float(_found(r"Requests/sec:\s+([\d.]+)", text)),
        p50=_milliseconds(_found(r"(?m)^\s+50%\s+(\S+)", text)),
        p99=_milliseconds(_found(r"(?m)^\s+99%\s+(\S+)", text)),
        bad=sum(map(int, errors.groups() if errors else ())) + (int(other[1]) if other else 0),
    )


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    if match is None:
        raise ValueError(f"wrk said something else:\n{text}")
    return match[1]


def _milliseconds(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    if match is None:
        raise ValueError(text)
    return float(match[1]) * SECONDS[match[2]] * 1000


def with_children(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        found += with_children(int(child))
    return found


def cpu_seconds(pids: Iterable[int]) -> float:
    """User and system time so far, of processes that have to be there still (proc(5): fields 14 and 15 of stat)."""
    total = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / TICK


def resident_mb(pids: Iterable[int]) -> float:
    pages = sum(int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in pids)
    return round(pages * PAGE / 1e6, 1)
