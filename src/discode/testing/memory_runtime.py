"""A runtime in memory: instances are entries of a dict, and a release behaves as its `behaviour` says."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

from ..core.errors import NoSuchCommand, NotHere, Refused
from ..core.names import InstanceName
from ..core.release import Release
from ..core.room import Disk
from ..ports.console import Console
from ..ports.releases import Releases
from ..ports.report import Report
from ..ports.runtime import WEB, Completed, Endpoint, InstanceSpec, InstanceState, Phase, Probe, ProcessState
from .memory_swaps import VOLUMES, MemorySwaps, Volume, files_in


class Behaviour(Enum):
    """How instances of a release behave."""

    GOOD = "good"
    NEVER_HEALTHY = "never healthy"
    ERRS = "answers with an error of its own"
    EXITS = "exits while booting"
    TURNS_BAD = "turns bad once it is served"
    CRASHES = "crashes once it is served"
    DOOR_FAILS = "a process behind a door answers with an error"
    PAGES_FAIL = "its pages fail, its health check does not"
    MIGRATION_FAILS = "release command fails"
    MIGRATION_HANGS = "release command does not end in time"


@dataclass
class _Instance:
    spec: InstanceSpec
    endpoint: Endpoint
    phase: Phase = Phase.RUNNING
    restarts: int = 0
    seen: frozenset[Endpoint] = frozenset()  # where it was seen to listen, since it was started
    lines: list[str] = field(default_factory=list)
    doors: dict[str, Endpoint] = field(default_factory=dict)  # by process

    def places(self) -> list[Endpoint]:
        return [self.endpoint, *self.doors.values()]


class MemoryRuntime:
    """`behaviours` by release key; GOOD where none is given. `exclusive`: two running instances of an app are a
    violation, which `violations` records (for the strategy `hold`), and so is the stop of an instance that has requests
    under way. `served` tells whether an endpoint has the traffic, `has_requests` whether it has such requests: a proxy
    in memory sets both."""

    def __init__(self) -> None:
        self.behaviours: dict[str, Behaviour] = {}
        self.disk = 10**12
        self.live: dict[InstanceName, _Instance] = {}
        self.fetched: set[tuple[str, str]] = set()
        self.volumes: set[str] = set()
        self.beside: Callable[[str], list[str]] = lambda app: []  # volumes of what is beside an app
        self.is_out_of_reach = False
        self.shared: set[str] = set()  # apps that have what their instances have in common
        self.begun: list[tuple[str, bool]] = []  # by `run`: the app, and whether its command lives
        self.executed: list[tuple[str, ...]] = []
        self.exclusive = False
        self.violations: list[str] = []
        self.served: Callable[[Endpoint], bool] = lambda endpoint: False
        self.has_requests: Callable[[Endpoint], bool] = lambda endpoint: False
        self.files: dict[Path, bytes] = {}  # the disk
        self.data_beside: dict[tuple[str, str], Volume] = {}  # of what is beside apps
        self.runs_beside: Callable[[str], list[str]] = lambda app: []  # with a volume
        self._port = 20000  # the next one

    def fetch(self, release: Release, releases: Releases, report: Report) -> None:
        if (release.manifest.app, release.key) not in self.fetched:
            releases.archive(release, report)
            self.fetched.add((release.manifest.app, release.key))

    def has(self, release: Release) -> bool:
        return (release.manifest.app, release.key) in self.fetched

    def free_disk(self) -> Disk:
        return Disk("/memory/releases", self.disk)

    def start(self, spec: InstanceSpec) -> Endpoint:
        instance = self.live.get(spec.name)
        if instance is None:
            if (spec.name.app, spec.name.key) not in self.fetched:
                raise NotHere(f"{spec.name.app} {spec.release.version} is not on this machine.")
            instance = self.live[spec.name] = _Instance(spec, self._place())
            instance.doors = {process: self._place() for process in spec.manifest.doors}
        elif instance.phase is not Phase.RUNNING:
            instance.phase, instance.restarts, instance.seen = Phase.RUNNING, 0, frozenset()
            instance.spec = spec
        instance.lines.append(f"{spec.name} starts")
        self.volumes.add(spec.name.app)
        self.shared.add(spec.name.app)
        running = [state.name for state in self.instances(spec.name.app) if state.phase is Phase.RUNNING]
        if self.exclusive and len(running) > 1:
            self.violations.append(f"two at once: {', '.join(map(str, running))}")
        return instance.endpoint

    def _place(self) -> Endpoint:
        self._port += 1
        return Endpoint("127.0.0.1", self._port - 1)

    def run_once(
        self, spec: InstanceSpec, command: Sequence[str], timeout: float, say: Callable[[str], None]
    ) -> Completed:
        behaviour, line = self._behaviour(spec.name), f"ran {command[0]}"
        say(line)
        if behaviour is Behaviour.MIGRATION_HANGS:
            return Completed(None, (line,))
        return Completed(1 if behaviour is Behaviour.MIGRATION_FAILS else 0, (line,))

    def exec(self, name: InstanceName, command: Sequence[str], console: Console, process: str = WEB) -> int:
        """As `carried_out`."""
        instance = self.live.get(name)
        if instance is None or instance.phase is not Phase.RUNNING:
            raise Refused(f"{name} does not run now.", "See why: discode status", key="not-running")
        return carried_out(command, console)

    def execute(self, name: InstanceName, command: Sequence[str], timeout: float) -> Completed:
        """Of what is beside `exec`'s: `sleep` does not end in time. Each is kept in `executed`."""
        instance = self.live.get(name)
        if instance is None or instance.phase is not Phase.RUNNING:
            raise Refused(f"{name} does not run now.", "See why: discode status", key="not-running")
        self.executed.append(tuple(command))
        if command[0] == "exit":
            return Completed(int(command[1]), tuple(command[2:]))
        if command[0] not in ("echo", "sleep"):
            raise NoSuchCommand(command[0])
        return Completed(0, (" ".join(command[1:]),)) if command[0] == "echo" else Completed(None, ())

    def run(self, spec: InstanceSpec, command: Sequence[str], console: Console) -> int:
        if (spec.name.app, spec.name.key) not in self.fetched:
            raise NotHere(f"{spec.name.app} {spec.release.version} is not on this machine.")
        return carried_out(command, console)

    def sweep(self, app: str, *, living: bool = False) -> None:
        self.begun = [(of, lives) for of, lives in self.begun if of != app or (lives and not living)]

    def inspect(self, name: InstanceName) -> InstanceState | None:
        return self._state(name) if name in self.live else None

    def _state(self, name: InstanceName, record: str = "") -> InstanceState:
        instance = self.live[name]
        crashed = instance.phase is Phase.RUNNING and (
            self._behaviour(name) is Behaviour.EXITS
            or (self._behaviour(name) is Behaviour.CRASHES and self.served(instance.endpoint))
        )
        restarts = instance.restarts + 1 if crashed else instance.restarts
        code = 3 if crashed else None
        return InstanceState(
            name, instance.phase, instance.endpoint, restarts, code, record=record, doors=dict(instance.doors)
        )

    def probe(
        self, name: InstanceName, path: str, timeout: float, host: str = "localhost", process: str = WEB
    ) -> Probe:
        instance = self.live.get(name)
        place = instance.endpoint if instance and process == WEB else instance.doors.get(process) if instance else None
        return self.answer(place, path) if place else Probe(False, "no such instance")

    def answer(self, endpoint: Endpoint, path: str) -> Probe:
        """What is seen at an endpoint; a proxy in memory asks this."""
        found = [(name, i) for name, i in self.live.items() if endpoint in i.places() and i.phase is Phase.RUNNING]
        if not found:
            return Probe(False, "connection refused", connected=False)
        is_a_door = found[0][1].endpoint != endpoint
        found[0][1].seen |= {endpoint}
        behaviour = self._behaviour(found[0][0])
        if is_a_door:
            ill = behaviour is Behaviour.DOOR_FAILS
            return Probe(not ill, f"{503 if ill else 200} at {path}", status=503 if ill else 200)
        bad = {Behaviour.NEVER_HEALTHY, Behaviour.EXITS}
        bad |= {Behaviour.TURNS_BAD, Behaviour.CRASHES} if self.served(endpoint) else set()
        if behaviour is Behaviour.PAGES_FAIL and path != "/up":
            status = {"/login": 302, "/account": 401}.get(path, 500)
            return Probe(False, f"{status} at {path}", status=status)
        if behaviour is Behaviour.ERRS:
            return Probe(False, f"500 at {path}", status=500, says="no database")
        return Probe(False, f"503 at {path}", status=503) if behaviour in bad else Probe(True, f"200 at {path}")

    def is_unseen(self, endpoint: Endpoint) -> bool:
        """Whether what runs there was started, and nobody has seen yet that it listens."""
        return any(
            endpoint in i.places() and i.phase is Phase.RUNNING and endpoint not in i.seen for i in self.live.values()
        )

    def stop(self, name: InstanceName, grace: float) -> None:
        if name in self.live:
            self._let_go(self.live[name])
            self.live[name].phase = Phase.STOPPED

    def remove(self, name: InstanceName) -> None:
        if (instance := self.live.pop(name, None)) is not None:
            self._let_go(instance)

    def _let_go(self, instance: _Instance) -> None:
        if instance.phase is Phase.RUNNING and any(map(self.has_requests, instance.places())):
            self.violations.append(f"{instance.spec.name} is stopped under requests")

    def instances(self, app: str) -> list[InstanceState]:
        return [self._state(name, self.live[name].spec.record) for name in sorted(self.live) if name.app == app]

    def processes(self, name: InstanceName) -> list[ProcessState]:
        state = self.inspect(name)
        names = [WEB, *self.live[name].spec.manifest.processes] if state else []
        return [ProcessState(one, state.phase, state.restarts, 1 << 20) for one in names if state]

    def data(self, app: str) -> list[str]:
        return sorted([*(["data"] if app in self.volumes else []), *self.beside(app)])

    def volume_paths(self, app: str) -> Mapping[str, Path]:
        if self.is_out_of_reach:
            raise Refused(f"The volumes of {app} cannot be read here.", "Be root.", key="volumes-out-of-reach")
        return {name: VOLUMES / app / name for name in self.data(app)}

    def check_swap(self, app: str) -> None:
        self.volume_paths(app)

    def make_volumes(self, app: str, names: Sequence[str]) -> Mapping[str, Path]:
        if self.is_out_of_reach:
            raise Refused(f"The volumes of {app} cannot be read here.", "Be root.", key="volumes-out-of-reach")
        self.volumes |= {app} if names else set()
        return {name: VOLUMES / app / name for name in names}

    def incoming(self, app: str, swap: str) -> Path:
        return self._swaps.incoming(app, swap)

    def swap_data(self, app: str, swap: str) -> None:
        if self._swaps.swap(app, swap):
            self._must_not_run(app)

    def swap_data_back(self, app: str, swap: str) -> None:
        if self._swaps.swap_back(app, swap):
            self._must_not_run(app)

    def is_swapped(self, app: str, swap: str) -> bool:
        return self._swaps.is_swapped(app, swap)

    def keep_swap(self, app: str, swap: str) -> None:
        self._swaps.keep(app, swap)

    def open_swap(self, app: str) -> str:
        return self._swaps.open_swap(app)

    def drop_swaps(self, app: str, *, replaced: bool = False) -> bool:
        return self._swaps.drop(app, replaced=replaced)

    @property
    def _swaps(self) -> MemorySwaps:
        return MemorySwaps(self.files, self.data_beside)

    def _must_not_run(self, app: str) -> None:
        running = [str(state.name) for state in self.instances(app) if state.phase is Phase.RUNNING]
        for one in (*running, *self.runs_beside(app)):
            self.violations.append(f"{one} runs while its volumes are swapped")

    def logs(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str]:
        """All lines are of the app itself, and of now."""
        instance = self.live.get(name)
        lines = instance.lines if instance and process in ("", WEB) else []
        return iter(lines if tail is None else lines[len(lines) - tail if tail < len(lines) else 0 :])

    def follow(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str | None]:
        instance = self.live.get(name)
        yield from self.logs(name, tail, since=since, process=process)
        told = len(instance.lines) if instance else 0
        while instance is not None and self.live.get(name) is instance:
            if told == len(instance.lines) or process not in ("", WEB):
                yield None
            else:
                told += 1
                yield instance.lines[told - 1]

    def prune(self, app: str, keep: frozenset[str]) -> None:
        self.fetched = {(owner, key) for owner, key in self.fetched if owner != app or key in keep}

    def forget(self, app: str) -> None:
        if not self.instances(app):
            self.shared.discard(app)

    def drop_data(self, app: str) -> None:
        self.volumes.discard(app)
        for path in files_in(VOLUMES / app, self.files):
            del self.files[path]

    def _behaviour(self, name: InstanceName) -> Behaviour:
        return self.behaviours.get(name.key, Behaviour.GOOD)


def carried_out(command: Sequence[str], console: Console) -> int:
    """`exit 7` ends with 7, `echo …` says that; there is no other program."""
    if command[0] == "echo":
        os.write(console.stdout, f"{' '.join(command[1:])}\n".encode())
    elif command[0] != "exit":
        raise NoSuchCommand(command[0])
    return int(command[1]) if command[0] == "exit" else 0
