"""A vendor and a customer's machine in one folder, driven through the `discode` command as people would."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rig.place import Place

APP, HOST = "sample", "sample.test"
HERE = Path(__file__).parent
FILE = """\
app: {app}
version: {version}
archive: ./app
command: [python3, server.py]
health: {{path: /up, timeout: 2s, deadline: 4s}}
volumes: {{storage: storage}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  GREETING: hello
update: {{strategy: overlap, confirm: {confirm}, drain: 10s, stop: 5s}}
"""


class CommandFailed(Exception):
    """A command of the demo did not do what it had to."""


@dataclass
class Ran:
    """A finished command: its last JSON line, and when (Unix time) each event came."""

    code: int
    last: dict[str, Any]
    begun: float
    ended: float
    events: list[tuple[float, dict[str, Any]]] = field(default_factory=list)

    def seconds(self) -> dict[str, float]:
        """By step, from the events: a failed command has them too."""
        seconds: dict[str, float] = {}
        for _, told in self.events:
            if told.get("event") in ("step-done", "step-failed"):
                seconds[told["step"]] = round(seconds.get(told["step"], 0.0) + told["seconds"], 4)
        return seconds

    def moments(self, event: str, step: str) -> list[float]:
        return [at for at, told in self.events if told.get("event") == event and told.get("step") == step]


class Machine(Place):
    def __init__(self, folder: Path, confirm: str = "5s"):
        super().__init__(folder, APP, HOST)
        self.proxy_name, self.confirm = "edge", confirm

    def run(self, *words: str, code: int | None = 0) -> Ran:
        command = [sys.executable, "-m", "discode", *words, "--json"]
        begun = time.time()
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env=self.env,
        ) as child:  # fmt: skip
            assert child.stdout is not None and child.stderr is not None
            events = [(time.time(), json.loads(line)) for line in child.stdout if line.startswith("{")]
            errors = child.stderr.read()
        ran = Ran(child.returncode, events[-1][1] if events else {}, begun, time.time(), events)
        if code is not None and child.returncode != code:
            raise CommandFailed(f"discode {' '.join(words)} exited with {child.returncode}: {ran.last or errors}")
        return ran

    def init(self) -> None:
        self.run("release", "init", str(self.repo), "--keys", str(self.keys))

    def publish(self, version: str, behaviour: str) -> None:
        source = self.folder / "source"
        shutil.copytree(HERE / "app", source / "app", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (source / "app" / "VERSION").write_text(version)
        (source / "app" / "BEHAVIOUR").write_text(behaviour)
        file = source / "discode.yml"
        file.write_text(FILE.format(app=APP, version=version, confirm=self.confirm))
        self.run("release", "publish", "--file", str(file), *self.vendor_words())

    def install(self) -> Ran:
        return self.run(*self.install_words())

    def uninstall(self) -> None:
        self.run("uninstall", APP, "--purge", "--yes")

    def leftovers(self) -> dict[str, list[str]]:
        return {"instances": self.instances(), "journals": self.journals(), "processes": self._processes()}

    def close(self) -> None:
        """Nothing stays, whatever happened before."""
        self.run("uninstall", APP, "--purge", "--yes", code=None)
        self.run("proxy", "stop", code=None)

    def _processes(self) -> list[str]:
        """Commands of every process that works below the home, the proxy and its parts excepted."""
        found = []
        for entry in Path("/proc").iterdir():
            try:
                inside = entry.name.isdigit() and (entry / "cwd").readlink().is_relative_to(self.home)
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if inside or any(str(self.home / "instances").encode() in word for word in words):
                found.append(b" ".join(words).decode(errors="replace").strip())
        return found
