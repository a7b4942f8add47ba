"""What a demo says, expects and has found; and the self-contained command that its customers get."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]


class Stage:
    """`seen` is what it tells in the end, `problems` what was not as it had to be."""

    def __init__(self, *, as_json: bool):
        self.as_json = as_json
        self.seen: dict[str, Any] = {}
        self.problems: list[str] = []

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def expect(self, what: str, found: object, wanted: object, words: str = "") -> None:
        self.seen.setdefault("checks", {})[what] = found
        if found != wanted:
            self.problems.append(f"{what}: {found}, expected {wanted}. {words}".strip())
        self.say(f"  {'ok ' if found == wanted else 'BAD'} {what}: {found} {words if found != wanted else ''}".rstrip())

    def make_build(self) -> Path:
        ready = ROOT / "dist" / f"discode-linux-{os.uname().machine}.tar.gz"
        if not ready.exists():
            self.say("A self-contained build of the command (once, some minutes): bin/build")
            subprocess.run([str(ROOT / "bin" / "build")], check=True, stdout=subprocess.DEVNULL)
        return ready
