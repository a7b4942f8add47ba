"""HAProxy as a program: a master that outlives the controller, and its workers."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from ...core.lasting import lasting
from ..layout import Layout
from . import accesslog
from .runtime import Runtime
from .version import OLDEST, Version, parse

START = 30.0  # seconds that a start or a reload may take
VERSION = 30.0  # seconds that HAProxy may take to say which one it is

# The texts that a request's variables hold come from the C library's heap, whose upper end glibc would give back to the
# system and ask for again all the time (mallopt(3)); bytes. Others' C libraries know nothing of these names.
MEMORY = {"MALLOC_TOP_PAD_": str(1 << 20), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}
# HAProxy's threads share what memory they have no use for now, instead of giving it back to the C library: with buffers
# as large as the edge's (text/limits.py) that saves a tenth of the instructions of a small request.
POOLS = "-dMglobal"


class HaproxyError(Exception):
    """HAProxy is missing, does not start, or does not accept a command."""


class Haproxy:
    def __init__(self, layout: Layout):
        self.layout = layout
        self.runtime = Runtime(layout)
        self.binary = find_binary()
        self._stamp, self._version = _stamp(self.binary), ask_version(self.binary)
        self._child: subprocess.Popen[bytes] | None = None
        self._adopted = 0

    def version(self) -> Version:
        """The version of the program on disk: the next reload starts that one. Raises HaproxyError."""
        if (stamp := _stamp(self.binary)) != self._stamp:
            self._stamp, self._version = stamp, ask_version(self.binary)
        return self._version

    def check(self, config: Path) -> None:
        """Raises HaproxyError with what HAProxy says about the configuration."""
        done = subprocess.run([self.binary, "-c", "-q", "-f", str(config)], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise HaproxyError(_alerts(done.stderr))

    def start(self, *, take_over: bool = False) -> None:
        """Start a new master, in a session of its own, so that it outlives the controller.

        `take_over`: it gets the listening sockets from the HAProxy that is running instead of opening them.
        """
        log_path = self.layout.haproxy_log
        begin = log_path.stat().st_size if log_path.exists() else 0
        arguments = [POOLS, "-W", "-S", f"{self.layout.master_socket},mode,600", "-f", str(self.layout.config)]
        arguments += ["-x", str(self.layout.listeners_socket)] if take_over else []
        with log_path.open("ab") as log, accesslog.destination(self.layout.access_log) as access:
            self._child = subprocess.Popen(
                [self.binary, *arguments], stdin=subprocess.DEVNULL, stdout=access, stderr=log, start_new_session=True,
                env={**MEMORY, **lasting(os.environ, has_network=False)},
            )  # fmt: skip
        child = self._child
        _wait_for(lambda: child.poll() is not None or self.runtime.current() is not None)
        if self.runtime.current() is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()
            child.wait()
            raise HaproxyError(_alerts(log_path.read_text(errors="replace")[begin:]))

    def retire(self, pid: int) -> None:
        """Tell a master to accept no more connections and to exit with its last one."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)

    def has_ended(self, pid: int) -> bool:
        self.reap()
        return not _is_alive(pid, self._child)

    def reload(self) -> None:
        """Hand the listening sockets over to a new worker with the current configuration."""
        before = self.runtime.current()
        self.check(self.layout.config)
        with self.runtime.conversation:
            with contextlib.suppress(OSError):  # the master starts anew and hangs up
                self.runtime.ask_master("reload")
            if not _wait_for(lambda: self.runtime.current() not in (None, before)):
                raise HaproxyError("the new worker did not come up")

    def end(self, grace: float) -> None:
        """Give requests `grace` seconds to finish, then stop it."""
        pid = self.runtime.master()
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGUSR1)
        if not _wait_for(lambda: not _is_alive(pid, self._child), grace):
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                if _wait_for(lambda: not _is_alive(pid, self._child), 2.0):
                    break

    def reap(self) -> None:
        """Make sure that a master that has exited is no zombie. An adopted one may be a child of the program that this
        process was before an upgrade.
        """
        if self._child is not None:
            self._child.poll()
        elif self._adopted:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(self._adopted, os.WNOHANG)

    def adopt(self) -> None:
        """Remember the master that is already running."""
        self._adopted = self.runtime.master() or 0


def find_binary() -> str:
    """Raises HaproxyError, with what to do about it."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    binary = shutil.which("haproxy", path=path)
    if binary is None:
        raise HaproxyError("HAProxy is not installed. Install it: apt-get install haproxy")
    return binary


def ask_version(binary: str) -> Version:
    """Raises HaproxyError, with what to do about it."""
    try:
        done = subprocess.run([binary, "-v"], capture_output=True, text=True, timeout=VERSION, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HaproxyError(f"{binary} does not start: {error}. {_INSTALL}") from None
    version = parse(done.stdout)
    if version is None:
        raise HaproxyError(f"{binary} is not HAProxy: `{binary} -v` prints no version. {_INSTALL}")
    if not version.is_supported:
        raise HaproxyError(f"HAProxy {version} is too old: the edge needs {OLDEST} or newer. {_INSTALL}")
    return version


def _stamp(binary: str) -> tuple[int, int]:
    """What changes with the file; of one that is gone for a moment (a package is being replaced) zeros."""
    with contextlib.suppress(OSError):
        file = Path(binary).stat()
        return file.st_ino, file.st_mtime_ns
    return 0, 0


_INSTALL = "apt-get install haproxy brings it on Debian 12, Ubuntu 24.04 and newer, haproxy.debian.net on older ones"


def _is_alive(pid: int, child: subprocess.Popen[bytes] | None) -> bool:
    if child is not None and child.pid == pid:
        return child.poll() is None
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def _wait_for(condition: Callable[[], bool], seconds: float = START) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def _alerts(text: str) -> str:
    """The alerts in HAProxy's output, without their prefix."""
    alerts = [line.split(":", 1)[-1].strip() for line in text.splitlines() if "[ALERT]" in line]
    return "; ".join(alerts) or text.strip()[-500:] or "HAProxy exited without a message"
