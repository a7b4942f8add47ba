"""Starts commands from a Python that has imported them already: `python -m rig.launcher SOCKET`.

Each command is a process of its own, forked for it, with its own environment, folder, streams, signals and exit code:
all that `python -m MODULE` is, without the two thirds of its time that go into starting Python and importing. Only its
/proc/PID/cmdline and environ are the launcher's. See command.py, which asks it. It ends with whoever started it, when
its standard input is closed.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import traceback
from collections.abc import Mapping
from typing import Any, NoReturn

MAINS = {"discode": "discode.cli.main", "discode.edge": "discode.edge.__main__"}
STREAMS = 3
LARGEST = 1 << 20  # bytes of a request: words and an environment
# A command that was typed has these, whatever the launcher got from its own parent; Python ignores SIGPIPE by itself.
SIGNALS: dict[signal.Signals, Any] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
    signal.SIGHUP: signal.SIG_DFL,
    signal.SIGCHLD: signal.SIG_DFL,
    signal.SIGPIPE: signal.SIG_IGN,
}


class Launcher:
    def __init__(self, path: str):
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind(path)
        self._listener.listen(64)
        self._waiting: dict[int, socket.socket] = {}  # who wants to know how a process ended
        self._woken, waker = os.pipe()
        for end in (self._woken, waker):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(waker)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Until standard input ends."""
        while True:
            ready, _, _ = select.select([0, self._listener.fileno(), self._woken], [], [])
            if 0 in ready:
                return
            if self._woken in ready:
                os.read(self._woken, 4096)
                self._tell_ends()
            if self._listener.fileno() in ready:
                self._start()

    def _start(self) -> None:
        connection, _ = self._listener.accept()
        data, streams, _, _ = socket.recv_fds(connection, LARGEST, STREAMS)
        wanted = json.loads(data)
        _import_once(wanted["module"], wanted["words"])
        pid = os.fork()
        if pid == 0:
            for other in (self._listener, connection, *self._waiting.values()):
                other.close()
            _become(wanted, streams)
        for stream in streams:
            os.close(stream)
        self._waiting[pid] = connection
        connection.send(str(pid).encode())

    def _tell_ends(self) -> None:
        while self._waiting:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._waiting.pop(pid) as connection:
                try:
                    connection.send(str(os.waitstatus_to_exitcode(status)).encode())
                except BrokenPipeError:
                    pass  # nobody waits for it any more


def _become(wanted: Mapping[str, Any], streams: list[int]) -> NoReturn:
    """The command itself, to its end."""
    signal.set_wakeup_fd(-1)
    for number, handler in SIGNALS.items():
        signal.signal(number, handler)
    for target, stream in enumerate(streams):
        os.dup2(stream, target)
        os.close(stream)
    sys.stdin, sys.stdout, sys.stderr = open(0), open(1, "w"), open(2, "w")  # noqa: SIM115
    sys.stderr.reconfigure(line_buffering=True)
    os.environ.clear()
    os.environ.update(wanted["environment"])
    os.chdir(wanted["folder"])
    sys.argv = [wanted["module"], *wanted["words"]]
    _exit(_run(wanted["module"]))


def _run(module: str) -> int:
    try:
        raise SystemExit(importlib.import_module(MAINS[module]).main())
    except SystemExit as end:
        if isinstance(end.code, int | None):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    except BaseException:  # noqa: BLE001 - as Python itself does
        traceback.print_exc()
        return 1
    return 0


def _exit(code: int) -> NoReturn:
    atexit._run_exitfuncs()
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            code = code or 120  # as Python itself does
    os._exit(code)


def _import_once(module: str, words: list[str]) -> None:
    """What a command will need; the hub's libraries only for whoever uses them."""
    wanted = f"{module}.hub" if words[:1] == ["hub"] else module
    if wanted in _imported:
        return
    _imported.add(wanted)
    package = importlib.import_module(wanted)
    for found in pkgutil.walk_packages(package.__path__, f"{wanted}.", onerror=lambda _: None):
        is_other = found.name.startswith(("discode.hub", "discode.edge", "discode.testing")) and wanted == "discode"
        if not is_other and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    gc.freeze()


_imported: set[str] = set()


def main() -> None:
    launcher = Launcher(sys.argv[1])
    print("ready", flush=True)
    launcher.serve()


if __name__ == "__main__":
    main()
