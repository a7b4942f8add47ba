"""Rounds: a command, a bad thing at a random moment of it, one ordinary command, and all has to be well."""

from __future__ import annotations

import os
import pty
import random
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from checks import NOBODY, UNKNOWN, Check, Expected
from evidence import Evidence
from harm import SIGNALS, Harm, Victim
from runtimes import Kind
from traffic import Traffic

from place import BOOT, SLOW

EARLY = 0.15  # share of the bad things whose moment counts from the start of the program, not of the flow
TYPED = 0.5  # share of the killed commands after which one is typed at once; else all is left to the guard
SLOW_SHARE = 0.15  # of the good releases: they take a while to boot
PATIENCE = 600.0  # seconds that a command may take
# It turns bad at its first request: a command that is interrupted before that has seen no fault.
BAD = ("never-healthy", "exit-at-boot", "turns-bad:0")
# What a command may say: done, no such app, refused, failed, busy, not reached. 1 would be a bug of ours.
CODES = (0, 3, 4, 5, 6, 7)


class Chaos:
    """A seed gives each round its operation, its bad thing and its moment; the rest is the machine's."""

    def __init__(self, folder: Path, seed: int, kind: Kind, *, as_json: bool):
        self.seed, self.kind, self.as_json = seed, kind, as_json
        self.place = kind.place(folder)
        self.machine = kind.machine(self.place)
        self.traffic = Traffic(self.place.port, self.place.host)
        self.expected = Expected()
        # A proxy that was killed in one round is there again before the next one, whose requests it would fail.
        nobody = (UNKNOWN,) if kind.proxy_stays else NOBODY
        self.check = Check(self.place, self.machine, self.expected, nobody)
        self.evidence = Evidence(self.place, self.machine)
        self.dice = random.Random(seed)
        self.number = 0  # of the last published release
        self.is_slow = False  # the last published release boots slowly
        self.is_early = False  # the bad thing came before the command had said anything
        self.told: dict[str, Any] = {
            "seed": seed, "runtime": kind.name, "rounds": 0, "slow_releases": 0,
            "requests": 0, "failed_requests": 0, "failed_requests_others": 0,
            "failures": Counter(), "operations": Counter(), "harms": Counter(), "violations": [],
        }  # fmt: skip

    def run(self, rounds: int, seconds: float, harm: str | None = None, without: str | None = None) -> dict[str, Any]:
        """`harm`: that one in every round; `without`: that one in none."""
        every = self.kind.harm.ours + self.kind.harm.others
        self.harms = (harm,) if harm else tuple(name for name in every if name != without)
        begun = time.monotonic()
        try:
            self.place.init()
            self._publish("good")
            self.place.start(*self.place.install_words()).wait(PATIENCE)
            self._judge("first install", {"round": 0}, self.check.violations())
            self._set_up_backups()
            self.traffic.start()
            for number in range(1, rounds + 1):
                if time.monotonic() - begun > seconds:
                    break
                self._round(number)
            self.traffic.stop()
        finally:
            self.place.close()
        return self.told

    def _set_up_backups(self) -> None:
        """Without a snapshot before each update, which would take longer than the update."""
        place, options = self.place, ("--yes-i-kept-it", "--before-updates", "off")
        code, told = place.run("backup", "setup", place.app, "--to", str(place.folder / "repository"), *options)
        self._judge("backup setup", {"round": 0}, [f"it exited with {code}: {told}"] if code else [])

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _round(self, number: int) -> None:
        self.dice = random.Random(f"{self.seed}/{number}")
        name, part = self.dice.choice(self.harms), self.dice.uniform(0.0, 1.0)
        operation, before = self._operation(), self.check.status
        words = self._words(operation)
        moment = part * (self.kind.longest + (BOOT if self.is_slow else 0.0))
        is_there = self.kind.proxy_stays or operation not in ("install", "uninstall")
        self.traffic.allowed = _allowed(operation) if is_there else None
        self.traffic.settled()  # what is under way belongs to what was done before
        self.traffic.taken()
        self.evidence.begin()
        harm = self.kind.harm(self.place, self.machine, self.dice)
        code = self._command(words, name, moment, harm)
        self._expect(operation, before, code, crowded=bool(harm.codes))
        typed = code != -signal.SIGKILL or self.dice.random() < TYPED
        found = self._codes(name, [code, *harm.codes]) + self.check.violations(typed=typed)
        self._note(number, {"operation": operation, "harm": name, "moment": round(moment, 3), "words": words,
                            "hit": harm.told, "code": code, "codes": harm.codes}, found)  # fmt: skip

    def _command(self, words: tuple[str, ...], name: str, moment: float, harm: Harm) -> int:
        """Run it with the bad thing; the answer is its exit code."""
        before, terminal, slave = self.machine.instances(), None, None
        if name == "terminal lost":
            terminal, slave = pty.openpty()
            command = self.place.start_on(slave, *words)
            threading.Thread(target=_read, args=(os.dup(terminal), self.place.log), daemon=True).start()
            os.close(slave)
        else:
            command = self.place.start(*words)
        victim = Victim(command, terminal, before)
        begun = self._log_size()
        early = self.dice.random() < EARLY

        def strike() -> None:
            if not early:
                self._until_it_speaks(command, begun)
            time.sleep(moment)
            self.is_early = self._log_size() <= begun
            harm.apply(name, victim)

        striker = threading.Thread(target=strike)
        striker.start()
        code = command.wait(PATIENCE)
        striker.join()
        if victim.terminal is not None:
            os.close(victim.terminal)
        return code

    def _log_size(self) -> int:
        return self.place.log.stat().st_size

    def _until_it_speaks(self, command: subprocess.Popen[bytes], size: int) -> None:
        """Its first step is told: how long a program takes to start is the machine's matter, and nothing happens."""
        while command.poll() is None and self._log_size() <= size:
            time.sleep(0.005)

    def _expect(self, operation: str, before: dict[str, Any], code: int, *, crowded: bool) -> None:
        """What the exit code says has to be so: 0 is done, 5 means that the version from before serves."""
        old, new, expected = before.get("version"), f"1.{self.number}", self.expected
        outcomes: dict[str, set[str | None]] = {
            "update": {new}, "install": {new}, "uninstall": {None}, "rollback": set(before.get("rollback_to", [])),
        }  # fmt: skip
        done = outcomes.get(operation, {old})
        expected.versions = set() if crowded else {0: done, 5: {old}, 4: {old}}.get(code, {old, *done})
        if operation == "bad update" and not crowded:
            expected.versions = {old}
        if crowded:
            expected.greetings = set()
        elif operation == "config":
            wanted = self.greeting
            expected.greetings = {wanted} if code == 0 else {*expected.greetings, wanted}

    def _codes(self, name: str, codes: list[int]) -> list[str]:
        # Python itself ends with 1 when it is interrupted before it has begun with the program.
        fine = (*CODES, 1) if name == "command interrupted" and self.is_early else CODES
        bad = [code for code in codes if code >= 0 and code not in fine]
        # A signal that comes before the command has begun to listen ends it like any other program.
        hit = SIGNALS.get(name, signal.SIGHUP if name == "terminal lost" else None)
        killed = [code for code in codes if code < 0 and -code != hit]
        return [f"exit codes {bad + killed}"] if bad or killed else []

    def _note(self, number: int, told: dict[str, Any], found: list[str]) -> None:
        seen = self.traffic.taken()
        failed, is_ours = sum(seen.failures.values()), told["harm"] in self.kind.harm.ours
        self.told["rounds"] += 1
        self.told["requests"] += seen.requests
        self.told["operations"][told["operation"]] += 1
        self.told["harms"][told["harm"]] += 1
        self.told["failed_requests" if is_ours else "failed_requests_others"] += failed
        self.told["failures"].update({f"{told['harm']}: {kind}": count for kind, count in seen.failures.items()})
        self.say(
            f"{number:4} {told['operation']:11} {told['harm']:22} at {told['moment']:.2f} s  exit {told['code']:3}"
            + (f"  FAILED REQUESTS {dict(seen.failures)}" if failed and is_ours else "")
        )
        told = {"seed": self.seed, "round": number, **told, "failed": seen.examples}
        self._judge(f"round {number}", told, found, failed=bool(failed and is_ours))

    def _judge(self, name: str, told: dict[str, Any], found: list[str], *, failed: bool = False) -> None:
        for violation in found:
            self.told["violations"].append({**told, "violation": violation})
            self.say(f"VIOLATION in {name}: {violation}")
        if found or failed:
            where = self.evidence.keep(name.replace(" ", "-"), {**told, "violations": found})
            self.say(f"What is known of it is in {where}; what the commands said:\n{self.evidence.words(where)}")

    def _operation(self) -> str:
        if not self.check.status:
            return "install"
        if self.check.status["state"] == "stopped":
            return "start"
        names = ["update", "bad update", "rollback", "config", "restart", "backup", "stop", "uninstall"]
        weights = [9, 5, 4 if self.check.status["rollback_to"] else 0, 3, 3, 2, 1, 1]
        return self.dice.choices(names, weights)[0]

    def _words(self, operation: str) -> tuple[str, ...]:
        app = self.place.app
        match operation:
            case "install":
                self._publish("good")  # the newest may be a bad one: nobody can install that
                return self.place.install_words()
            case "update" | "bad update":
                self._publish("good" if operation == "update" else self.dice.choice(BAD))
                return ("update", app)
            case "config":
                self.greeting = f"hello-{self.dice.randrange(10**6)}"
                return ("config", "set", app, f"GREETING={self.greeting}")
            case "backup":
                return ("backup", "now", app)
            case _:
                return (operation, app)

    def _publish(self, behaviour: str) -> None:
        self.number += 1
        self.is_slow = behaviour == "good" and self.dice.random() < SLOW_SHARE
        if self.is_slow:
            behaviour, self.told["slow_releases"] = SLOW, self.told["slow_releases"] + 1
        self.place.publish(f"1.{self.number}", behaviour)


def _allowed(operation: str) -> frozenset[int]:
    """While an app is installed or taken down there are moments at which nobody can answer."""
    return frozenset([200, 404, 503]) if operation in ("install", "uninstall", "stop", "start") else frozenset([200])


def _read(terminal: int, log: Path) -> None:
    """What a terminal does: without it the command would stand still when the terminal's buffer is full."""
    try:
        while seen := os.read(terminal, 65536):
            with log.open("ab") as file:
                file.write(seen)
    except OSError:
        pass  # closed
    finally:
        os.close(terminal)
