"""A PowerDNS server of one's own, from the distribution's packages: authoritative for the zones that it is given.

Servers of a zone are asked at port 53. So it has an address of its own on loopback, which takes root, or the right to
use that port.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rig.ports import free_port, own_number
from rig.wait import wait_for
from rig.web import NO_ANSWER

START, END = 60.0, 30.0  # seconds
SCHEMA = Path("/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql")
KEY = "rig-0123456789abcdef"  # of its API, which is on loopback; tests look for it where it must not be
Records = Mapping[tuple[str, str], Sequence[str]]  # (name, type): contents


class PowerDNS:
    """`address` answers DNS at port 53; `api` is where its HTTP API is."""

    def __init__(self, folder: Path, number: int = 0):
        """`number`: tells several of one process apart."""
        self._folder = folder
        folder.mkdir(parents=True)
        self.address, self._api_port = f"127.53.{own_number() + 1}.{number + 1}", free_port()
        self.api = f"http://127.0.0.1:{self._api_port}"
        database = folder / "zones.sqlite3"
        subprocess.run(["sqlite3", str(database)], input=SCHEMA.read_bytes(), check=True, timeout=300)
        self._settings = {
            "launch": "gsqlite3",
            "gsqlite3-database": str(database),
            "gsqlite3-pragma-synchronous": "0",
            "local-address": self.address,
            "api": "yes",
            "api-key": KEY,
            "webserver-address": "127.0.0.1",
            "webserver-port": str(self._api_port),
            "socket-dir": str(folder),
            "guardian": "no",
            "daemon": "no",
            "loglevel": "4",
            # What the API is told counts from the next question on.
            "cache-ttl": "0",
            "query-cache-ttl": "0",
            "negquery-cache-ttl": "0",
            "zone-cache-refresh-interval": "0",
            "max-tcp-connections": "20",
            "security-poll-suffix": "",
            "version-string": "anonymous",
        }
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    def start(self) -> None:
        (self._folder / "pdns.conf").write_text("".join(f"{name}={value}\n" for name, value in self._settings.items()))
        program = shutil.which("pdns_server") or "/usr/sbin/pdns_server"
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen([program, f"--config-dir={self._folder}"], stdout=log, stderr=log)
        wait_for(self._answers, START, "PowerDNS", unless=lambda: self._process and self._process.poll() is not None)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(END)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def add_zone(self, zone: str, records: Records | None = None) -> None:
        """Itself is the zone's one name server."""
        server = f"ns1.{zone}."
        all_records = {(f"ns1.{zone}", "A"): [self.address], **(records or {})}
        sets = [_record_set(*key, contents) for key, contents in all_records.items()]
        self._ask("POST", "/zones", {"name": f"{zone}.", "kind": "Native", "nameservers": [server], "rrsets": sets})

    def put(self, zone: str, name: str, kind: str, *contents: str) -> None:
        """In place of all that the name has of this kind."""
        self._ask("PATCH", f"/zones/{zone}.", {"rrsets": [_record_set(name, kind, contents)]})

    def texts(self, zone: str) -> dict[str, list[str]]:
        """Contents of the TXT records that the zone has, by name."""
        found = self._ask("GET", f"/zones/{zone}.")["rrsets"]
        return {
            one["name"].rstrip("."): [record["content"].strip('"') for record in one["records"]]
            for one in found
            if one["type"] == "TXT"
        }

    def log(self) -> str:
        return (self._folder / "log").read_text(errors="replace")

    def _answers(self) -> bool:
        try:
            return bool(self._ask("GET", ""))
        except NO_ANSWER:
            return False

    def _ask(self, method: str, path: str, data: Any = None) -> Any:
        request = urllib.request.Request(
            f"{self.api}/api/v1/servers/localhost{path}",
            None if data is None else json.dumps(data).encode(),
            {"X-API-Key": KEY, "Content-Type": "application/json"},
            method=method,
        )
        with urllib.request.urlopen(request, timeout=START) as answer:
            text = answer.read()
        return json.loads(text) if text else {}


def _record_set(name: str, kind: str, contents: Sequence[str]) -> dict[str, Any]:
    records = [{"content": content, "disabled": False} for content in contents]
    change = "REPLACE" if records else "DELETE"
    return {"name": f"{name}.", "type": kind, "ttl": 60, "changetype": change, "records": records}
