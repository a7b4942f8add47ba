"""A vendor and a customer's machine in one folder, as seen by somebody who breaks things."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SIZE = "400m"  # of the disk that the customer's home is on
FILE = """\
app: {app}
version: {version}
archive: ./app
command: [python3, server.py]
health: {{path: /up, timeout: 2s, deadline: 3s}}
volumes: {{storage: storage}}
env: {{SECRET_KEY_BASE: {{generate: hex64}}, GREETING: {{ask: "Greeting?", optional: true}}}}
update: {{confirm: 600ms, drain: 5s, stop: 3s}}
"""


class Place:
    app, host = "chaos", "chaos.test"

    def __init__(self, folder: Path):
        # A Unix socket's path has room for some 100 characters: the home is not below a deep folder.
        self.folder, self.home = folder, Path(tempfile.mkdtemp(prefix="discode-chaos-"))
        self.repo, self.keys = folder / "releases", folder / "keys"
        self.port = _free_port()
        self.commands: list[str] = []
        self._environment = {**os.environ, "DISCODE_HOME": str(self.home)}
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(self.home)], check=True)

    @property
    def state_folder(self) -> Path:
        return self.home / "apps" / self.app

    def start(self, *words: str) -> subprocess.Popen[bytes]:
        self.commands.append(" ".join(words))
        log = (self.folder / "commands.log").open("ab")
        log.write(f"$ discode {' '.join(words)}\n".encode())
        log.flush()
        command = [sys.executable, "-m", "discode", *words, "--json"]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._environment, start_new_session=True
        )

    def run(self, *words: str) -> tuple[int, dict[str, Any]]:
        command = [sys.executable, "-m", "discode", *words, "--json"]
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, env=self._environment, timeout=120
        )  # fmt: skip
        with (self.folder / "commands.log").open("a") as log:
            log.write(f"$ discode {' '.join(words)}   # exit {done.returncode}\n{done.stdout}{done.stderr}")
        lines = done.stdout.strip().splitlines()
        return done.returncode, json.loads(lines[-1]) if lines else {}

    def publish(self, version: str, behaviour: str) -> None:
        source = self.folder / "source"
        app = HERE.parent / "demo" / "app"
        shutil.copytree(app, source / "app", dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (source / "app" / "VERSION").write_text(version)
        (source / "app" / "BEHAVIOUR").write_text(behaviour)
        (source / "discode.yml").write_text(FILE.format(app=self.app, version=version))
        where = ("--repo", str(self.repo), "--keys", str(self.keys))
        code, told = self.run("release", "publish", "--file", str(source / "discode.yml"), *where)
        assert code == 0, told

    def install_words(self) -> tuple[str, ...]:
        return (
            "install", self.app, "--from", str(self.repo), "--host", self.host, "--http-port", str(self.port),
        )  # fmt: skip

    def version(self) -> str:
        """What answers through the proxy, or the status."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=15)
        try:
            connection.request("GET", "/version", headers={"Host": self.host})
            answer = connection.getresponse()
            text = answer.read().decode()
            return text if answer.status == 200 else f"status {answer.status}"
        except (OSError, http.client.HTTPException) as error:
            return type(error).__name__
        finally:
            connection.close()

    def instances(self) -> list[str]:
        folder = self.home / "instances"
        return sorted(path.name for path in folder.iterdir() if path.name[0] != ".") if folder.is_dir() else []

    def journals(self) -> list[str]:
        return [str(path) for path in self.home.glob("apps/*/journal.json")]

    def controller(self) -> int:
        try:
            return int((self.home / "edge" / "controller.pid").read_text())
        except (OSError, ValueError):
            return 0

    def haproxy_master(self) -> int:
        marker = str(self.home / "edge" / "haproxy.cfg").encode()
        found = [pid for pid, words in _processes() if marker in words]
        masters = [pid for pid in found if _parent(pid) not in found]
        return masters[0] if masters else 0

    def haproxy_workers(self) -> list[int]:
        marker, master = str(self.home / "edge" / "haproxy.cfg").encode(), self.haproxy_master()
        return [pid for pid, words in _processes() if marker in words and pid != master]

    def supervisors(self) -> list[int]:
        marker = f"{self.home}/instances/".encode()
        return [pid for pid, words in _processes() if any(word.startswith(marker) for word in words)]

    def programs(self) -> list[int]:
        """The app's own processes."""
        return [pid for pid, _ in _processes() if _cwd(pid).startswith(f"{self.home}/instances/")]

    def close(self) -> None:
        self.run("uninstall", self.app, "--purge")
        self.run("proxy", "stop")
        subprocess.run(["umount", "--lazy", str(self.home)], check=False, capture_output=True)
        self.home.rmdir()


def _processes() -> list[tuple[int, list[bytes]]]:
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit():
                found.append((int(entry.name), (entry / "cmdline").read_bytes().split(b"\0")))
        except OSError:
            continue
    return found


def _cwd(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/cwd").readlink())
    except OSError:
        return ""


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, ValueError, IndexError):
        return 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
