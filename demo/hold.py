"""Strategy `hold`, for real: an app that must not run twice is updated again and again while users write to it.

The app takes an exclusive lock on its SQLite file and does not start without it. Requests wait at the proxy while one
version stops and the next one starts. Bad releases among them must be left within the longest hold. At the end every
write that was acknowledged has to be in the file, and no request may have failed.
"""

from __future__ import annotations

import http.client
import os
import shutil
import statistics
import sys
import threading
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from customer import APP, HERE, HOST, Machine, Ran

HOLD = 4.0  # seconds: the longest hold, unless the machine needs a longer one
FILE = f"""\
app: {APP}
version: {{version}}
archive: ./app
command: [python3, server.py]
health: {{{{path: /up, timeout: 2s, deadline: 60s}}}}
volumes: {{{{storage: storage}}}}
update: {{{{strategy: hold, hold: {{hold:g}}s, confirm: 1s, drain: 5s, stop: 5s}}}}
"""
GOOD = 10
BAD = ("never-healthy", "slow-boot:600", "exit-at-boot")
WRITERS, READERS, PAUSE = 8, 2, 0.02
BACK = 0.5  # of the longest hold: beyond it, until the old version answers again


@dataclass(frozen=True)
class Asked:
    """A request: `write` is the id that was written, `failure` empty or its kind. Unix time and seconds."""

    write: str
    begun: float
    seconds: float
    failure: str


class Users:
    """Closed loops: writers, each id once and never tried again, and readers. Half of them keep their connection."""

    def __init__(self, port: int):
        self.asked: list[Asked] = []
        self._port, self._on = port, True
        self._threads = [threading.Thread(target=self._run, args=(n,), daemon=True) for n in range(WRITERS + READERS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._on = False
        for thread in self._threads:
            thread.join(300)

    def _run(self, number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=300)
        while self._on:
            name = uuid.uuid4().hex if number < WRITERS else ""
            begun, clock = time.time(), time.perf_counter()
            failure = _ask(connection, name)
            self.asked.append(Asked(name, begun, time.perf_counter() - clock, failure))
            if failure or number % 2:
                connection.close()
            time.sleep(PAUSE)


def _ask(connection: http.client.HTTPConnection, write: str) -> str:
    method, path, wanted = ("POST", f"/writes/{write}", 201) if write else ("GET", "/version", 200)
    try:
        connection.request(method, path, headers={"Host": HOST})
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return type(error).__name__
    return "" if answer.status == wanted else f"status {answer.status}"


class HoldDemo:
    def __init__(self, folder: Path, *, quick: bool, as_json: bool, hold: float = HOLD):
        self.machine, self.as_json, self.hold = Machine(folder / "machine"), as_json, hold
        half = ["good"] * (1 if quick else GOOD // 2)
        self.behaviours = [*half, *BAD[: 1 if quick else None], *half]
        self.updates: list[dict[str, Any]] = []
        self.problems: list[str] = []

    def run(self) -> dict[str, Any]:
        self.machine.folder.mkdir(parents=True)
        try:
            self.machine.init()
            self._publish("1.0", "good")
            self.machine.install()
            users = Users(self.machine.port)
            users.start()
            for number, behaviour in enumerate(self.behaviours, 1):
                self._publish(f"1.{number}", behaviour)
                self._update(users, f"1.{number}", behaviour)
            self._change(users, "rollback", str(self.machine.run("status", APP).last["rollback_to"][0]), "good")
            users.stop()
            found = self._found()
            leftovers = self.machine.leftovers()
        finally:
            self.machine.close()
        return self._told(users.asked, found, leftovers)

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _publish(self, version: str, behaviour: str) -> None:
        source = self.machine.folder / "source"
        shutil.copytree(
            HERE / "single_writer", source / "app", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__")
        )  # fmt: skip
        (source / "app" / "VERSION").write_text(version)
        (source / "app" / "BEHAVIOUR").write_text(behaviour)
        (source / "discode.yml").write_text(FILE.format(version=version, hold=self.hold))
        where = ("--repo", str(self.machine.folder / "releases"), "--keys", str(self.machine.folder / "keys"))
        self.machine.run("release", "publish", "--file", str(source / "discode.yml"), *where)

    def _update(self, users: Users, version: str, behaviour: str) -> None:
        self._change(users, "update", version, behaviour)

    def _change(self, users: Users, command: str, version: str, behaviour: str) -> None:
        serves = self.machine.version()
        ran = self.machine.run(command, APP, code=None)
        expected = (0, version) if behaviour == "good" else (5, serves)
        if (ran.code, answers := self.machine.version()) != expected:
            self.problems.append(f"{serves} to {version} ({behaviour}): exit {ran.code}, {answers} answers")
        time.sleep(PAUSE)
        waits = [one.seconds for one in list(users.asked) if one.begun + one.seconds > ran.begun]
        held, slowest = _held(ran), max(waits, default=0.0)
        if slowest > self.hold * (1 + BACK):
            self.problems.append(f"{serves} to {version} ({behaviour}): a request waited {slowest:.1f} s")
        self.updates.append(
            {
                "command": command, "from": serves, "to": version, "behaviour": behaviour, "exit_code": ran.code,
                "held_s": round(held, 3), "slowest_request_s": round(slowest, 3),
                "wall_s": round(ran.ended - ran.begun, 3),
            }
        )  # fmt: skip
        self.say(
            f"{command} {serves} -> {version} ({behaviour}): exit {ran.code}, {answers} serves; "
            f"held {held:.2f} s, slowest request {slowest:.2f} s"
        )

    def _found(self) -> list[str]:
        """What the app has in its file."""
        connection = http.client.HTTPConnection("127.0.0.1", self.machine.port, timeout=300)
        connection.request("GET", "/writes", headers={"Host": HOST})
        return connection.getresponse().read().decode().split()

    def _told(self, asked: list[Asked], found: list[str], leftovers: dict[str, list[str]]) -> dict[str, Any]:
        acknowledged = {one.write for one in asked if one.write and not one.failure}
        good = [one["held_s"] for one in self.updates if one["behaviour"] == "good"]
        bad = [one["held_s"] for one in self.updates if one["behaviour"] != "good"]
        told: dict[str, Any] = {
            "strategy": "hold", "longest_hold_s": self.hold, "updates": self.updates,
            "held_s": {"median": round(statistics.median(good), 3), "worst": max(good)},
            "held_by_bad_releases_s": {"median": round(statistics.median(bad), 3), "worst": max(bad)},
            "slowest_request_s": round(max(one.seconds for one in asked), 3),
            "requests": len(asked), "requests_failed": sum(bool(one.failure) for one in asked),
            "failures": sorted({one.failure for one in asked if one.failure}),
            "writes_acknowledged": len(acknowledged), "writes_found": len(found),
            "writes_missing": len(acknowledged - set(found)), "writes_twice": len(found) - len(set(found)),
            "processes_left": len(leftovers["instances"]) - 1, "problems": self.problems,
            "date": time.strftime("%Y-%m-%d"), "machine": {"cores": os.cpu_count()},
        }  # fmt: skip
        wrong = ("requests_failed", "writes_missing", "writes_twice", "processes_left")
        told["ok"] = not any(told[name] for name in wrong) and not self.problems
        if not self.as_json:
            self.say(_summary(told))
        return told


def _held(ran: Ran) -> float:
    """Seconds from the pause to the moment at which requests go on: the switch, or the end of the undoing."""
    begun = ran.moments("step-started", "hold")
    ended = [*ran.moments("step-done", "switch"), *ran.moments("step-done", "undo")]
    return ended[0] - begun[0] if begun and ended else 0.0


def _summary(told: dict[str, Any]) -> str:
    return (
        f"{told['requests']} requests, {told['requests_failed']} failed; {told['writes_acknowledged']} writes "
        f"acknowledged, {told['writes_found']} found, {told['writes_missing']} missing, {told['writes_twice']} twice.\n"
        f"Held per update: median {told['held_s']['median']:.2f} s, worst {told['held_s']['worst']:.2f} s; "
        f"with a bad release: worst {told['held_by_bad_releases_s']['worst']:.2f} s "
        f"(longest hold: {told['longest_hold_s']:g} s)."
    )
