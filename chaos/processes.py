"""What runs on the customer's machine when apps are processes, found by looking at the processes themselves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
from pathlib import Path


class Processes:
    """A `Machine` whose apps are processes. `home` is Discode's. `app`: the others' instances are not seen."""

    def __init__(self, home: Path, app: str = ""):
        self._home, self._app = home, app

    def instances(self) -> list[str]:
        folder = self._home / "instances"
        return sorted(path.name for path in folder.iterdir() if self._is_ours(path.name)) if folder.is_dir() else []

    def running(self) -> list[str]:
        """The instances of which a process of the app itself runs."""
        names = [Path(where).relative_to(self._home / "instances").parts[0] for _, where in self._programs()]
        return sorted(set(filter(self._is_ours, names)))  # it may have several processes

    def environment(self, instance: str) -> dict[str, str]:
        """What the app of an instance finds in its environment."""
        found = json.loads((self._home / "instances" / instance / "env").read_text())
        return {str(name): str(value) for name, value in found.items()}

    def programs(self, instance: str) -> list[int]:
        inside = f"{self._home}/instances/{instance}/"
        return [pid for pid, where in self._programs() if f"{where}/".startswith(inside)]

    def supervisors(self, instance: str) -> list[int]:
        marker = f"{self._home}/instances/{instance}".encode()
        return [pid for pid, words in _processes() if marker in words]

    def controller(self) -> int:
        try:
            pid = int((self._home / "edge" / "controller.pid").read_text())
        except (OSError, ValueError):
            return 0
        return pid if b"discode.edge" in _words(pid) else 0

    def haproxy_master(self) -> int:
        found = self._haproxy()
        masters = [pid for pid in found if _parent(pid) not in found]
        return masters[0] if masters else 0

    def haproxy_workers(self) -> list[int]:
        master = self.haproxy_master()
        return [pid for pid in self._haproxy() if pid != master]

    def volume(self) -> Path:
        return self._home / "apps" / self._app / "volumes" / "storage"

    def reboot(self) -> None:
        victims = [self.controller(), self.haproxy_master(), *self.haproxy_workers()]
        for instance in self.instances():
            victims += [*self.supervisors(instance), *self.programs(instance)]
        for pid in filter(None, victims):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def table(self) -> str:
        """Every process of this machine's Discode, for whoever reads about a failure."""
        home = str(self._home).encode()
        mine = [(pid, words) for pid, words in _processes() if any(home in word for word in words)]
        inside = {pid for pid, _ in self._programs()}
        mine += [(pid, _words(pid)) for pid in inside]
        return "".join(
            f"{pid} (parent {_parent(pid)}) {b' '.join(words).decode(errors='replace')}\n" for pid, words in mine
        )

    def _is_ours(self, instance: str) -> bool:
        return instance[0] != "." and (not self._app or instance.startswith(f"{self._app}-"))

    def _haproxy(self) -> list[int]:
        marker = str(self._home / "edge" / "haproxy.cfg").encode()
        return [pid for pid, words in _processes() if marker in words]

    def _programs(self) -> list[tuple[int, str]]:
        inside = f"{self._home}/instances/"
        return [(pid, where) for pid, _ in _processes() if (where := _cwd(pid)).startswith(inside)]


def _processes() -> list[tuple[int, list[bytes]]]:
    return [(int(entry.name), _words(int(entry.name))) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _words(pid: int) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


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
