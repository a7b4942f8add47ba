"""Bad things at random moments of real commands, under traffic; then one ordinary command, and all has to be well.

    bin/chaos --rounds 300 --seed 7 --json

A seed gives the same operations, bad things and moments; what the machine does meanwhile is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from checks import Expected, violations
from harm import OTHERS, OURS, Harm
from traffic import Traffic

from place import Place

LONGEST = 1.6  # seconds into a flow at which the bad thing happens, at the latest
BAD = ("never-healthy", "exit-at-boot", "turns-bad")


class Chaos:
    def __init__(self, folder: Path, seed: int, *, as_json: bool):
        self.folder, self.dice, self.as_json = folder, random.Random(seed), as_json
        self.place = Place(folder)
        self.traffic = Traffic(self.place.port, self.place.host)
        self.harm = Harm(self.place, self.dice)
        self.expected = Expected()
        self.number = 0  # of the last published release
        self.told: dict[str, Any] = {
            "seed": seed, "rounds": 0, "requests": 0, "failed_requests": 0, "failed_requests_others": 0,
            "failures": Counter(), "operations": Counter(), "harms": Counter(), "violations": [],
        }  # fmt: skip

    def run(self, rounds: int, seconds: float) -> dict[str, Any]:
        begun = time.monotonic()
        try:
            self.place.run("release", "init", str(self.place.repo), "--keys", str(self.place.keys))
            self._publish("good")
            self._check("first install", "nothing", *self.place.install_words())
            self.traffic.start()
            for number in range(rounds):
                if time.monotonic() - begun > seconds:
                    break
                self._round(number)
            self.traffic.stop()
        finally:
            self.place.close()
        return self.told

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _round(self, number: int) -> None:
        operation = self._operation()
        name = self.dice.choice(OURS + OTHERS)
        moment = self.dice.uniform(0.0, LONGEST)
        words = self._words(operation)
        self.traffic.allowed = _allowed(operation)
        self.traffic.taken()
        command = self.place.start(*words)
        timer = threading.Timer(moment, self.harm.apply, (name, command))
        timer.start()
        command.wait(90)
        timer.join()
        self._check(operation, name)
        seen = self.traffic.taken()
        failed = sum(seen.failures.values())
        self.told["rounds"] += 1
        self.told["requests"] += seen.requests
        self.told["operations"][operation] += 1
        self.told["harms"][name] += 1
        self.told["failed_requests" if name in OURS else "failed_requests_others"] += failed
        self.told["failures"].update({f"{name}: {kind}": count for kind, count in seen.failures.items()})
        bad = f"  FAILED REQUESTS {dict(seen.failures)}" if failed and name in OURS else ""
        self.say(f"{number + 1:4} {operation:20} {name:20} at {moment:.2f} s{bad}")

    def _check(self, operation: str, name: str, *words: str) -> None:
        if words:
            self.place.start(*words).wait(90)
        found = violations(self.place, self.expected)
        for violation in found:
            self.told["violations"].append({"operation": operation, "harm": name, "violation": violation})
            self.say(f"VIOLATION after {operation}, {name}: {violation}")

    def _operation(self) -> str:
        code, status = self.place.run("status", self.place.app)
        if code == 3:
            return "install"
        if status.get("state") == "stopped":
            return "start"
        names = ["update", "bad update", "rollback", "config", "restart", "stop", "uninstall"]
        weights = [9, 5, 4 if status.get("rollback_to") else 0, 3, 3, 1, 1]
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
                return ("config", "set", app, f"GREETING=hello-{self.dice.randrange(10**6)}")
            case _:
                return (operation, app)

    def _publish(self, behaviour: str) -> None:
        self.number += 1
        self.place.publish(f"1.{self.number}", behaviour)


def _allowed(operation: str) -> frozenset[int]:
    """While an app is installed or taken down there are moments at which nobody can answer."""
    return frozenset([200, 404, 503]) if operation in ("install", "uninstall", "stop", "start") else frozenset([200])


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="bin/chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, help="a fresh one is chosen, and printed, when none is given")
    parser.add_argument("--seconds", type=float, default=3600.0, help="begin no round after that time")
    parser.add_argument("--runtime", choices=["process"], default="process")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    if os.geteuid() != 0:
        parser.error("it mounts a small disk of its own, which only root can do")
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    chaos = Chaos(folder, seed, as_json=given.json)
    chaos.say(f"Seed {seed}; what is done is told in {folder}/commands.log")
    told = chaos.run(given.rounds, given.seconds)
    ok = not told["violations"] and not told["failed_requests"]
    if ok:
        shutil.rmtree(folder)
    if given.json:
        print(json.dumps(told))
    else:
        print(json.dumps({key: value for key, value in told.items() if key != "violations"}, indent=1))
        print("OK" if ok else f"NOT OK: {len(told['violations'])} violations; see {folder}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
