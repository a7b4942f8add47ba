"""The `discode` command whose process dies by SIGKILL at one port call: an entry point of chaos's own.

    CHAOS_CALLS=FILE CHAOS_KILL=17:before python chaos/entry.py update myapp --json

Each call of a port is appended to FILE, with its number and its name, before it is made, and once more with the seconds
that it took. A row of calls that only read has one number: nothing has changed in between. CHAOS_KILL may also give the
name of a call, and means the first one of it. `17:during` ends the process in the middle of the file that the call
writes, `17:0.25` after so many seconds of it, and `17:0.25+` what it has started, too. Without it the command runs to
its end. CHAOS_UNGUARDED: it has no guard, and what it leaves stays.
"""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from discode.cli import main, wiring, wiring_backups
from discode.core.errors import DiscodeError
from discode.flows.world import Platform, World
from discode.testing.faults import Faulty, Script

TORN = 64  # bytes: less than any state file has
NEVER = DiscodeError("A kill is no error.")
READS = frozenset((
    "all", "answers", "apps", "architecture", "certificate", "check_swap", "documents", "free", "free_disk",
    "free_memory", "has", "healthy", "history", "host", "incoming", "index", "inspect", "installation", "instances",
    "is_swapped", "journal", "kept", "kept_apps", "look", "open_swap", "places", "plan", "probe", "processes", "read",
    "readable_history", "release", "serving", "settings", "snapshots", "survey", "url", "volume_paths", "volumes",
))  # fmt: skip

LAYS_DOWN = ("adopt", "fill", "lay_out")  # what a machine's backups have to do with an app's data
BY_ITSELF = ("backups", "repository_in")  # that open what this machine has not kept


class KillingScript(Script):
    """Kills this process, for real, `before`, `after` or within the call with the number or the name `at`."""

    def __init__(self, file: Path, at: str, when: str):
        super().__init__({})
        self._file, self._at, self._when = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644), at, when
        self._reads = False  # the last call did

    def carry_out(self, name: str, call: Callable[[], Any], *_: Any) -> Any:
        is_same, self._reads = self._reads and name in READS, name in READS
        if is_same:
            return call()
        number, self.calls = self.calls, self.calls + 1
        os.write(self._file, f"{number} {name}\n".encode())
        is_here = self._at in (str(number), name)
        if is_here and self._when == "before":
            os.kill(os.getpid(), signal.SIGKILL)
        if is_here and self._when == "during":
            return _torn(call)
        if is_here and self._when[0].isdigit():
            _kill_after(float(self._when.rstrip("+")), with_all=self._when.endswith("+"))
        begun = time.monotonic()
        try:
            return call()
        finally:
            os.write(self._file, f"{number} {name} {time.monotonic() - begun:.3f}\n".encode())
            if is_here and self._when == "after":
                os.kill(os.getpid(), signal.SIGKILL)


def _kill_after(seconds: float, *, with_all: bool) -> None:
    """`with_all`: whatever this process has started, but for the guard, which is there for its death."""

    def strike() -> None:
        time.sleep(seconds)
        if with_all:
            for pid in Path(f"/proc/{os.getpid()}/task").glob("*/children"):
                for child in map(int, pid.read_text().split()):
                    _kill_unless_guard(child)
        os.kill(os.getpid(), signal.SIGKILL)

    threading.Thread(target=strike, daemon=True).start()


def _kill_unless_guard(pid: int) -> None:
    with contextlib.suppress(OSError):
        if b"guard" not in Path(f"/proc/{pid}/cmdline").read_bytes():
            os.kill(pid, signal.SIGKILL)


def _torn(call: Callable[[], Any]) -> Any:
    """The kernel ends this process in the middle of the first file that grows beyond TORN bytes: setrlimit(2).

    A call that writes no such file is carried out.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)  # Python ignores it
    resource.setrlimit(resource.RLIMIT_FSIZE, (TORN, hard))
    try:
        return call()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


class FaultyPlatforms:
    def __init__(self, platforms: Any, script: Script):
        self._platforms, self._script = platforms, script

    def platform(self, kind: Literal["archive", "image"]) -> Platform:
        platform = self._platforms.platform(kind)
        ports = (platform.runtime, platform.proxy, platform.accessories)
        return Platform(*(Faulty(port, self._script, NEVER) for port in ports))

    def choose(self, kind: Literal["archive", "image"]) -> None:
        self._platforms.choose(kind)


class FaultySources:
    def __init__(self, sources: Any, script: Script):
        self._sources, self._script = sources, script

    def open(self, app: str, source: str, product: str = "") -> Any:
        return Faulty(self._sources.open(app, source, product), self._script, NEVER)


class FaultyRepositories:
    """Reading what is planned is no call of its own."""

    def __init__(self, repositories: Any, script: Script):
        self._repositories, self._script = repositories, script

    def __getattr__(self, name: str) -> Any:
        port = self._repositories if name not in LAYS_DOWN else Faulty(self._repositories, self._script, NEVER)
        return getattr(port, name)

    def open(self, app: str) -> Any:
        return Faulty(self._repositories.open(app), self._script, NEVER)

    def staging(self, app: str) -> Any:
        return FaultyStaging(self._repositories.staging(app), self._script, NEVER)


class FaultyStaging(Faulty):
    """Where it is, is no call."""

    @property
    def path(self) -> Any:
        return self._port.path


def faulty(world: World, script: Script) -> World:
    return replace(
        world,
        store=Faulty(world.store, script, NEVER),
        sources=FaultySources(world.sources, script),
        platforms=FaultyPlatforms(world.platforms, script),
        repositories=FaultyRepositories(world.repositories, script),
        system=Unguarded(world.system) if "CHAOS_UNGUARDED" in os.environ else world.system,
    )


class Unguarded:
    """The machine, on which nobody waits for the end of this process."""

    def __init__(self, system: Any):
        self._system = system

    def __getattr__(self, name: str) -> Any:
        return getattr(self._system, name)

    def guarded(self, app: str) -> AbstractContextManager[None]:
        return nullcontext()


def _faulty_repository(open_it: Callable[..., Any], script: Script) -> Callable[..., Any]:
    return lambda *args: Faulty(open_it(*args), script, NEVER)


def wired() -> Callable[..., World]:
    """What `wiring.world` makes, with every port under the script that the environment gives."""
    make = wiring.world
    at, _, when = os.environ.get("CHAOS_KILL", "none:never").partition(":")
    script = KillingScript(Path(os.environ["CHAOS_CALLS"]), at, when)
    for name in BY_ITSELF:
        setattr(wiring_backups, name, _faulty_repository(getattr(wiring_backups, name), script))
    unpack = wiring_backups.unpack_export
    wiring_backups.unpack_export = lambda *args: script.carry_out("unpack_export", lambda: unpack(*args))
    return lambda *args, **options: faulty(make(*args, **options), script)


if __name__ == "__main__":
    wiring.world = wired()
    main.main()
