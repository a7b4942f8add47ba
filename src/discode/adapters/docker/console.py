"""A program that a person runs in a container: in one that is there (exec), or in one of its own that goes with it.

The engine's API has no way to send a signal to what an exec has started. So such a program carries a mark in its
environment, and is found by it: by its process id where the engine is on this machine, else from inside the container,
by a shell there.
"""

from __future__ import annotations

import os
import secrets
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from ...core.errors import CannotRun, DiscodeError, NoSuchCommand, Refused, RuntimeUnreachable
from ...ports.console import Console
from ..console.pump import Pump
from ..console.signals import Signals
from .engine import Engine
from .stream import Hijacked

MARK = "DISCODE_CONSOLE"
# Docker's own way out, ctrl-p ctrl-q, would keep each Ctrl-P from a shell's history until the next key.
NOBODY_TYPES = "ctrl-@,ctrl-_,ctrl-@,ctrl-^,ctrl-@,ctrl-_"
KILLED = 128 + signal.SIGKILL
NOTED = 10.0  # seconds within which the engine has noted an end whose stream has ended
TRIES, PAUSE = 20, 0.02  # a program that was started just now may have no process id and no terminal yet
# $1 is the mark, $2 the signal. A session's leader is the program that was asked for; its group gets the signal, as
# from a terminal. Fields of stat: proc(5).
_SEND = r"""
for process in /proc/[0-9]*; do
  grep -qsF "$1" "$process/environ" && read -r line < "$process/stat" || continue
  set -- "$1" "$2" ${line##*) }
  [ "$6" = "${process#/proc/}" ] && kill -s "$2" -- "-$6"
done
exit 0
"""


class Executed:
    """What an exec has started, for the pump."""

    def __init__(self, engine: Engine, container: str, job: str, mark: str):
        self._engine, self._container, self._job, self._mark = engine, container, job, mark

    def resize(self, rows: int, columns: int) -> None:
        _resize(lambda: self._engine.api.exec_resize(self._job, rows, columns))

    def signal(self, number: int) -> None:
        with suppress(Exception):  # it has ended, or the engine is away: then nothing can be done about it
            if not self._send_here(number):
                name = signal.Signals(number).name.removeprefix("SIG")
                words = ["sh", "-c", _SEND, "discode", f"{MARK}={self._mark}", name]
                # Not to its end, which the engine may note only when this program's output is read (see `command`),
                # and while this waits nobody reads it.
                self._engine.api.exec_start(self._engine.api.exec_create(self._container, words)["Id"], detach=True)

    def _send_here(self, number: int) -> bool:
        """The engine tells a process id of its machine, which need not be this one."""
        if not self._engine.reaches_containers:
            return False
        for _ in range(TRIES):
            try:
                pid = int(self._engine.api.exec_inspect(self._job)["Pid"])
                if pid and self._is_marked(pid):
                    os.killpg(pid, number)
                    return True
            except OSError:
                return False
            time.sleep(PAUSE)
        return False

    def _is_marked(self, pid: int) -> bool:
        """A program that is started just now is still the engine's own, without the mark."""
        return f"{MARK}={self._mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")

    def has_ended(self) -> bool:
        return self.code() is not None

    def code(self) -> int | None:
        """None while it runs, and while the engine does not answer."""
        import docker.errors

        try:
            told = self._engine.api.exec_inspect(self._job)
        except docker.errors.NotFound:
            return KILLED  # its container was removed
        except (docker.errors.DockerException, OSError):
            return None
        return None if told["Running"] or told["ExitCode"] is None else int(told["ExitCode"])


class Started:
    """A container of its own, for the pump."""

    def __init__(self, engine: Engine, container: str):
        self._engine, self._container = engine, container

    def resize(self, rows: int, columns: int) -> None:
        _resize(lambda: self._engine.api.resize(self._container, rows, columns))

    def signal(self, number: int) -> None:
        with suppress(Exception):
            self._engine.api.kill(self._container, int(number))

    def has_ended(self) -> bool:
        return self.code() is not None

    def code(self) -> int | None:
        import docker.errors

        try:
            state = self._engine.api.inspect_container(self._container)["State"]
        except docker.errors.NotFound:
            return KILLED
        except (docker.errors.DockerException, OSError):
            return None
        return None if state["Running"] else int(state["ExitCode"])


def execute(engine: Engine, container: str, command: Sequence[str], console: Console) -> int:
    """Its exit code, or 128 and the number of the signal that ended it. Raises Refused when the container does not run,
    NoSuchCommand, CannotRun."""
    mark = secrets.token_hex(8)
    job = _create(engine, container, command, console, mark)
    program = Executed(engine, container, job, mark)
    with _signals(console) as signals:
        given = engine.api.exec_start(job, tty=console.is_terminal, socket=True)
        _pump(console, given, program, signals)
    code = noted(program.code, container)
    must_have_run(engine, container, job, code, command[0])
    return code


def must_have_run(engine: Engine, container: str, job: str, code: int, program: str) -> None:
    """Raises NoSuchCommand or CannotRun for what an exec has not started."""
    if code in (126, 127) and not engine.api.exec_inspect(job)["Pid"]:
        raise _not_run(program, engine, container)


def attach(engine: Engine, container: str, console: Console, start: Callable[[], None]) -> int:
    """Start a container that was created, and stay with it to its end. As `execute`; what `start` raises."""
    program = Started(engine, container)
    wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "detachKeys": NOBODY_TYPES}
    with _signals(console) as signals:
        given = engine.api.attach_socket(container, wanted)
        with closing(given._response):
            start()
            _pump(console, given, program, signals)
    return noted(program.code, container)


def _pump(console: Console, given: Any, program: Executed | Started, signals: Signals) -> None:
    with closing(Hijacked(given, console.is_terminal)) as stream:
        Pump(console, stream, program).run(signals)


def _signals(console: Console) -> Signals:
    return Signals(signal.SIGTSTP) if console.is_terminal else Signals()


def _create(engine: Engine, container: str, command: Sequence[str], console: Console, mark: str) -> str:
    import docker.errors

    try:
        return str(
            engine.api.exec_create(
                container, list(command), stdin=True, tty=console.is_terminal, environment={MARK: mark},
                detach_keys=NOBODY_TYPES,
            )["Id"]
        )  # fmt: skip
    except docker.errors.APIError as error:
        if error.status_code in (404, 409):  # it is gone; it is stopped, paused or about to be started again
            raise not_running(container) from error
        raise


def not_running(instance: str) -> DiscodeError:
    return Refused(f"{instance} does not run now.", "See why: discode status", key="not-running")


def noted(code: Callable[[], int | None], container: str) -> int:
    """A stream ends a moment before the engine has noted the code. Raises RuntimeUnreachable when it notes none."""
    until = time.monotonic() + NOTED
    while (found := code()) is None:
        if time.monotonic() > until:
            raise RuntimeUnreachable(
                f"The connection to the command in {container} has ended, and it is not known how it ended. "
                "The app goes on.",
                "Check that Docker is running (discode doctor), then look in the app whether it has finished.",
            )
        time.sleep(PAUSE)
    return found


def _resize(resize: Callable[[], object]) -> None:
    import docker.errors

    for _ in range(TRIES):
        try:
            resize()
            return
        except docker.errors.APIError:
            time.sleep(PAUSE)
        except (docker.errors.DockerException, OSError):
            return


def _not_run(program: str, engine: Engine, container: str) -> DiscodeError:
    if _is_there(program, engine, container):
        return cannot_run(program)
    return NoSuchCommand(program)


def cannot_run(program: str) -> CannotRun:
    return CannotRun(
        f"{program} is in the app, but it cannot be run.", "It must be executable, and made for this machine."
    )


def _is_there(program: str, engine: Engine, container: str) -> bool:
    """As the engine looks for it: by the PATH of the image."""
    import docker.errors

    told = engine.api.inspect_container(container)["Config"]
    paths = next((one.partition("=")[2] for one in told["Env"] or [] if one.startswith("PATH=")), "")
    folders = [told.get("WorkingDir") or "/"] if "/" in program else paths.split(":")
    for folder in folders:
        try:
            engine.api.get_archive(container, os.path.join(folder, program))  # noqa: PTH118 - a path in there
        except docker.errors.APIError:
            continue
        return True
    return False
