"""What HTTPS adds: to an install, until its certificate is proved, and to an update, which needs none.

    bin/bench https [--installs 10] [--updates 10] [--json]

The CA is Pebble on this machine, without the pauses that it makes otherwise. Each install brings a name of its own.
Two machines in turns, one with HTTPS and one without, are updated: both with all that belongs to an update.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customer import APP, Machine
from update import AFTER, BEGIN, medians, seconds_of

from rig.secured import Secured

CONFIRM = "200ms"


class Installs:
    """Of an app that comes and goes, on a machine whose proxy and CA stay."""

    def __init__(self, machine: Machine):
        self.machine = machine

    def measure(self, count: int) -> list[dict[str, float]]:
        return [self._one(number) for number in range(count + 1)][1:]  # the first one starts the proxy

    def _one(self, number: int) -> dict[str, float]:
        host = f"h{number}.{self.machine.host}"
        words = [host if word == self.machine.host else word for word in self.machine.install_words()]
        ran = self.machine.run(*words, "--tls", "auto", "--require-https")
        switched, proved = (ran.moments("step-done", step)[0] for step in ("switch", "https"))
        self.machine.run("uninstall", APP)
        return {
            "certificate after the switch": proved - switched,
            "waited for it": float(ran.last["seconds"]["https"]),
            "install": ran.ended - ran.begun,
        }


def updates(plain: Machine, secure: Machine, count: int) -> dict[str, list[dict[str, float]]]:
    found: dict[str, list[dict[str, float]]] = {"without": [], "with": []}
    for number in range(1, count + 2):
        for name, machine in (("without", plain), ("with", secure)):
            machine.publish(f"1.{number}.0", "good")
            found[name].append(seconds_of(machine.run("update", APP)))
    return {name: taken[1:] for name, taken in found.items()}


def measure(folder: Path, installs: int, count: int) -> dict[str, Any]:
    plain, secure = Machine(folder / "plain", CONFIRM), Machine(folder / "secure", CONFIRM)
    site = None
    try:
        for machine in (plain, secure):
            machine.folder.mkdir(parents=True)
            machine.init()
            machine.publish("1.0.0", "good")
        site = Secured(secure)
        installed = medians(Installs(secure).measure(installs))
        plain.install()
        secure.run(*secure.install_words(), "--tls", "auto", "--require-https")
        taken = updates(plain, secure, count)
    finally:
        plain.close()
        secure.close()
        if site is not None:
            site.close()
    found = {name: medians(runs) for name, runs in taken.items()}
    updated = {name: {step: steps[step] for step in ("switch", BEGIN, AFTER, "wall")} for name, steps in found.items()}
    return {"install_s": installed, "update_s": updated}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="bin/bench https", description=__doc__)
    parser.add_argument("--installs", type=int, default=10)
    parser.add_argument("--updates", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="discode-bench-"))
    try:
        told = measure(folder, given.installs, given.updates)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    about = {"installs": given.installs, "updates": given.updates, "cores": os.cpu_count()}
    told |= {**about, "date": time.strftime("%Y-%m-%d"), "load_average": round(os.getloadavg()[0], 1)}
    if given.json:
        print(json.dumps(told))
        return 0
    for name, seconds in told["install_s"].items():
        print(f"install: {name:<30}{seconds:8.3f} s")
    for step in told["update_s"]["with"]:
        one, other = told["update_s"]["without"][step], told["update_s"]["with"][step]
        print(f"update: {step:<20} without {one:8.3f} s, with {other:8.3f} s")
    print(f"medians of {given.installs} installs and {given.updates} updates; {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
