"""The runtime: what runs instances of releases. Everything is idempotent by the instance's name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from ..core.manifest import Manifest
from ..core.names import InstanceName
from ..core.release import Release
from ..core.room import Disk
from .console import Console
from .releases import Releases
from .report import Report

WEB = "web"  # what the app's own process is called beside its extra ones


class Phase(Enum):
    """RUNNING also covers the pause before a crashed instance is started again; EXITED will not start by itself."""

    RUNNING = "running"
    EXITED = "exited"
    STOPPED = "stopped"


@dataclass(frozen=True)
class Endpoint:
    """Where the proxy reaches an instance: a host name or address, and a TCP port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class InstanceSpec:
    """All that is needed to start an instance. `env` holds secrets and is kept out of `repr`.

    `record` is kept beside the instance, without a look into it: what Discode would have to know to find it again
    if its own files were lost. No secrets.
    """

    name: InstanceName
    release: Release
    env: dict[str, str] = field(repr=False)
    record: str = field(default="", repr=False)

    @property
    def manifest(self) -> Manifest:
        return self.release.manifest


@dataclass(frozen=True)
class InstanceState:
    """`restarts` counts starts after the first one; `exit_code` is that of the last end, negative for a signal.

    `record` is that of the spec with which the instance was made; `instances` tells it, `inspect` may not. `doors`:
    where its processes that are behind one take requests, by their names.
    """

    name: InstanceName
    phase: Phase
    endpoint: Endpoint
    restarts: int = 0
    exit_code: int | None = None
    reason: str = ""  # why it ended, for people, when more is known than the code: "out of memory"
    record: str = field(default="", repr=False)
    doors: Mapping[str, Endpoint] = field(default_factory=dict)


@dataclass(frozen=True)
class ProcessState:
    """One program of an instance: `WEB`, or an extra one. `memory` in bytes, None when it cannot be told; `limit` of
    it, None without one. `reason` is that of its last end."""

    name: str
    phase: Phase
    restarts: int = 0
    memory: int | None = None
    limit: int | None = None
    reason: str = ""


@dataclass(frozen=True)
class Completed:
    """The end of a one-off command; `output` is its last lines. `exit_code` None: it did not end in time."""

    exit_code: int | None
    output: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """One health check. `detail` says what was seen: "503 at /up", "connection refused". `connected`: somebody
    listened. `status` is the answer's; `says` the first line of one that is not ok, in the app's own words."""

    ok: bool
    detail: str
    connected: bool = True
    status: int | None = None
    says: str = ""

    def __str__(self) -> str:
        return f"{self.detail}: {self.says}" if self.says else self.detail


class Runtime(Protocol):
    """Every call may raise RuntimeUnreachable; then nothing is known of what it did."""

    def fetch(self, release: Release, releases: Releases, report: Report) -> None:
        """Bring the release's bytes onto this machine. Raises TrustError, Refused or SourceUnreachable."""

    def has(self, release: Release) -> bool:
        """Whether `fetch` has brought its bytes, and they are still there."""

    def free_disk(self) -> Disk:
        """Where releases and data are kept."""

    def start(self, spec: InstanceSpec) -> Endpoint:
        """Start the instance, or start it again after `stop`, now with this spec. Running already: nothing but the
        answer. Raises NotHere when it has to be made, and its release was not fetched or is gone."""

    def run_once(
        self, spec: InstanceSpec, command: Sequence[str], timeout: float, say: Callable[[str], None]
    ) -> Completed:
        """Run a command to its end as the instance would run: same files, env and volumes. `say` is told each line of
        its output as it comes. After `timeout` seconds it is stopped, as an instance is."""

    def exec(self, name: InstanceName, command: Sequence[str], console: Console, process: str = WEB) -> int:
        """Run a command in an instance that runs, beside its program, until it ends; it ends with the instance. Its
        exit code, or 128 and the number of the signal that ended it. Signals to this process are its own meanwhile.

        Raises Refused with the key `not-running`, NoSuchCommand, CannotRun."""

    def execute(self, name: InstanceName, command: Sequence[str], timeout: float) -> Completed:
        """As `exec`, of the app itself and for nobody to see: what it prints is in the answer. It is killed after
        `timeout` seconds. Raises as `exec`."""

    def run(self, spec: InstanceSpec, command: Sequence[str], console: Console) -> int:
        """As `exec`, beside all instances: as `run_once` would, and nothing of it is left. Raises as `start`, too."""

    def sweep(self, app: str, *, living: bool = False) -> None:
        """Stop and remove what was begun by `run` in processes that are dead; `living`: in all."""

    def inspect(self, name: InstanceName) -> InstanceState | None:
        """None when no such instance."""

    def probe(
        self, name: InstanceName, path: str, timeout: float, host: str = "localhost", process: str = WEB
    ) -> Probe:
        """GET `path` from the instance itself, past the proxy, as from `host`; from another of its processes that is
        behind a door. No instance: a probe that is not ok."""

    def stop(self, name: InstanceName, grace: float) -> None:
        """SIGTERM, `grace` seconds, SIGKILL. It stays stopped until `start`. No instance: nothing."""

    def remove(self, name: InstanceName) -> None:
        """Stop the instance at once, should it run, and forget it. No instance: nothing."""

    def instances(self, app: str) -> list[InstanceState]:
        """Every instance of the app, whatever its phase."""

    def processes(self, name: InstanceName) -> list[ProcessState]:
        """Its programs, the app itself first; empty when no such instance."""

    def data(self, app: str) -> list[str]:
        """The names of the app's volumes that are there, in order."""

    def volume_paths(self, app: str) -> Mapping[str, Path]:
        """Where those are on this machine's disk, for this process to read. Raises Refused with the key
        `volumes-out-of-reach` when it cannot: the engine is elsewhere, or the user may not."""

    def check_swap(self, app: str) -> None:
        """Raises Refused with the key `restore-by-hand` where the app's volumes cannot be swapped, or as `volume_paths`
        does."""

    def make_volumes(self, app: str, names: Sequence[str]) -> Mapping[str, Path]:
        """Have the app's volumes of these names, empty where they are new: where each is on this machine's disk, for
        this process to write. Raises Refused as `volume_paths`, and where one belongs to somebody else."""

    def incoming(self, app: str, swap: str) -> Path:
        """Where data is made ready that shall take the place of all volumes of the app: a folder that is not there yet,
        in which each volume is a folder by its name, also those of the app's accessories. What is beside that folder
        is this swap's, too. `swap` is the swap's own name."""

    def swap_data(self, app: str, swap: str) -> None:
        """Put what is incoming in the place of the app's volumes, which are kept; those that are not incoming are empty
        then. No instance of the app may run, and nothing beside it that has one of the volumes.
        Interrupted, it is completed by the next call, and undone by `swap_data_back`. Done already: nothing."""

    def swap_data_back(self, app: str, swap: str) -> None:
        """The volumes from before are in their place again. Interrupted, the next call completes it. No such swap:
        nothing."""

    def is_swapped(self, app: str, swap: str) -> bool:
        """Whether the volumes from before are not in their place: also when a swap was interrupted, either way."""

    def keep_swap(self, app: str, swap: str) -> None:
        """It is for good: nothing takes it back any more, and what it has replaced stays until `drop_swaps`."""

    def open_swap(self, app: str) -> str:
        """The swap that is neither kept nor dropped, whether its data is in the place of the app's volumes or waits
        beside them, not yet or not any more; empty when there is none."""

    def drop_swaps(self, app: str, *, replaced: bool = False) -> bool:
        """Delete what never took the place of the app's volumes, or not for good. `replaced`: the volumes from before
        every swap, too. Whether there were such. No swap of the app is under way."""

    def logs(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str]:
        """The last `tail` lines, oldest first, without line ends; None: all. `since`, in Unix time: none from long
        before it. `process`: of that one alone, `WEB` for the app itself; else those of an extra one carry its name."""

    def follow(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str | None]:
        """As `logs`, then each line as it comes, over stops and starts, until the instance is removed; None at least
        once a second while there is none."""

    def prune(self, app: str, keep: frozenset[str]) -> None:
        """Drop what was fetched for other release keys than `keep`."""

    def forget(self, app: str) -> None:
        """No instance of the app is left, nor will be: what they had in common goes, but for data. While something of
        the app is still in it: nothing."""

    def drop_data(self, app: str) -> None:
        """Delete the app's volumes: the customer asked for it."""
