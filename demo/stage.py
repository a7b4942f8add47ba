"""What demos share, above all those of a sale: what they say, expect and have found, their load, and the self-contained
command that customers get."""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from hub_rig import Customer, HubServer, Vendor

ROOT = Path(__file__).parents[1]


class Trial(ABC):
    """`seen` is what it tells in the end, `problems` what was not as it had to be."""

    def __init__(self, *, as_json: bool):
        self.as_json = as_json
        self.seen: dict[str, Any] = {}
        self.problems: list[str] = []

    @abstractmethod
    def play(self) -> None:
        """All of it."""

    @abstractmethod
    def close(self) -> None:
        """Whatever happened before."""

    def run(self) -> dict[str, Any]:
        begun = time.monotonic()
        try:
            self.play()
        finally:
            self.close()
        return {
            **self.seen, "problems": self.problems, "ok": not self.problems,
            "seconds": round(time.monotonic() - begun, 1), "date": time.strftime("%Y-%m-%d"),
            "machine": {"cores": os.cpu_count(), "load_average": round(os.getloadavg()[1], 1)},
        }  # fmt: skip

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def expect(self, what: str, found: object, wanted: object, words: str = "") -> None:
        self.seen.setdefault("checks", {})[what] = found
        if found != wanted:
            self.problems.append(f"{what}: {found}, expected {wanted}. {words}".strip())
        self.say(f"  {'ok ' if found == wanted else 'BAD'} {what}: {found} {words if found != wanted else ''}".rstrip())


class Stage(Trial):
    """`hub`, `vendor` and `customer` are the parts of a sale, of which nothing stays."""

    hub: HubServer
    vendor: Vendor
    customer: Customer

    def __init__(self, build: Path | None, *, as_json: bool):
        """`build`: of bin/build's; None: that in dist/, which is made if it is not there."""
        super().__init__(as_json=as_json)
        self._build = build

    def the_build(self) -> Path:
        if self._build is not None:
            return self._build
        ready = ROOT / "dist" / f"discode-linux-{os.uname().machine}.tar.gz"
        if not ready.exists():
            self.say("A self-contained build of the command (once, some minutes): bin/build")
            subprocess.run([str(ROOT / "bin" / "build")], check=True, stdout=subprocess.DEVNULL)
        return ready

    def close(self) -> None:
        self.customer.engine.close()
        self.vendor.engine.close()
        self.hub.stop()


@contextmanager
def load(script: str, words: Sequence[str], patience: float) -> Iterator[None]:
    """A program of this folder that makes requests until its input is closed; then it has `patience` seconds."""
    command = [sys.executable, str(Path(__file__).parent / script), *words]
    made = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    threading.Thread(target=lambda: made.stdout and made.stdout.read(), daemon=True).start()
    try:
        yield
        assert made.stdin is not None
        made.stdin.close()
        if made.wait(patience) != 0:
            raise RuntimeError("the load ended with an error")
    finally:
        if made.poll() is None:
            made.kill()
            made.wait()


def perform(name: str, about: str | None, stage: Callable[..., Stage], shown: Sequence[str]) -> int:
    """`bin/demo --NAME`, to its exit code. `shown`: of the result, without --json."""
    parser = argparse.ArgumentParser(prog=f"bin/demo --{name}", description=about)
    parser.add_argument(f"--{name}", action="store_true", help="this demo")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--build", type=Path, metavar="FILE", help="a build of bin/build's, instead of dist/")
    given = parser.parse_args()
    return play_out(name, lambda folder: stage(folder, given.build, as_json=given.json), shown, as_json=given.json)


def play_out(name: str, made: Callable[[Path], Trial], shown: Sequence[str], *, as_json: bool) -> int:
    """A demo in a folder of its own, and what it has seen; the exit code."""
    folder = Path(tempfile.mkdtemp(prefix=f"discode-{name}-demo-"))
    demo = made(folder)
    try:
        result = demo.run()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if as_json:
        print(json.dumps(result), flush=True)
    else:
        print(json.dumps({name: result[name] for name in shown}, indent=1))
        print("OK" if result["ok"] else f"NOT OK: {'; '.join(demo.problems)}")
    return 0 if result["ok"] else 1
