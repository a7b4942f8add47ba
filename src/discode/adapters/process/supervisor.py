"""The supervisor of one instance: `python -m discode.adapters.process.supervisor FOLDER`.

It outlives the command that started it. Its states: supervising (every process of the instance is started, and
started again with a growing pause when it ends), stopping (on SIGTERM, or when `stop` appears: SIGTERM to the
groups, their grace, SIGKILL), gone. When it is killed itself the app goes on; the next supervisor adopts it.

There is one for each instance, so its memory counts: it imports little of the standard library and nothing else. Even
`typing` and `dataclasses` would cost it a third more.
"""

from __future__ import annotations

import os
import select
import signal
import sys
import time
from pathlib import Path

from ...disk.lock import take
from ...disk.whole import read_object
from .layout import MARKER, WEB, InstanceFolder, write_json
from .proc import end_all, identity, is_alive, orphans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FIRST_PAUSE, LONGEST_PAUSE = 0.5, 60.0  # seconds between an end and the next start
SETTLED = 60.0  # seconds of running after which the pause starts small again
LOG_SIZE, LOG_FILES = 10 * 1024 * 1024, 5
LOOK = 1.0  # seconds between two looks at the log's size


class Program:
    """One process of the instance: the app itself (`web`) or a worker."""

    def __init__(self, folder: InstanceFolder, role: str, command: list[str], known: dict[str, Any]):
        self.folder, self.role, self.command = folder, role, command
        self.pid, self.identity = int(known.get("pid", 0)), known.get("identity")
        self.ends, self.code = int(known.get("ends", 0)), known.get("code")
        self.pause, self.started, self.due = FIRST_PAUSE, time.monotonic(), 0.0
        self.watch: int | None = None
        self.log, self.marked = folder.log_of(role), -1
        if is_alive(self.pid, self.identity):
            self.watch = os.pidfd_open(self.pid)
        else:
            self.pid = 0

    def start(self, env: dict[str, str]) -> None:
        """Start it in a group of its own. A command that cannot be run counts as an end with 127."""
        self.log.parent.mkdir(exist_ok=True)
        log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        nothing = os.open(os.devnull, os.O_RDONLY)
        pid = os.fork()
        if pid == 0:
            _become(self.command, env, self.folder, nothing, log)
        os.close(log)
        os.close(nothing)
        self.pid, self.identity, self.started = pid, identity(pid), time.monotonic()
        self.watch = os.pidfd_open(pid)

    def ended(self) -> None:
        """Take note of the end, and of when to start again."""
        if self.watch is not None:
            os.close(self.watch)
        self.watch, self.code = None, _exit_code(self.pid)
        self.pid, self.ends = 0, self.ends + 1
        if time.monotonic() - self.started > SETTLED:
            self.pause = FIRST_PAUSE
        self.due, self.pause = time.monotonic() + self.pause, min(self.pause * 2, LONGEST_PAUSE)

    def told(self) -> dict[str, Any]:
        return {"pid": self.pid, "identity": self.identity, "ends": self.ends, "code": self.code}


class Supervisor:
    def __init__(self, folder: InstanceFolder, lock: int):
        self.folder, self.lock = folder, os.fstat(lock)
        spec, env, known = (
            read_object(folder.spec),
            read_object(folder.env),
            read_object(folder.state).get("programs", {}),
        )
        self.env = {**{str(key): str(value) for key, value in env.items()}, MARKER: str(folder.path)}
        self.ports = {str(role): str(port) for role, port in spec.get("doors", {}).items()}
        commands = {WEB: spec["command"], **spec["processes"]}
        self.programs = [Program(folder, role, command, known.get(role, {})) for role, command in commands.items()]
        self.stopping = False
        self.wake, self.waker = os.pipe()
        os.set_blocking(self.waker, False)

    def run(self) -> None:
        signal.signal(signal.SIGTERM, self._told_to_stop)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self.waker, warn_on_full_buffer=False)
        self._end_strangers()
        while not (self.stopping or self.folder.stop.exists()):
            if not self._is_ours():
                return
            self._start_due()
            self._wait()
            for program in self.programs:
                _look_at_log(program)
        self._stop()

    def _told_to_stop(self, *_: object) -> None:
        self.stopping = True

    def _end_strangers(self) -> None:
        """Processes of this instance that its state does not know: a supervisor died between a start and its note."""
        ours = {program.pid for program in self.programs if program.pid}
        for pid in set(orphans(self.folder.path)) - ours:
            if os.getpgid(pid) not in ours:
                _kill(pid)

    def _start_due(self) -> None:
        changed = False
        for program in self.programs:
            if program.watch is None and time.monotonic() >= program.due:
                port = self.ports.get(program.role)
                program.start({**self.env, "PORT": port} if port else self.env)
                changed = True
        if changed:
            self._tell()

    def _wait(self) -> None:
        """Until a process ends, a signal comes, one is due, or it is time to look at the log."""
        watches = {program.watch: program for program in self.programs if program.watch is not None}
        due = [program.due for program in self.programs if program.watch is None]
        timeout = max(min([time.monotonic() + LOOK, *due]) - time.monotonic(), 0.0)
        ready = select.select([*watches, self.wake], [], [], timeout)[0]
        if self.wake in ready:
            os.read(self.wake, 512)
        ended = [watches[watch] for watch in ready if watch in watches]
        for program in ended:
            program.ended()
        if ended:
            self._tell()

    def _stop(self) -> None:
        grace = float(read_object(self.folder.stop).get("grace", 10.0))
        end_all(self.folder.path, {program.pid for program in self.programs if program.pid}, grace)
        for program in self.programs:
            if program.pid:
                program.ended()
        self._tell()

    def _is_ours(self) -> bool:
        """A folder that was deleted may be made anew under the same name, with a supervisor of its own."""
        try:
            return os.path.samestat(self.folder.lock.stat(), self.lock)
        except OSError:
            return False

    def _tell(self) -> None:
        if self._is_ours():
            write_json(self.folder.state, {"programs": {program.role: program.told() for program in self.programs}})


def _look_at_log(program: Program) -> None:
    """Note how long it is when that has changed, and rotate it when it is long."""
    log = program.log
    try:
        size = log.stat().st_size
        if size != program.marked:
            with log.with_name("marks").open("a") as marks:
                marks.write(f"{time.time():.0f} {size}\n")
            program.marked = size
    except OSError:
        return
    if size >= LOG_SIZE:
        _rotate(log)
        program.marked = -1


def _rotate(log: Path) -> None:
    """Copy and cut: the app has the file open and need not know. What it writes meanwhile may be lost."""
    for number in range(LOG_FILES - 1, 1, -1):
        for kind in ("old", "marks"):
            older = log.with_name(f"{kind}.{number - 1}")
            if older.exists():
                older.replace(log.with_name(f"{kind}.{number}"))
    with log.open("rb") as source, log.with_name("old.1").open("wb") as copy:
        while piece := source.read(1 << 20):
            copy.write(piece)
    log.with_name("marks").replace(log.with_name("marks.1"))
    os.truncate(log, 0)


def _become(command: list[str], env: dict[str, str], folder: InstanceFolder, stdin: int, log: int) -> None:
    """In the child: never returns."""
    try:
        os.setsid()
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        os.dup2(stdin, 0)
        os.dup2(log, 1)
        os.dup2(log, 2)
        os.closerange(3, 256)
        os.chdir(folder.work)
        os.execvpe(command[0], command, env)
    except OSError as error:
        os.write(2, f"{command[0]}: {error.strerror}\n".encode())
    os._exit(127)


def _exit_code(pid: int) -> int | None:
    """Negative for a signal, None for a process that was adopted: only its parent may know."""
    try:
        _, status = os.waitpid(pid, 0)
    except ChildProcessError:
        return None
    return os.waitstatus_to_exitcode(status)


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def main() -> int:
    folder = InstanceFolder(Path(sys.argv[1]))
    try:
        lock = take(folder.lock, makes_folder=False)
    except FileNotFoundError:
        return 0  # whoever started us was killed, and the instance was removed since
    if lock is None:
        return 0  # there is one already, or somebody looks whether there is: whoever starts us finds out
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    Supervisor(folder, lock).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
