"""Commands of this project, run as tests run them: many, each a process of its own. See launcher.py for how."""

from __future__ import annotations

import atexit
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from rig import launcher


class Command:
    """One that runs; as `subprocess.Popen`, with text. What nobody reads fills a pipe, and the command then waits."""

    def __init__(self, module: str, words: list[str], environment: Mapping[str, str], given: str = ""):
        self.words = [module, *words]
        self.returncode: int | None = None
        read_out, write_out = os.pipe()
        read_err, write_err = os.pipe()
        self.stdout, self.stderr = open(read_out), open(read_err)  # noqa: SIM115, PTH123
        with tempfile.TemporaryFile() as stdin:
            stdin.write(given.encode())
            stdin.seek(0)
            self._launcher = _ask(module, words, environment, [stdin.fileno(), write_out, write_err])
        os.close(write_out)
        os.close(write_err)
        self.pid = int(self._launcher.recv(64))

    def poll(self) -> int | None:
        return self._ended(0.0)

    def wait(self, timeout: float | None = None) -> int:
        code = self._ended(timeout)
        if code is None:
            raise subprocess.TimeoutExpired(self.words, timeout or 0.0)
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        found: dict[io.TextIOBase, str] = {}

        def read(stream: io.TextIOBase) -> None:
            with stream:
                found[stream] = stream.read()

        threads = [threading.Thread(target=read, args=(stream,), daemon=True) for stream in (self.stdout, self.stderr)]
        for thread in threads:
            thread.start()
        self.wait(timeout)
        for thread in threads:
            thread.join(timeout)
        return found[self.stdout], found[self.stderr]

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def _ended(self, timeout: float | None) -> int | None:
        if self.returncode is None:
            self._launcher.settimeout(timeout)
            try:
                self.returncode = int(self._launcher.recv(64))
            except (TimeoutError, BlockingIOError):
                return None
            self._launcher.close()
        return self.returncode


def run(
    module: str, words: list[str], environment: Mapping[str, str], given: str = "", timeout: float = 300
) -> subprocess.CompletedProcess[str]:
    """To its end; `given` is on its standard input."""
    command = Command(module, words, environment, given)
    try:
        out, err = command.communicate(timeout)
    except subprocess.TimeoutExpired:
        command.kill()
        raise
    return subprocess.CompletedProcess(command.words, command.wait(), out, err)


def _ask(module: str, words: list[str], environment: Mapping[str, str], streams: list[int]) -> socket.socket:
    request = {"module": module, "words": words, "environment": dict(environment), "folder": str(Path.cwd())}
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 2 * launcher.LARGEST)
    connection.connect(_launcher())
    socket.send_fds(connection, [json.dumps(request).encode()], streams)
    return connection


@cache
def _launcher() -> str:
    """The socket of this process's launcher, which ends with it."""
    folder = tempfile.mkdtemp(prefix="discode-rig-")
    path = f"{folder}/launcher"
    process = subprocess.Popen(
        [sys.executable, "-m", "rig.launcher", path],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}, start_new_session=True,
    )  # fmt: skip

    def end() -> None:
        assert process.stdin is not None
        process.stdin.close()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)

    atexit.register(end)
    assert process.stdout is not None
    process.stdout.readline()
    return path
