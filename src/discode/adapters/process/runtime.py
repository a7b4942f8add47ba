"""ProcessRuntime: the runtime port over plain processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...core.errors import NotHere, Refused, RuntimeUnreachable
from ...core.names import InstanceName
from ...core.release import Release
from ...core.room import Disk
from ...disk.folders import free_space
from ...disk.lock import held, is_held
from ...disk.whole import read_object
from ...ports.console import Console
from ...ports.releases import Releases
from ...ports.report import Report
from ...ports.runtime import Completed, Endpoint, InstanceSpec, InstanceState, Phase, Probe, ProcessState
from ..files.disk import disk_refusals
from ..http_probe import probe
from .fetched import Fetched
from .layout import MARKER, WEB, InstanceFolder, write_json
from .listener import is_strangers
from .logs import follow, last_lines
from .once import begun, run_once, sweep, to_its_end
from .ports import Ports, is_free
from .proc import end_all, group_members, is_alive, marked_folders, memory_of
from .swaps import Swaps
from .work import environment, lay_out

HOST = "127.0.0.1"
START = 60.0  # seconds until a supervisor has started its app: on a busy machine Python alone may take ten
POLL = 0.005
TRIES = 100  # to delete a folder


class ProcessRuntime:
    """`home` is Discode's. Every call can be repeated; what a killed command left half done, the next call completes
    or sweeps away."""

    def __init__(self, home: Path):
        self.home = home
        self._instances = home / "instances"
        self._fetched = Fetched(home)
        self._ports = Ports(self._instances)
        self._swaps = Swaps(home)

    def fetch(self, release: Release, releases: Releases, report: Report) -> None:
        self._fetched.fetch(release, releases, report)

    def has(self, release: Release) -> bool:
        return self._fetched.path(release.manifest.app, release.key).is_dir()

    def free_disk(self) -> Disk:
        return Disk(str(self.home), free_space(self.home))

    def start(self, spec: InstanceSpec) -> Endpoint:
        folder = self._folder(spec.name)
        with disk_refusals(folder.path), self._exclusive(folder):
            if not folder.is_ready():
                end_all(folder.path, set(), 0.0)
                self._prepare(folder, spec)
            port, doors = self._told_ports(folder, spec)
            if folder.stop.exists():
                # A new life: what ended before it was stopped says nothing about it, and settings may be new.
                folder.state.unlink(missing_ok=True)
                self._write_spec(folder, spec, port, doors)
                folder.stop.unlink()
            self._supervise(folder)
        return Endpoint(HOST, port)

    def run_once(
        self, spec: InstanceSpec, command: Sequence[str], timeout: float, say: Callable[[str], None]
    ) -> Completed:
        folder = self._folder(spec.name)
        if not folder.is_ready():
            end_all(folder.path, set(), 0.0)  # of a command that was killed at this
        with disk_refusals(self.home):
            release = self._fetched.path(spec.name.app, spec.name.key)
            return run_once(self.home, release, spec, command, timeout, say)

    def exec(self, name: InstanceName, command: Sequence[str], console: Console, process: str = WEB) -> int:
        """All programs of an instance have the same folder and environment."""
        from . import console as consoles  # late, as in `run` and `sweep`: few commands run a program

        folder, env = self._running(name)
        life = folder.spec.stat().st_ino

        def is_over() -> bool:
            """Stopped, removed, or removed and made anew."""
            return folder.stop.exists() or not folder.is_ready() or folder.spec.stat().st_ino != life

        return consoles.attend(command, folder.work, env, console, folder.path, is_over)

    def execute(self, name: InstanceName, command: Sequence[str], timeout: float) -> Completed:
        from . import console as consoles

        folder, env = self._running(name)
        try:
            child = begun(folder.work, {**env, MARKER: str(folder.path)}, command)
        except OSError as error:
            raise consoles.not_run(command[0], error) from error
        return to_its_end(child, timeout, consoles.FAREWELL, lambda line: None)

    def _running(self, name: InstanceName) -> tuple[InstanceFolder, dict[str, str]]:
        """Its folder and its environment. Raises Refused."""
        folder = self._folder(name)
        env = {str(key): str(value) for key, value in read_object(folder.env).items()}
        if not folder.is_ready() or folder.stop.exists():
            raise Refused(f"{name} does not run now.", "See why: discode status", key="not-running")
        return folder, env

    def run(self, spec: InstanceSpec, command: Sequence[str], console: Console) -> int:
        from . import runs

        release = self._fetched.path(spec.name.app, spec.name.key)
        if not release.is_dir():
            raise NotHere(f"{spec.name.app} {spec.release.version} is not on this machine.")
        with disk_refusals(self.home):
            return runs.run(self.home, release, spec, command, console)

    def sweep(self, app: str, *, living: bool = False) -> None:
        from . import runs

        runs.sweep(self.home, app, living=living)

    def inspect(self, name: InstanceName) -> InstanceState | None:
        folder = self._folder(name)
        if not folder.path.is_dir():
            return None
        if folder.is_ready() and not folder.stop.exists() and not is_held(folder.lock):
            with self._exclusive(folder):
                self._supervise(folder)
        return _state(name, folder)

    def probe(
        self, name: InstanceName, path: str, timeout: float, host: str = "localhost", process: str = WEB
    ) -> Probe:
        folder = self._folder(name)
        spec = read_object(folder.spec)
        port = int(spec.get("port", 0) if process == WEB else spec.get("doors", {}).get(process, 0))
        if not port:
            return Probe(False, "no such instance")
        found = probe(HOST, port, path, timeout, host)
        if found.connected and is_strangers(port, folder.path, int(_program(folder, process).get("pid", 0))):
            return Probe(False, f"another program listens on its port {port}", connected=False)
        return found

    def stop(self, name: InstanceName, grace: float) -> None:
        folder = self._folder(name)
        if not folder.path.is_dir():
            return
        with disk_refusals(folder.path), self._exclusive(folder):
            write_json(folder.stop, {"grace": grace})
            self._end(folder, grace)

    def remove(self, name: InstanceName) -> None:
        folder = self._folder(name)
        with self._exclusive(folder):
            if folder.path.is_dir():
                with disk_refusals(folder.path):
                    write_json(folder.stop, {"grace": 0.0})
            self._end(folder, 0.0)
            doors = read_object(folder.spec).get("doors", {})
            _delete(folder.path)
            for one in (folder.name, *(_door(folder, process) for process in doors)):
                self._ports.give_back(one)
        sweep(self.home, folder.name)
        self._lock_path(folder).unlink(missing_ok=True)

    def instances(self, app: str) -> list[InstanceState]:
        names = {path.name for path in self._instances.iterdir()} if self._instances.is_dir() else set()
        names |= {path.name for path in marked_folders() if path.parent == self._instances}
        parsed = [name for text in sorted(names) if (name := InstanceName.parse(text)) and name.app == app]
        states = [self.inspect(name) or _state(name, self._folder(name)) for name in parsed]
        return [replace(state, record=_record(self._folder(state.name))) for state in states]

    def processes(self, name: InstanceName) -> list[ProcessState]:
        folder = self._folder(name)
        programs = read_object(folder.state).get("programs", {})
        wanted = [WEB, *read_object(folder.spec).get("processes", {})] if folder.is_ready() else []
        return [_process(one, programs.get(one, {}), is_stopped=folder.stop.exists()) for one in dict.fromkeys(wanted)]

    def data(self, app: str) -> list[str]:
        volumes = self.home / "apps" / app / "volumes"
        return sorted(path.name for path in volumes.iterdir()) if volumes.is_dir() else []

    def volume_paths(self, app: str) -> Mapping[str, Path]:
        found = {name: self.home / "apps" / app / "volumes" / name for name in self.data(app)}
        for path in found.values():
            if not os.access(path, os.R_OK | os.X_OK):
                raise Refused(
                    f"{path} cannot be read by this user. Your app was not touched.",
                    f"Run the command as the owner of {self.home}.",
                    key="volumes-out-of-reach",
                )
        return found

    def check_swap(self, app: str) -> None:
        """Folders can be swapped always."""

    def make_volumes(self, app: str, names: Sequence[str]) -> Mapping[str, Path]:
        places = {name: self.home / "apps" / app / "volumes" / name for name in names}
        for place in places.values():
            with disk_refusals(place):
                place.mkdir(parents=True, exist_ok=True)
        return places

    def incoming(self, app: str, swap: str) -> Path:
        return self._swaps.incoming(app, swap)

    def swap_data(self, app: str, swap: str) -> None:
        self._swaps.swap(app, swap)

    def swap_data_back(self, app: str, swap: str) -> None:
        self._swaps.swap_back(app, swap)

    def is_swapped(self, app: str, swap: str) -> bool:
        return self._swaps.is_swapped(app, swap)

    def keep_swap(self, app: str, swap: str) -> None:
        self._swaps.keep(app, swap)

    def open_swap(self, app: str) -> str:
        return self._swaps.open_swap(app)

    def drop_swaps(self, app: str, *, replaced: bool = False) -> bool:
        return self._swaps.drop(app, replaced=replaced)

    def logs(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str]:
        folder = self._folder(name)
        return iter(last_lines(folder, _roles(folder, process), tail, since))

    def follow(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str | None]:
        folder = self._folder(name)
        return follow(folder, _roles(folder, process), tail, since)

    def prune(self, app: str, keep: frozenset[str]) -> None:
        self._fetched.prune(app, keep)

    def forget(self, app: str) -> None:
        """Processes have nothing in common but data."""

    def drop_data(self, app: str) -> None:
        shutil.rmtree(self.home / "apps" / app / "volumes", ignore_errors=True)
        self._swaps.drop(app, replaced=True)

    def _folder(self, name: InstanceName) -> InstanceFolder:
        return InstanceFolder(self._instances / str(name))

    def _prepare(self, folder: InstanceFolder, spec: InstanceSpec) -> None:
        """Everything but the start. The spec comes last: with it the instance is there."""
        if not (fetched := self._fetched.path(spec.name.app, spec.name.key)).is_dir():
            raise NotHere(f"{spec.name.app} {spec.release.version} is not on this machine.")
        shutil.rmtree(folder.path, ignore_errors=True)
        folder.log.parent.mkdir(parents=True)
        lay_out(self.home, fetched, folder.work, spec.manifest)
        doors = {process: self._ports.take(_door(folder, process)) for process in spec.manifest.doors}
        self._write_spec(folder, spec, self._ports.take(folder.name), doors)

    def _write_spec(self, folder: InstanceFolder, spec: InstanceSpec, port: int, doors: Mapping[str, int]) -> None:
        write_json(folder.env, environment(folder.work, spec, port), mode=0o600)
        write_json(folder.record, {"record": spec.record})
        manifest = spec.manifest
        write_json(
            folder.spec,
            {
                "port": port,
                "command": manifest.command or ["false"],
                "processes": dict(manifest.processes),
                "doors": dict(doors),
            },
        )

    def _told_ports(self, folder: InstanceFolder, spec: InstanceSpec) -> tuple[int, dict[str, int]]:
        """The instance's port and those of its doors; others where a stranger has taken one while it was down."""
        told = read_object(folder.spec)
        port, doors = int(told["port"]), {process: int(one) for process, one in told.get("doors", {}).items()}
        if _running(folder):
            return port, doors
        still = port if is_free(port) else self._ports.change(folder.name)
        others = {
            process: one if is_free(one) else self._ports.change(_door(folder, process))
            for process, one in doors.items()
        }
        if (still, others) != (port, doors):
            self._write_spec(folder, spec, still, others)
        return still, others

    def _supervise(self, folder: InstanceFolder) -> None:
        """See to it that a supervisor is there, and has started or adopted the app."""
        if _supervisor(folder) and _running(folder):
            return
        child = _new_supervisor(folder)
        before, deadline = read_object(folder.state), time.monotonic() + START
        while not (_supervisor(folder) and (_running(folder) or read_object(folder.state) != before)):
            if child.poll() == 0 and not is_held(folder.lock):
                # Whoever asks whether there is one holds the lock for that moment: it took that for another one.
                child = _new_supervisor(folder)
            elif child.poll() is not None and not is_held(folder.lock):
                text = (folder.path / "supervisor.log").read_text(errors="replace").strip()
                raise RuntimeUnreachable(
                    f"The supervisor of {folder.name} ended: {text.splitlines()[-1] if text else 'no reason given'}.",
                    f"See {folder.path / 'supervisor.log'}",
                )
            if time.monotonic() > deadline:
                raise RuntimeUnreachable(f"The supervisor of {folder.name} does not answer.", "Try again.")
            time.sleep(POLL)

    def _end(self, folder: InstanceFolder, grace: float) -> None:
        """The supervisor stops its app; where there is none, or it hangs, we do."""
        supervisor = _supervisor(folder)
        if supervisor:
            try:
                os.kill(supervisor, signal.SIGTERM)
            except ProcessLookupError:
                pass
            deadline = time.monotonic() + grace + 2.0
            while is_held(folder.lock) and time.monotonic() < deadline:
                time.sleep(POLL)
            if is_held(folder.lock) and (pid := _supervisor(folder)):
                os.kill(pid, signal.SIGKILL)
        programs = read_object(folder.state).get("programs", {}).values()
        groups = {int(one["pid"]) for one in programs if is_alive(int(one["pid"]), one["identity"])}
        end_all(folder.path, groups, grace)

    @contextmanager
    def _exclusive(self, folder: InstanceFolder) -> Iterator[None]:
        """Against other commands on the same instance; not against its supervisor."""
        path = self._lock_path(folder)
        with ExitStack() as lock:
            with disk_refusals(path):
                lock.enter_context(held(path))
            yield

    def _lock_path(self, folder: InstanceFolder) -> Path:
        return self._instances / f".{folder.name}.lock"


def _delete(folder: Path) -> None:
    """Again where a supervisor has come late, of a starter that was killed: it begins by making a file in there."""
    for _ in range(TRIES):
        shutil.rmtree(folder, ignore_errors=True)
        if not folder.exists():
            return


def _new_supervisor(folder: InstanceFolder) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "discode.adapters.process.supervisor", str(folder.path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=(folder.path / "supervisor.log").open("ab"),
        cwd="/",
        env={"PATH": os.defpath, "LANG": "C.UTF-8"},
        start_new_session=True,
    )


def _supervisor(folder: InstanceFolder) -> int:
    """The id that holds the instance's lock; 0 when none does."""
    if not is_held(folder.lock):
        return 0
    try:
        return int(folder.lock.read_text() or 0)
    except (OSError, ValueError):
        return 0


def _door(folder: InstanceFolder, process: str) -> str:
    """As which a process behind a door has its port. A dot cannot stand in an instance's own name."""
    return f"{folder.name}.{process}"


def _program(folder: InstanceFolder, process: str) -> dict[str, Any]:
    return _programs(folder, process)[process]


def _programs(folder: InstanceFolder, *processes: str) -> dict[str, dict[str, Any]]:
    """Of the same moment; empty for one of which nothing is told yet."""
    told = read_object(folder.state).get("programs", {})
    found = {process: told.get(process, {}) for process in processes}
    return {process: one if isinstance(one, dict) else {} for process, one in found.items()}


def _running(folder: InstanceFolder) -> bool:
    web = _program(folder, WEB)
    return is_alive(int(web.get("pid", 0)), web.get("identity"))


def _state(name: InstanceName, folder: InstanceFolder) -> InstanceState:
    spec = read_object(folder.spec)
    endpoint = Endpoint(HOST, int(spec.get("port", 0)))
    if not spec:
        return InstanceState(name, Phase.EXITED, endpoint, reason="it never became ready")
    phase = Phase.STOPPED if folder.stop.exists() and not _running(folder) else Phase.RUNNING
    doors = {process: Endpoint(HOST, int(port)) for process, port in spec.get("doors", {}).items()}
    # A process behind a door that ends is as bad as the app itself.
    programs = _programs(folder, WEB, *doors)
    ends = {process: int(one.get("ends", 0)) for process, one in programs.items()}
    worst = max(ends, key=lambda process: ends[process])
    code = programs[worst].get("code")
    reason = (
        _reason(code) if worst == WEB else f"its process {worst}{f': {why}' if (why := _reason(code)) else ' ended'}"
    )
    return InstanceState(name, phase, endpoint, ends[worst], code, reason, doors=doors)


def _process(name: str, told: dict[str, Any], *, is_stopped: bool) -> ProcessState:
    pid, ends, code = int(told.get("pid", 0)), int(told.get("ends", 0)), told.get("code")
    if not is_alive(pid, told.get("identity")):
        return ProcessState(
            name, Phase.STOPPED if is_stopped else Phase.EXITED, ends, reason=_reason(code) or _code(code)
        )
    return ProcessState(name, Phase.RUNNING, ends, memory_of(group_members(pid)))


def _code(code: int | None) -> str:
    return f"exited with {code}" if code is not None else ""


def _roles(folder: InstanceFolder, process: str) -> list[str]:
    return [process] if process else list(dict.fromkeys([WEB, *read_object(folder.spec).get("processes", {})]))


def _record(folder: InstanceFolder) -> str:
    return str(read_object(folder.record).get("record", ""))


def _reason(code: int | None) -> str:
    if code is None or code >= 0:
        return ""
    try:
        killed = f"killed by {signal.Signals(-code).name}"
    except ValueError:
        killed = f"killed by signal {-code}"
    return f"{killed} (out of memory?)" if code == -signal.SIGKILL else killed
