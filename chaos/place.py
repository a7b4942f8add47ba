"""A vendor and a customer's machine in one folder, as seen by somebody who breaks things."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any

from certificates import Https
from processes import Processes

from discode.cli import wiring
from discode.cli.inspect import describe
from discode.cli.wiring_vendor import registry, repository
from discode.flows.publish import publish
from rig import place

HERE = Path(__file__).parent
DEMO = HERE.parent / "demo"
OTHER_NAME = "other.chaos.test"  # that the app may have beside its own
KEPT = ("history.jsonl", "seat.json")  # of an app of which nothing else is left
SIZE = "400m"  # of the disk that the customer's home is on
BOOT = 5.0  # seconds that a slow app takes to boot
SLOW = f"slow-boot:{BOOT:g}"
# One that turns bad does so at a request, which may come late on a busy machine; and is found out soon then.
PACES = {
    "never-healthy": {"deadline": "500ms"},
    "turns-bad:0": {"confirm": "30s"},
    "turns-bad:0.1": {"confirm": "30s"},
}
FILE = """\
app: {app}
version: {version}
archive: ./app
command: [python3, server.py]
health: {{path: /up, timeout: 10s, deadline: {deadline}}}
volumes: {{storage: {{path: storage, share: true}}}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  GREETING: {{ask: "Greeting?", optional: true}}
  ADDRESS: "${{url}}"
{env}update: {{strategy: {strategy}, confirm: {confirm}, drain: 60s, stop: 3s, hold: {hold}}}
"""


def folder_of(app: str) -> Path:
    return HERE / app if (HERE / app).is_dir() else DEMO / app


class Place(place.Place):
    """`confirm`: the vendor's time for it. `https`: once there is any. The home is a small disk of its own, to be
    filled."""

    file = FILE
    # A second process that is reached below a path of its own.
    door = "processes: {live: {command: [python3, server.py, /live], path: /live, health: {path: /live/up}}}\n"

    def __init__(self, folder: Path, *, confirm: str = "600ms"):
        # A Unix socket's path has room for some 100 characters: the home is not below a deep folder.
        super().__init__(folder, "chaos", "chaos.test", Path(tempfile.mkdtemp(prefix="discode-chaos-")))
        self.log = folder / "commands.log"
        self.https: Https | None = None
        self._open = ExitStack()
        self._pace = {"deadline": "60s", "confirm": confirm, "hold": "60s"}
        os.environ["DISCODE_HOME"] = str(self.home)  # for `look`
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.home)], check=True)

    @property
    def state_folder(self) -> Path:
        return self.home / "apps" / self.app

    def start(self, *words: str, entry: Path | None = None, **environment: str) -> subprocess.Popen[bytes]:
        """A command in the background; its output goes to the log. `entry`: a program instead of `discode` itself."""
        log = self._logging(words)
        command = [sys.executable, *([str(entry)] if entry else ["-m", "discode"]), *words, "--json"]
        env = {**self.env, **environment}
        with log:
            return subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
            )

    def start_on(self, terminal: int, *words: str) -> subprocess.Popen[bytes]:
        """A command as a person runs it, on a terminal that can be lost. `terminal` is the slave's descriptor."""
        self._logging((*words, "   # on a terminal")).close()
        command = [sys.executable, str(HERE / "on_terminal.py"), sys.executable, "-m", "discode", *words]
        return subprocess.Popen(
            command, stdin=terminal, stdout=terminal, stderr=terminal, env=self.env, start_new_session=True
        )

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "discode", *words, "--json"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self.env, timeout=600
        )  # fmt: skip
        with self._logging(words, f"   # exit {done.returncode}") as log:
            log.write((done.stdout + done.stderr).encode())
        lines = done.stdout.strip().splitlines()
        return done.returncode, json.loads(lines[-1]) if lines else {}

    def look(self) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        """What `status` and `history` say, asked in this process; an empty status when it is not installed."""
        world = wiring.world(False, "chaos")
        installation = world.store.installation(self.app)
        history = [entry.as_dict() for entry in world.store.history(self.app)]
        return (describe(world, installation) if installation else {}), history

    def open_swap(self) -> str:
        """The name of a restore that is neither done nor undone; empty when there is none."""
        world = wiring.world(False, "chaos")
        installation = world.store.installation(self.app)
        return world.site(installation.kind, world.steps()).runtime.open_swap(self.app) if installation else ""

    def settings(self) -> dict[str, str]:
        """What is recorded; none when it is not installed."""
        store = wiring.world(False, "chaos").store
        installation = store.installation(self.app)
        return store.settings(self.app, installation.settings) if installation else {}

    def own_certificate(self) -> Path:
        """The certificate of the customer's own that is recorded: a file."""
        installation = wiring.world(False, "chaos").store.installation(self.app)
        assert installation is not None, "it is installed"
        return self.state_folder / "tls" / f"{installation.route.certificate}.crt"

    def init(self) -> None:
        repository(self.repo, self.keys).init()

    def secure(self) -> None:
        """From now on there is a CA, and a port for HTTPS: before the first install."""
        self.https = Https(self, self._open.enter_context(self._ca_address()), (self.host, OTHER_NAME))

    def publish(
        self,
        version: str,
        behaviour: str = "good",
        *,
        strategy: str = "overlap",
        app: str = "app",
        env: str = "",
        extra: str = "",
    ) -> None:
        """`app`: a folder of demo/ or chaos/; `env` and `extra`: more lines of the vendor's file, below `env` and at
        its end."""
        source = self.folder / "source"
        shutil.rmtree(source, ignore_errors=True)
        made = self._made(source, app, version, behaviour)
        file = source / "discode.yml"
        # Nobody has to wait long for what will never come.
        pace = {**self._pace, **PACES.get(behaviour, {})}
        text = self.file.format(app=self.app, version=version, strategy=strategy, env=env, **pace, **made)
        file.write_text(text + extra)
        where = repository(self.repo, self.keys)
        publish(where, registry(), file, version=version, channels=["stable"], notes="", now="2026-01-01T00:00:00Z")

    def named(self, app: str, host: str) -> Place:
        """The same machine, as whoever asks for another app sees it."""
        other = copy.copy(self)
        other.app, other.host = app, host
        return other

    def left_of_app(self) -> list[str]:
        """Of an app that is not installed and whose data was deleted, or never came: what there is all the same."""
        # A file that a kill left half written goes with the next write into its folder.
        kept = [path for path in self.state_folder.glob("*") if path.name not in KEPT and path.suffix != ".tmp"]
        found = [*kept, *(self.home / "archives").glob(f"{self.app}/*"), *self.staged()]
        return sorted(str(path.relative_to(self.home)) for path in found)

    def staged(self) -> list[Path]:
        """What a restore or an import has laid out to work with."""
        imported = (self.home / "imports").glob(f"{self.app}.*")
        return [path for path in (self.state_folder / "work", *imported) if path.exists()]

    def lose_home(self) -> None:
        """Nothing runs any more, and nothing of Discode's is left but what was there before it."""
        self.run("proxy", "stop")
        Processes(self.home).reboot()
        for path in self.home.iterdir():
            if path.is_dir():
                shutil.rmtree(path)

    def close(self) -> None:
        self._leave()
        self.run("proxy", "stop")
        Processes(self.home).reboot()  # what a violation left running
        self._give_up_the_disk()

    def _made(self, source: Path, app: str, version: str, behaviour: str) -> dict[str, str]:
        """Make the release's content; the answer is what the vendor's file has to say of it."""
        shutil.copytree(folder_of(app), source / "app", ignore=shutil.ignore_patterns("__pycache__"))
        (source / "app" / "VERSION").write_text(version)
        (source / "app" / "BEHAVIOUR").write_text(behaviour)
        return {}

    def _ca_address(self) -> AbstractContextManager[str]:
        """Where the proxy reaches a CA that runs on this machine."""
        return nullcontext("")

    def _leave(self) -> None:
        self.run("uninstall", self.app, "--purge", "--yes")
        if self.https is not None:
            self.https.close()
        self._open.close()

    def _give_up_the_disk(self) -> None:
        subprocess.run(["umount", "--lazy", str(self.home)], check=False, capture_output=True)
        self.home.rmdir()

    def _logging(self, words: tuple[str, ...], comment: str = "") -> Any:
        log = self.log.open("ab", buffering=0)
        log.write(f"{time.strftime('%H:%M:%S')} $ discode {' '.join(words)}{comment}\n".encode())
        return log
