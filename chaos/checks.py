"""What has to hold when an ordinary command has run after whatever went wrong."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from machine import Machine

from discode.core.errors import DiscodeError
from place import OTHER_NAME, Place

UNKNOWN = "status 404"  # what a proxy answers where no app is installed
NOBODY = (UNKNOWN, "ConnectionRefusedError")  # the same, and there may be no proxy
BUSY = 6  # the exit code of a command that found another one at work
PATIENCE = 300.0  # seconds that the other one may take
MOMENT = 60.0  # seconds that a proxy or an app that was killed gets to come back by itself


@dataclass
class Expected:
    """What must not change, from the first installation on: the generated secret and the data. `greetings` and
    `versions` are what the last command may have left; any when empty."""

    secret: str = ""
    noted: bool = False
    greetings: set[str | None] = field(default_factory=set)
    versions: set[str | None] = field(default_factory=set)

    def forget(self) -> None:
        """The data was deleted because the customer wanted that."""
        self.secret, self.noted = "", False
        self.greetings.clear()


class Check:
    """`nobody`: what may be answered where no app is installed."""

    def __init__(self, place: Place, machine: Machine, expected: Expected, nobody: tuple[str, ...] = NOBODY):
        self.place, self.machine, self.expected, self._nobody = place, machine, expected, nobody
        self.status: dict[str, Any] = {}
        self.history: list[dict[str, Any]] = []

    def violations(self, *, typed: bool = True) -> list[str]:
        """Runs `settle`, the ordinary command, and then looks at everything. Not `typed`: settling is left to the guard
        of a command that was killed."""
        found = list(self._settled() if typed else self._left_to_the_guard())
        try:
            self.status, self.history = self._look()
        except DiscodeError as error:
            return [*found, f"its state cannot be told: {error}"]
        version = self.status.get("version")
        if self.expected.versions and version not in self.expected.versions:
            found.append(f"{version} is installed, not one of {self.expected.versions}")
        if not self.status:
            return found + list(self._absent())
        return [*found, *self._state(), *self._kept(), *self._history()]

    def _look(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """A certificate that a CA gives comes when it comes; until then the app's address is another one."""
        deadline = time.monotonic() + MOMENT
        while True:
            status, history = self.place.look()
            is_awaited = status and status["https"] and not status["address"].startswith("https:")
            if not is_awaited or time.monotonic() > deadline:
                return status, history
            time.sleep(0.05)

    def _settled(self) -> Iterator[str]:
        """A crowd may be at work still: then it says so, and is run again as it asks for."""
        deadline = time.monotonic() + PATIENCE
        code, told = self.place.run("settle", self.place.app)
        while code == BUSY and time.monotonic() < deadline:
            time.sleep(0.1)
            code, told = self.place.run("settle", self.place.app)
        if code != 0:
            yield f"settle exited with {code}: {told}"

    def _left_to_the_guard(self) -> Iterator[str]:
        deadline = time.monotonic() + PATIENCE
        while (left := self.place.journals()) and time.monotonic() < deadline:
            time.sleep(0.05)
        if left:
            yield f"nobody settles what was killed: {left}"

    def _absent(self) -> Iterator[str]:
        deadline = time.monotonic() + MOMENT
        while (seen := self.place.version()) not in self._nobody and time.monotonic() < deadline:
            time.sleep(0.05)
        if seen not in self._nobody:
            yield f"not installed, and {seen} is answered"
        if self.place.https and (seen := self.place.https.version(self.place.host)) in self.expected.versions:
            yield f"not installed, and {seen} is answered by HTTPS"
        yield from self._left_over([])

    def _state(self) -> Iterator[str]:
        status = self.status
        wanted = status["version"] if status["state"] == "running" else "status 503"
        deadline = time.monotonic() + MOMENT
        while (seen := self._seen()) != wanted and time.monotonic() < deadline:
            time.sleep(0.05)
        if seen != wanted:
            yield f"{status['version']} is recorded ({status['state']}), and {seen} is answered"
        if status["state"] == "running" and not status["serves"]:
            yield f"status does not say that it serves: {status}"
        yield from self._names(wanted)
        yield from self._https(wanted)
        yield from self._doors(wanted)
        yield from self._left_over([status["instance"]])
        should_run = [status["instance"]] if status["state"] == "running" else []
        if (running := self.machine.running()) != should_run:
            yield f"{running} run, not {should_run} ({status['state']})"

    def _names(self, wanted: str) -> Iterator[str]:
        """What is recorded of the app's other name is what a user finds there."""
        route = self.status["hosts"], self.status["redirects"]
        if OTHER_NAME in self.status["hosts"]:
            wanted, seen = "status 301" if OTHER_NAME in self.status["redirects"] else wanted, self._seen(OTHER_NAME)
        else:
            wanted, seen = UNKNOWN, self.place.version(OTHER_NAME)
        if seen != wanted:
            yield f"{route} are recorded, and {seen} is answered at {OTHER_NAME}"

    def _seen(self, host: str = "") -> str:
        """What answers, by HTTPS where it is recorded that the app has that."""
        if self.place.https is not None and self.status["https"]:
            return self.place.https.version(host or self.place.host)
        return self.place.version(host)

    def _https(self, wanted: str) -> Iterator[str]:
        """Plain HTTP leads there, with the certificate that is recorded; where there is none, nothing is served."""
        if self.place.https is None:
            return
        tls = self.status["https"]["tls"] if self.status["https"] else "off"
        plain, secure = self.place.version(), self.place.https.version(self.place.host)
        if tls == "off":
            if secure == wanted:
                yield f"HTTPS is off, and {secure} is answered by it"
            return
        if plain != "status 301":
            yield f"HTTPS is {tls}, and {plain} is answered by plain HTTP"
        if tls == "own" and not self.place.https.serves(self.place.host, self.place.own_certificate()):
            yield "another certificate is served than the one that is recorded"

    def _doors(self, wanted: str) -> Iterator[str]:
        for door in self.status["doors"]:
            if (seen := self.place.version(path=f"{door['path']}/version")) != wanted:
                yield f"{wanted} is recorded, and {seen} is answered at {door['path']}"

    def _left_over(self, wanted: list[str]) -> Iterator[str]:
        if (there := self.machine.instances()) != wanted:
            yield f"instances {there}, not {wanted}"
        if self.place.journals():
            yield f"journals: {self.place.journals()}"

    def _kept(self) -> Iterator[str]:
        if self.status["instance"] not in self.machine.instances():
            return  # told already
        env, expected = self.machine.environment(self.status["instance"]), self.expected
        expected.secret = expected.secret or env["SECRET_KEY_BASE"]
        if env["SECRET_KEY_BASE"] != expected.secret:
            yield "the generated secret has changed"
        greeting = self.place.settings().get("GREETING")
        if expected.greetings and greeting not in expected.greetings:
            yield f"the setting is {greeting}, not one of {expected.greetings}"
        # What is changed while an app is stopped comes with its next start.
        if self.status["state"] == "running" and env.get("GREETING") != greeting:
            yield f"the setting is {greeting}, and the app has {env.get('GREETING')}"
        if self.status["state"] == "running" and env["ADDRESS"] != self.status["address"]:
            yield f"its address is {self.status['address']}, and the app was told {env['ADDRESS']}"
        expected.greetings = {greeting}
        note = self.machine.volume() / "note"
        if note.exists():
            return
        if expected.noted:
            yield "the data is gone"
        note.write_text("data")
        expected.noted = True

    def _history(self) -> Iterator[str]:
        entries = self.history
        if not entries:
            yield "there is no history"
            return
        if entries[-1]["serves"] != self.status["version"]:
            yield f"the history says {entries[-1]['serves']}, and {self.status['version']} is installed"
        started = [(entry["started"], entry["serves"]) for entry in entries]
        if len(started) != len(set(started)):
            yield "the history tells a flow twice"
        for earlier, later in pairwise(entries):
            if later["from_version"] not in (earlier["serves"], None):
                yield f"the history goes from {later['from_version']}, where {earlier['serves']} served: {later}"
