"""The edge proxy of this machine as a program: absent, starting, answering, ending.

It outlives the command that starts it, in a session of its own. Only a process that holds `start.lock` starts one;
the edge has a lock of its own against those that are started by hand.
"""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from ...core.errors import DiscodeError, ProxyUnreachable, Refused
from ...core.lasting import lasting
from ...disk import whole
from ...disk.folders import make_folder
from ...disk.lock import take
from ..files.disk import writing
from ..port_owner import ContainerName
from . import commands, listing
from .carrier import Answer
from .edge_socket import EdgeSocket
from .obstacles import obstacle, path_obstacle, port_obstacle, search_path

START = 60.0  # seconds from the start to the first answer: Python alone may take ten on a busy machine
END = 60.0  # from SIGTERM to the end
ANSWER = 10.0
UPGRADE = 90.0  # commands and drains under way are waited for
AFTER_EXIT = 1.0  # what another controller that won the race gets to answer
POLL = 0.02
LOG_LINES = 15


class EdgeProcess:
    """`folder` is the edge's state: its socket, its log, its lock. `files`: what the edge reads of the CA and the DNS
    provider in its folder; empty ones are to be absent. `name_of` as in `port_owner`."""

    def __init__(
        self,
        folder: Path,
        http_port: int,
        https_port: int,
        bind: str,
        files: Callable[[], Mapping[str, bytes]] = dict,
        name_of: ContainerName = lambda known: None,
    ):
        self._folder, self._files = folder, files
        self._http_port, self._https_port, self._bind = http_port, https_port, bind
        self._name_of = name_of
        self.socket = EdgeSocket(folder / "edge.sock")
        self._child: subprocess.Popen[bytes] | None = None

    def prepare(self, https: bool = False) -> None:
        """Raises Refused as `ensure` would. The edge listens for HTTPS from the first service on that has it."""
        listed = self._listed()
        if listed is None and self._has_haproxy():
            return  # its controller died, and the next one goes on with it: what takes these ports is the edge's own
        if listed is None:
            ports = (self._http_port, *([self._https_port] if https else []))
            found = path_obstacle(self._folder) or obstacle(self._bind, ports, search_path(), self._name_of)
        else:
            is_there = listing.has_https_open(listed)
            ports = (self._https_port,) if https and not is_there else ()
            found = port_obstacle(self._bind, ports, self._name_of)
        if found is not None:
            raise found

    def ensure(self) -> None:
        """Raises Refused with the key `port-taken`, `port-forbidden`, `haproxy-missing` or `path-too-long`, or
        ProxyUnreachable."""
        self.bring_files()
        if self.running() is not None:
            return
        if (too_long := path_obstacle(self._folder)) is not None:
            raise too_long
        with writing(self._folder):
            make_folder(self._folder)
        with self._starting():
            if self.running() is None:
                self._start()

    def bring_files(self) -> None:
        """The edge that runs looks at them each second, and each that starts."""
        for name, data in self._files().items():
            path = self._folder / name
            if _content(path) != data:
                with writing(path):
                    if data:
                        whole.write_whole(path, data, 0o600, folder_mode=0o700)
                    else:
                        path.unlink(missing_ok=True)

    def ask_about_dns(self, argv: Sequence[str], timeout: float) -> Answer:
        """`dns …`, which needs no edge that runs. Raises ProxyUnreachable when there is no answer in time."""
        program = [sys.executable, "-P", "-m", "discode.edge", "--state-dir", str(self._folder), "dns", *argv]
        try:
            done = subprocess.run(program, capture_output=True, text=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired:
            raise ProxyUnreachable(
                f"The DNS provider was not tried to the end within {timeout:.0f} s.", "Run the command again."
            ) from None
        return Answer(done.returncode, done.stdout, done.stderr)

    def retire(self, purge: bool) -> None:
        """It stays: others may have deployed to it, by its own commands (`discode edge`)."""

    def running(self) -> int | None:
        """The process id of the edge that answers here; None when none does."""
        listed = self._listed()
        return listing.controller_pid(listed) if listed is not None else None

    def _listed(self) -> str | None:
        try:
            return self.socket.run(commands.LIST_JSON, ANSWER).stdout
        except ProxyUnreachable:
            return None

    def _has_haproxy(self) -> bool:
        """Whether the HAProxy of this edge runs, with or without its controller."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as master:
            return master.connect_ex(str(self._folder / "master.sock")) == 0

    def reopen(self) -> None:
        """The edge that runs takes over the ports and addresses of this one: a new controller hands its requests on,
        and none is lost. Raises Refused when it cannot have them, ProxyUnreachable; then it has those from before."""
        before, _ = listing.controller_start(self.socket.run(commands.LIST_JSON, ANSWER).stdout)
        answer = self.socket.run(["upgrade", *self._where()], UPGRADE)
        if answer.code:
            raise self._not_reopened(answer.stderr.strip().removeprefix("Error: "))
        ended: list[str] = []
        if not _wait_for(UPGRADE, lambda: self._has_changed(before, ended)):
            raise self._not_reopened(f"it did not start within {UPGRADE:g} s")
        if ended:
            raise self._not_reopened(ended[0])

    def _has_changed(self, start: str, failures: list[str]) -> bool:
        try:
            now, failure = listing.controller_start(self.socket.run(commands.LIST_JSON, ANSWER).stdout)
        except ProxyUnreachable:
            return False  # cut off in the change
        failures.extend([failure] if failure else [])
        return now != start or bool(failure)

    def _not_reopened(self, why: str) -> Refused:
        return Refused(
            f"The edge proxy cannot run so: {why.rstrip('.')}. It runs as before.",
            "Choose other values, or free the port, then run the command again.",
            key="edge-options",
        )

    def _where(self) -> list[str]:
        return ["--http-port", str(self._http_port), "--https-port", str(self._https_port), "--bind", self._bind]

    def shutdown(self) -> None:
        """Ask it to end, and wait for that. No edge: nothing. Raises ProxyUnreachable when it does not end."""
        pid = self.running()
        if pid is None:
            return
        try:
            process = os.pidfd_open(pid)
        except ProcessLookupError:
            return
        try:
            self._end(process)
        finally:
            os.close(process)
            self._reap()

    def _end(self, process: int) -> None:
        """`process` is a descriptor, not an id: an id could belong to somebody else by now."""
        try:
            signal.pidfd_send_signal(process, signal.SIGTERM)
        except ProcessLookupError:
            return
        except PermissionError as error:
            raise Refused(
                "The edge proxy belongs to another user. It is still running.", "Run the command as that user."
            ) from error
        if not select.select([process], [], [], END)[0]:
            raise ProxyUnreachable(
                f"The edge proxy did not stop within {END:g} s. It may still be running.", f"See {self._log}."
            )

    def _start(self) -> None:
        begin = self._log.stat().st_size if self._log.exists() else 0
        self._child = self._spawn()
        if _wait_for(START, lambda: self.running() is not None or self._has_ended()) and self._has_ended():
            # Another controller may have been first; then it answers soon.
            _wait_for(AFTER_EXIT, lambda: self.running() is not None)
        if self.running() is None:
            self._give_up()
            raise self._failure(self._tail(begin))

    def _spawn(self) -> subprocess.Popen[bytes]:
        program = [sys.executable, "-P", "-m", "discode.edge", "run"]
        with writing(self._log):
            log = self._log.open("ab")
        with log:
            return subprocess.Popen(
                [*program, *self._where(), "--state-dir", str(self._folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=lasting(os.environ),
                start_new_session=True,
            )

    def _give_up(self) -> None:
        """What does not answer must not be left behind half started."""
        if self._child is not None and self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(END)
            except subprocess.TimeoutExpired:
                self._child.kill()
                self._child.wait()

    def _failure(self, lines: tuple[str, ...]) -> DiscodeError:
        found = obstacle(self._bind, (self._http_port, self._https_port), search_path(), self._name_of)
        if found is not None:
            found.log = lines
            return found
        return ProxyUnreachable(
            f"The edge proxy did not start: {lines[-1] if lines else f'no answer within {START:g} s'}.",
            f"For details, see its log: {self._log}",
            log=lines,
        )

    def _tail(self, begin: int) -> tuple[str, ...]:
        with self._log.open("rb") as log:
            log.seek(begin)
            return tuple(log.read().decode(errors="replace").splitlines()[-LOG_LINES:])

    def _has_ended(self) -> bool:
        return self._child is not None and self._child.poll() is not None

    def _reap(self) -> None:
        if self._child is not None:
            self._child.poll()

    @property
    def _log(self) -> Path:
        return self._folder / "edge.log"

    @contextmanager
    def _starting(self) -> Iterator[None]:
        """Excludes other starters; the kernel lets go of it when this process dies."""
        path, deadline = self._folder / "start.lock", time.monotonic() + START + AFTER_EXIT
        with writing(path):
            while (lock := take(path)) is None and time.monotonic() < deadline:
                time.sleep(POLL)
        try:
            yield
        finally:
            if lock is not None:
                os.close(lock)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _wait_for(seconds: float, condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(POLL)
    return True
