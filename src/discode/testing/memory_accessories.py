"""Accessories in memory: each has its data in volumes, line by line, and an image behaves as its `behaviour` says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import pairwise
from pathlib import Path

from ..core.accessory_dumps import ROLES, comparison, databases, dumps
from ..core.accessory_kinds import KINDS
from ..core.artifact import Image
from ..core.errors import NoSuchCommand, NotHere, Refused
from ..core.external_server import load_into
from ..ports.accessories import AccessorySpec, AccessoryState, Executed
from ..ports.console import Console
from ..ports.releases import Releases
from ..ports.report import Report
from ..ports.runtime import Phase, Probe
from .faults import Crash
from .memory_runtime import carried_out
from .memory_swaps import Volume


class AccessoryBehaviour(Enum):
    """How an accessory's image behaves."""

    GOOD = "good"
    NEVER_HEALTHY = "never healthy"
    EXITS = "exits while it starts"
    TURNS_BAD = "turns bad once requests are sent to its app"
    FAILS_LATER = "turns bad once requests reach its app"
    DUMP_FAILS = "a dump fails after half of its output"
    RESTORE_FAILS = "a restore fails when half of it is there"
    LOSES = "a restore loses a line and does not say so"


@dataclass
class Elsewhere:
    """A database of the customer's: `lines` are its data. `breaks_off`: a dump fails after half of its output."""

    password: str
    lines: list[str]
    breaks_off: bool = False


@dataclass
class _Accessory:
    spec: AccessorySpec
    phase: Phase = Phase.RUNNING
    since: float = field(default=0.0, compare=False)
    lines: list[str] = field(default_factory=list)  # its log


def verb(command: Sequence[str]) -> str:
    """What a command of `core.accessory_dumps` means; of any other, its first word."""
    return _VERBS.get(tuple(command), command[0])


def _verbs() -> dict[tuple[str, ...], str]:
    found = {}
    for kind in KINDS:
        for part in dumps(kind, "app\n"):
            is_whole = part.file != ROLES
            found[part.save] = "dump" if is_whole else "true"
            found[part.load] = "restore" if is_whole else "true"
        found[comparison(kind)] = "count"
        found[load_into(kind)] = "restore"
        if (lists := databases(kind)) is not None:
            found[lists] = "list"
    return found


_VERBS = _verbs()


class MemoryAccessories:
    """`behaviours` by the image's reference; GOOD where none is given. `violations`: a volume that two have at once,
    and one that is stopped while requests reach an app that has it, of which `is_used` tells; `is_led_to`, where they
    would go, held or not. `servers`: those elsewhere, by host. `files` are what commands read and write.
    `acknowledged`: what `write` has taken, by app and name."""

    def __init__(self) -> None:
        self.behaviours: dict[str, AccessoryBehaviour] = {}
        self.live: dict[tuple[str, str], _Accessory] = {}
        self.data: dict[tuple[str, str], Volume] = {}  # by app and name of the volume
        self.fetched: set[tuple[str, str]] = set()
        self.files: dict[Path, bytes] = {}
        self.acknowledged: dict[tuple[str, str], list[str]] = {}
        self.servers: dict[str, Elsewhere] = {}
        self.violations: list[str] = []
        self.is_used: Callable[[str, str], bool] = lambda app, name: False
        self.is_led_to: Callable[[str, str], bool] = lambda app, name: False
        self.now: Callable[[], float] = lambda: 0.0
        self._left: int | None = None  # changes until the caller dies

    def fetch(self, app: str, image: Image, releases: Releases, report: Report) -> None:
        if not self.has(app, image):
            releases.credentials(image.repository)
            self.fetched.add((app, image.reference))

    def has(self, app: str, image: Image) -> bool:
        return (app, image.reference) in self.fetched

    def prune(self, app: str, keep: frozenset[str]) -> None:
        self.fetched = {(owner, image) for owner, image in self.fetched if owner != app or image in keep}

    def start(self, spec: AccessorySpec) -> None:
        there = self.live.get((spec.app, spec.name))
        if there is not None and there.spec.fingerprint != spec.fingerprint:
            self._changes()
            self.stop(spec.app, spec.name, there.spec.accessory.stop)
            self._changes()
            self.remove(spec.app, spec.name)
            there = None
        if there is None:
            self._make(spec)
        elif there.phase is not Phase.RUNNING:
            there.phase, there.since = Phase.RUNNING, self.now()
        self._log(spec.app, spec.name, f"{spec.container} starts")
        self._must_be_alone(spec)

    def _make(self, spec: AccessorySpec) -> None:
        if not self.has(spec.app, spec.accessory.image):
            raise NotHere(f"The image of {spec.container} is not on this machine.")
        self._changes()
        for volume in spec.volumes:
            self.data.setdefault((spec.app, volume), Volume())
        self._changes()
        self.live[spec.app, spec.name] = _Accessory(spec, since=self.now())
        for there in self._volumes(self.live[spec.app, spec.name]):
            if there.state == "empty":
                there.writer, there.state = spec.accessory.generation, "being made"

    def _must_be_alone(self, spec: AccessorySpec) -> None:
        for (app, name), other in self.live.items():
            shared = set(spec.volumes) & set(other.spec.volumes)
            if app == spec.app and name != spec.name and shared and other.phase is Phase.RUNNING:
                self.violations.append(f"two at once have {min(shared)}: {name}, {spec.name}")

    def inspect(self, app: str, name: str) -> AccessoryState | None:
        one = self.live.get((app, name))
        if one is None:
            return None
        ended = one.phase is Phase.RUNNING and self._exits(one)
        return AccessoryState(
            name, one.phase, one.spec.fingerprint, tuple(one.spec.volumes), int(ended), 3 if ended else None,
            since=one.since, memory=1 << 20,
        )  # fmt: skip

    def all(self, app: str) -> list[AccessoryState]:
        found = [self.inspect(app, name) for owner, name in sorted(self.live) if owner == app]
        return [state for state in found if state is not None]

    def healthy(self, spec: AccessorySpec) -> Probe:
        one = self.live.get((spec.app, spec.name))
        if one is None or one.phase is not Phase.RUNNING:
            return Probe(False, f"{spec.container} does not run", connected=False)
        behaviour = self._behaviour(one)
        is_bad = behaviour is AccessoryBehaviour.NEVER_HEALTHY or self._exits(one)
        is_bad = is_bad or (behaviour is AccessoryBehaviour.TURNS_BAD and self.is_led_to(spec.app, spec.name))
        is_bad = is_bad or (behaviour is AccessoryBehaviour.FAILS_LATER and self.is_used(spec.app, spec.name))
        if is_bad:
            return Probe(False, "connection refused", connected=False)
        for volume in self._volumes(one):
            volume.state = "made"
        return Probe(True, "it answers")

    def stop(self, app: str, name: str, grace: float) -> None:
        if (one := self.live.get((app, name))) is not None:
            self._let_go(one)
            one.phase = Phase.STOPPED

    def remove(self, app: str, name: str) -> None:
        if (one := self.live.get((app, name))) is not None:
            self._let_go(one)
            del self.live[app, name]

    def execute(
        self,
        app: str,
        name: str,
        command: Sequence[str],
        *,
        stdin: Path | None = None,
        stdout: Path | None = None,
        timeout: float,
    ) -> Executed:
        one = self._running(app, name)
        given = self.files.get(stdin, b"").decode().splitlines() if stdin else []
        code, written, errors = self._run(one, command, given)
        if stdout is not None:
            self.files[stdout] = b""
            for line in written:
                self._changes()
                self.files[stdout] += f"{line}\n".encode()
        return Executed(code, errors, "" if stdout else "".join(f"{line}\n" for line in written))

    def ask(self, spec: AccessorySpec, command: Sequence[str], *, stdout: Path, timeout: float) -> Executed:
        if not self.has(spec.app, spec.accessory.image):
            raise NotHere(f"The image of {spec.container} is not on this machine.")
        host = spec.env.get("PGHOST") or next((after for word, after in pairwise(command) if word == "-h"), None)
        if host is None:
            code, written, errors = self._run(_Accessory(spec), command, [])
        else:
            code, written, errors = self._of_server(host, spec.env)
        self.files[stdout] = "".join(f"{line}\n" for line in written).encode()
        return Executed(code, errors)

    def _of_server(self, host: str, env: Mapping[str, str]) -> tuple[int, list[str], tuple[str, ...]]:
        one = self.servers.get(host)
        if one is None or one.password not in env.values():
            return 1, [], ("no such host" if one is None else "password authentication failed",)
        half = one.lines[: len(one.lines) // 2]
        return (1, half, ("it broke off",)) if one.breaks_off else (0, one.lines, ())

    def exec(self, app: str, name: str, command: Sequence[str], console: Console) -> int:
        self._running(app, name)
        return carried_out(command, console)

    def logs(self, app: str, name: str, tail: int | None = 100, *, since: float | None = None) -> Iterator[str]:
        one = self.live.get((app, name))
        lines = one.lines if one else []
        return iter(lines if tail is None else lines[len(lines) - tail if tail < len(lines) else 0 :])

    def follow(
        self, app: str, name: str, tail: int | None = 100, *, since: float | None = None
    ) -> Iterator[str | None]:
        one = self.live.get((app, name))
        yield from self.logs(app, name, tail, since=since)
        told = len(one.lines) if one else 0
        while one is not None and self.live.get((app, name)) is one:
            if told == len(one.lines):
                yield None
            else:
                told += 1
                yield one.lines[told - 1]

    def volumes(self, app: str) -> list[str]:
        return sorted(volume for owner, volume in self.data if owner == app)

    def drop_volume(self, app: str, volume: str) -> None:
        self._must_be_free(app, volume)
        self.data.pop((app, volume), None)

    def hand_over(self, app: str, volume: str, target: Path) -> None:
        self._must_be_free(app, volume)
        self._changes()
        self.data[str(target.parent), target.name] = self.data.pop((app, volume))

    def _must_be_free(self, app: str, volume: str) -> None:
        for (owner, name), one in self.live.items():
            if owner == app and volume in one.spec.volumes:
                raise Refused(f"{volume} is in use by {app}-{name}.", f"discode stop {app}", key="in-use")

    def runs_with_data(self, app: str) -> list[str]:
        """Those that run and have a volume."""
        found = [one for (owner, _), one in self.live.items() if owner == app and one.phase is Phase.RUNNING]
        return [one.spec.container for one in found if one.spec.volumes]

    def write(self, app: str, name: str, line: str) -> bool:
        """What the app would write through it; whether that was possible."""
        one = self.live.get((app, name))
        if one is None or one.phase is not Phase.RUNNING or self._exits(one):
            return False
        self._volume(one).lines.append(line)
        self.acknowledged.setdefault((app, name), []).append(line)
        return True

    def read(self, app: str, name: str) -> list[str]:
        """What the app would find there; empty when it does not run."""
        one = self.live.get((app, name))
        return list(self._volume(one).lines) if one and one.phase is Phase.RUNNING and one.spec.volumes else []

    def lines(self, app: str, name: str) -> list[str]:
        """What it has, running or not."""
        return list(self._volume(self.live[app, name]).lines)

    def lost(self, app: str, name: str) -> list[str]:
        """What was taken, and the one that there is now, running or not, does not have."""
        one = self.live.get((app, name))
        kept = self._volume(one).lines if one else []
        return [line for line in self.acknowledged.get((app, name), []) if line not in kept]

    def partly(self, changes: int, call: Callable[[], None]) -> None:
        """Carry the call out until so much is changed; then whoever called dies."""
        self._left = changes
        try:
            call()
        finally:
            self._left = None

    def _changes(self) -> None:
        """Before each change."""
        if self._left is None:
            return
        if self._left == 0:
            raise Crash
        self._left -= 1

    def _run(
        self, one: _Accessory, command: Sequence[str], given: list[str]
    ) -> tuple[int | None, list[str], tuple[str, ...]]:
        """What a `verb` means, and beside it `echo …`, `cat`, `exit 7`, `fail …` (on standard error), `sleep` (too
        long)."""
        behaviour, meant = self._behaviour(one), verb(command)
        if meant == "dump":
            lines = list(self._volume(one).lines)
            fails = behaviour is AccessoryBehaviour.DUMP_FAILS
            return int(fails), lines[: len(lines) // 2] if fails else lines, ("it broke off",) if fails else ()
        if meant == "restore":
            fails = behaviour is AccessoryBehaviour.RESTORE_FAILS
            kept = given[: len(given) // 2] if fails else given[1:] if behaviour is AccessoryBehaviour.LOSES else given
            for line in kept:
                self._changes()
                self._volume(one).lines.append(line)
            return int(fails), [], ("it broke off",) if fails else ()
        if meant == "count":
            return 0, [str(len(self._volume(one).lines))], ()
        if meant in ("list", "true"):
            return 0, ["app"] if meant == "list" else [], ()
        if meant == "du":
            return 0, [f"{sum(map(len, self._volume(one).lines))}\t{command[-1]}"], ()
        if meant in ("echo", "cat"):
            return 0, [" ".join(command[1:])] if meant == "echo" else given, ()
        if meant == "sleep":
            return None, [], ()
        if meant in ("exit", "fail"):
            return int(command[1]) if meant == "exit" else 1, [], tuple(command[1:]) if meant == "fail" else ()
        raise NoSuchCommand(command[0])

    def _volume(self, one: _Accessory) -> Volume:
        return self._volumes(one)[0]

    def _volumes(self, one: _Accessory) -> list[Volume]:
        return [self.data[one.spec.app, volume] for volume in one.spec.volumes]

    def _exits(self, one: _Accessory) -> bool:
        """Also a database whose data another generation of it wrote, or whose first start was cut off."""
        if self._behaviour(one) is AccessoryBehaviour.EXITS:
            return True
        generation = one.spec.accessory.generation
        return any(there.state == "torn" or there.writer != generation for there in self._volumes(one))

    def _behaviour(self, one: _Accessory) -> AccessoryBehaviour:
        return self.behaviours.get(one.spec.accessory.image.reference, AccessoryBehaviour.GOOD)

    def _running(self, app: str, name: str) -> _Accessory:
        one = self.live.get((app, name))
        if one is None or one.phase is not Phase.RUNNING:
            raise Refused(f"{app}-{name} does not run now.", "See why: discode status", key="not-running")
        return one

    def _let_go(self, one: _Accessory) -> None:
        if one.phase is Phase.RUNNING and self.is_used(one.spec.app, one.spec.name):
            self.violations.append(f"{one.spec.container} is stopped under its app")
        for there in self._volumes(one):
            if there.state == "being made":
                there.state = "torn"

    def _log(self, app: str, name: str, line: str) -> None:
        self.live[app, name].lines.append(line)
