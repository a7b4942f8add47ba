"""Update checks that a hub answers on one core, and the bytes that an installation downloads for one.

A check is two requests, as an installation makes them: the next root (404, there is none) and the timestamp, which is
answered 304 to who has the newest. Hub and load have a core each; 200 releases, 10,000 installations.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from discode.adapters.repository import HubRepository
from discode.adapters.source import FileSources
from discode.core.artifact import Archive
from discode.core.manifest import Manifest, release_key
from discode.core.release import Index, IndexEntry, manifest_path
from discode.hub.config import SQLITE, HubConfig
from discode.hub.credentials import LICENSE_KEY, make
from discode.hub.database import Database
from discode.hub.hub import init_hub
from discode.hub.models import Activation, License
from rig.ports import free_port
from rig.postgresql import PostgreSQL
from rig.wait import wait_for

APP, RELEASES, INSTALLATIONS = "myapp", 200, 10_000
SECONDS, RUNS = 5, 3
STALE = 20  # every so many checks comes from an installation that has an older timestamp
GOAL_CHECKS, GOAL_BYTES = 2000, 4096
LUA = """\
local count = 0
local fresh, old = '"{etag}"', '"0"'
local seen = {{}}
request = function()
    count = count + 1
    if count % 2 == 1 then return wrk.format("GET", "/metadata/2.root.json") end
    wrk.headers["If-None-Match"] = (count / 2) % {stale} == 0 and old or fresh
    return wrk.format("GET", "/metadata/timestamp.json")
end
"""


class Server:
    def __init__(self, folder: Path, database: str):
        self.folder = folder
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token = init_hub(folder, HubConfig(url=self.url, vendor="acme", database=database)).text
        self._fill(Database(database, folder))
        command = ["taskset", "-c", "0", sys.executable, "-m", "discode", "hub", "serve", str(folder)]
        command += ["--port", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self._answers, what="the hub's answer")
        self._publish()

    def checks(self) -> dict[str, float]:
        etag = httpx.get(f"{self.url}/metadata/timestamp.json").headers["etag"].strip('"')
        script = self.folder / "check.lua"
        script.write_text(LUA.format(etag=etag, stale=STALE))
        command = ["taskset", "-c", "1", "wrk", "-t1", "-c16", f"-d{SECONDS}s", "-s", str(script), self.url]
        before = self._cpu()
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used = self._cpu() - before
        rate = re.search(r"Requests/sec:\s+([\d.]+)", told)
        assert rate is not None, told
        total = int(told.split(" requests in ")[0].split()[-1])
        return {"checks_per_s": round(float(rate[1]) / 2, 1), "checks_per_cpu_s": round(total / 2 / used, 1)}

    def _cpu(self) -> float:
        """Seconds of a core that the hub has used: what it would answer alone, on a machine that is busy as well."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def bytes_of(self, home: Path) -> dict[str, int]:
        """Bodies and headers, for a first look, a check that finds nothing, and one that finds a release."""
        found = {"first": self._looked(home), "check": self._looked(home)}
        self._publish_one("9.0.0")
        return {**found, "update": self._looked(home, "9.0.0")}

    def memory_mb(self) -> float:
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return round(int(status.split("VmRSS:")[1].split()[0]) / 1024, 1)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(30)

    def _looked(self, home: Path, version: str | None = None) -> int:
        total = 0

        def count(answer: httpx.Response) -> None:
            nonlocal total
            answer.read()
            head = sum(len(name) + len(value) + 4 for name, value in answer.headers.raw)
            total += head + int(answer.headers.get("content-length", 0))

        releases: Any = FileSources(home).open(APP, self.url)
        updater = releases._make_updater()
        releases._fetcher._client.event_hooks = {"response": [count]}
        updater.refresh()
        releases._updater = updater
        index = releases.index()
        if version is not None:
            releases.release(index.entry(version))
        return total

    def _publish(self) -> None:
        keys = self.folder / "vendor"
        self._repository = HubRepository(self.url, self.token, keys)
        self._repository.init()
        entries, files = [], dict[str, bytes | Path]()
        for number in range(RELEASES):
            entry, manifest = _release(f"1.{number}.0")
            entries.append(entry)
            files |= {manifest_path(APP, entry.key): manifest, f"{APP}/archives/{'0' * 16}.tar": b"archive"}
        self._repository.publish(APP, files, lambda _: Index(app=APP, releases=tuple(entries)))
        headers = {"Authorization": f"Bearer {self.token}"}
        httpx.put(f"{self.url}/api/v1/apps/{APP}", json={"access": "public"}, headers=headers).raise_for_status()

    def _publish_one(self, version: str) -> None:
        entry, manifest = _release(version)
        self._repository.publish(
            APP, {manifest_path(APP, entry.key): manifest},
            lambda index: index.changed(releases=(*index.releases, entry)),
        )  # fmt: skip

    def _fill(self, database: Database) -> None:
        secret = make(LICENSE_KEY)
        with database.write() as session:
            session.add(
                License(id=secret.id, hash=secret.hash, app=APP, customer="x", channels=[], seats=INSTALLATIONS,
                        lease_days=14, created=0.0)
            )  # fmt: skip
            session.flush()
            ids = (f"{number:032x}" for number in range(INSTALLATIONS))
            session.add_all(Activation(license=secret.id, installation=one, at=0.0, seen=0.0) for one in ids)
        database.close()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/healthz").status_code == 200
        except httpx.HTTPError:
            return False


def _release(version: str) -> tuple[IndexEntry, bytes]:
    import hashlib

    sha256 = hashlib.sha256(b"archive").hexdigest()
    archive = Archive(path=f"{APP}/archives/{'0' * 16}.tar", sha256=sha256, length=7, unpacked=7)
    manifest = Manifest(app=APP, version=version, artifact=archive, command=["serve"]).canonical()
    return IndexEntry(version=version, key=release_key(manifest), notes="Mends this and that."), manifest


def measure(folder: Path, database: str) -> dict[str, Any]:
    server = Server(folder / "hub", database)
    try:
        runs = [server.checks() for _ in range(RUNS)]
        medians = {name: sorted(run[name] for run in runs)[RUNS // 2] for name in runs[0]}
        return {
            **medians, "runs": runs, "memory_mb": server.memory_mb(),
            "bytes": server.bytes_of(folder / "home"),
        }  # fmt: skip
    finally:
        server.close()


def main(arguments: Sequence[str]) -> int:
    folder, found = Path(tempfile.mkdtemp(prefix="discode-bench-")), dict[str, Any]()
    postgresql = PostgreSQL()
    try:
        found["sqlite"] = measure(folder / "sqlite", SQLITE)
        found["postgresql"] = measure(folder / "postgresql", postgresql.new_database())
    finally:
        postgresql.close()
        shutil.rmtree(folder, ignore_errors=True)
    result = {
        **found, "answered_304": round((1 - 1 / STALE) / 2, 3), "of_timestamps_304": 1 - 1 / STALE,
        "releases": RELEASES, "installations": INSTALLATIONS, "seconds": SECONDS, "runs": RUNS,
        "cores": os.cpu_count(), "load": os.getloadavg()[0],
    }  # fmt: skip
    if "--json" in arguments:
        print(json.dumps(result))
    else:
        for name, one in found.items():
            rates = f"{one['checks_per_s']:8.0f} checks/s, {one['checks_per_cpu_s']:.0f} a second of CPU"
            print(f"{name:<12}{rates}  {one['memory_mb']:6.1f} MB  bytes: {one['bytes']}")
        print(f"median of {RUNS} runs of {SECONDS} s; hub and load have a core each, where nobody else needs it")
        print(f"goals: {GOAL_CHECKS} checks a second of CPU, {GOAL_BYTES} bytes for a check that finds nothing")
    fast = min(one["checks_per_cpu_s"] for one in found.values()) >= GOAL_CHECKS
    return 0 if fast and max(one["bytes"]["check"] for one in found.values()) < GOAL_BYTES else 1
