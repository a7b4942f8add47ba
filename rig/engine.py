"""A Docker engine of one's own: in a folder, on a socket there, without a trace in the machine's firewall."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rig.ports import own_number
from rig.wait import wait_for

START, END = 120.0, 60.0
# For Go programs that live no longer than a test run. Saves a twentieth of the CPU of tests that use Docker.
SELDOM_COLLECTING = {"GOGC": "400"}


def _pool() -> str:
    """Docker takes the first of these subnets that no interface of the machine has. Two engines that look at the same
    moment would take the same one, and requests for the one's containers would reach the other's: so each process has
    subnets of its own."""
    second, third = divmod(own_number(), 2)
    return f"base=10.{192 + second}.{128 * third}.0/17,size=24"


class DockerEngine:
    """Its states: new, running, stopped (and started again), closed: nothing of it is left then."""

    def __init__(self, *options: str) -> None:
        """`options`: of dockerd, beside those that keep it apart from any other."""
        self._options = options
        # A Unix socket's path has room for some 100 characters.
        self.folder = Path(tempfile.mkdtemp(prefix="discode-docker-"))
        self.socket = self.folder / "docker.sock"
        self.host = f"unix://{self.socket}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    def start(self) -> DockerEngine:
        self._sweep()
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "dockerd", "--host", self.host, "--data-root", str(self.folder / "data"),
                    "--exec-root", str(self.folder / "exec"), "--pidfile", str(self.folder / "pid"),
                    "--bridge", "none", "--iptables=false", "--ip-masq=false", "--default-address-pool", _pool(),
                    "--shutdown-timeout", "5", "--max-download-attempts", "2", *self._options,
                ],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                env=os.environ | SELDOM_COLLECTING,
            )  # fmt: skip
        wait_for(self.answers, START, "dockerd's answer", unless=self._ended)
        return self

    def answers(self) -> bool:
        import docker

        try:
            client = docker.APIClient(self.host, version="1.40", timeout=20)
            return bool(client.ping())
        except Exception:  # noqa: BLE001 - whatever it is, it does not answer
            return False

    def api(self) -> Any:
        import docker

        return docker.APIClient(self.host, version="1.40", timeout=300)

    @contextmanager
    def bridge(self, name: str) -> Iterator[str]:
        """Where containers reach this machine, as long as that network is there: an address."""
        api = self.api()
        network = api.create_network(name, driver="bridge")["Id"]
        try:
            [pool] = api.inspect_network(network)["IPAM"]["Config"]
            yield str(pool["Gateway"])
        finally:
            api.remove_network(network)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Containers end with it; those that are to be restarted come back with the next `start`."""
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(END)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None
        self._end_containerd()

    def lose(self) -> None:
        """As when its machine is lost, and there is another one: all that it had is gone, and it has started anew."""
        self.stop(signal.SIGKILL)
        self._sweep()
        shutil.rmtree(self.folder / "data")
        self.start()

    def close(self) -> None:
        """Remove all containers and networks, end it, delete its folder."""
        try:
            if self._process is not None and self._process.poll() is None:
                empty(self.api())
        finally:
            self.stop()
            self._sweep()
            shutil.rmtree(self.folder, ignore_errors=True)

    def _ended(self) -> str:
        assert self._process is not None
        return self.words() if self._process.poll() is not None else ""

    def words(self, lines: int = 15) -> str:
        return "\n".join((self.folder / "log").read_text(errors="replace").splitlines()[-lines:])

    def _end_containerd(self) -> None:
        """After a killed dockerd its containerd, and with it the containers, live on."""
        for path in (self.folder / "exec").glob("containerd/containerd.pid"):
            _end(int(path.read_text() or 0), str(self.folder))

    def _sweep(self) -> None:
        """What an unclean end leaves: stale sockets and ids, mounts, shims of containers."""
        for pid in _pids_of(str(self.folder)):
            _end(pid, str(self.folder))
        for name in ("pid", "docker.sock", "exec/containerd/containerd.sock", "exec/containerd/containerd.pid"):
            (self.folder / name).unlink(missing_ok=True)
        for line in reversed(Path("/proc/self/mounts").read_text().splitlines()):
            place = line.split()[1]
            if place.startswith(f"{self.folder}/"):
                subprocess.run(["umount", "--lazy", place], check=False, capture_output=True)


def empty(api: Any) -> None:
    """Remove every container, volume and network; images stay."""
    for one in api.containers(all=True):
        api.remove_container(one["Id"], force=True, v=True)
    for one in api.volumes()["Volumes"] or []:
        api.remove_volume(one["Name"])
    for one in own_networks(api):
        api.remove_network(one["Id"])


def own_networks(api: Any) -> list[dict[str, Any]]:
    """Those that Docker does not have by itself."""
    return [one for one in api.networks() if one["Name"] not in ("bridge", "host", "none")]


def _pids_of(folder: str) -> list[int]:
    """Processes that have the folder in their command: containerd and its shims, whose children are containers."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else []
        except OSError:
            continue
        if words and b"containerd" in words[0] and any(folder.encode() in word for word in words):
            found.append(int(entry.name))
    return found


def _end(pid: int, folder: str) -> None:
    """That process, when it still is one of the folder's, and the containers under it."""
    if pid not in _pids_of(folder):
        return
    try:
        children = [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
        for one in (pid, *children):
            os.kill(one, signal.SIGKILL)
    except (OSError, ProcessLookupError):
        return
    deadline = time.monotonic() + END
    while pid in _pids_of(folder) and time.monotonic() < deadline:
        time.sleep(0.02)
