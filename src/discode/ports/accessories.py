"""Accessories: the databases and servers beside an app, which outlive its releases. An app has one of a name at most.

Everything is idempotent by app and name. A volume is never given to two programs at a time, and never deleted but by
`drop_volume`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..core.accessory import Accessory, volume_of
from ..core.artifact import Image
from .console import Console
from .releases import Releases
from .report import Report
from .runtime import Phase, Probe

LONGEST = 1 << 24  # bytes of a command's output that is not to go to a file


@dataclass(frozen=True)
class AccessorySpec:
    """All that is needed to run one. `env` is the accessory's, put together; it holds its password and is kept out of
    `repr`."""

    app: str
    name: str
    accessory: Accessory
    env: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def container(self) -> str:
        """What it is called on this machine."""
        return f"{self.app}-{self.name}"

    @property
    def volumes(self) -> dict[str, str]:
        """Where it has its volumes, by what they are called among the app's."""
        return {volume_of(self.name, self.accessory, one): path for one, path in self.accessory.volumes.items()}

    @property
    def fingerprint(self) -> str:
        """The same for all that runs alike. What is only asked of it from outside, its health and grace, does not
        count.

        A database is restarted where this changes: another version of Discode has to make the same of the same.
        """
        made = self.accessory
        told = {
            "image": made.image.reference,
            "entrypoint": made.entrypoint,
            "command": made.command,
            "volumes": self.volumes,
            "env": self.env,
            "resources": [made.resources.memory, made.resources.cpus],
            **({"stop_signal": made.stop_signal} if made.stop_signal else {}),
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True)
class AccessoryState:
    """`fingerprint` and `volumes` are those of the spec that it was made of. `restarts` counts those that its crashes
    made necessary; `exit_code` is that of its last end. `since`: when it was last started, in Unix time. `reason`: why
    it ended, for people, when more is known than the code. `memory` in bytes, None when it cannot be told."""

    name: str
    phase: Phase
    fingerprint: str
    volumes: tuple[str, ...] = ()
    restarts: int = 0
    exit_code: int | None = None
    reason: str = ""
    since: float | None = None
    memory: int | None = None


@dataclass(frozen=True)
class Executed:
    """The end of a command in an accessory. `exit_code` None: it did not end in time, and was killed. `errors`: the
    last lines of its standard error, oldest first. `output`: what it printed, where that was not to go to a file."""

    exit_code: int | None
    errors: tuple[str, ...] = ()
    output: str = field(default="", repr=False)


class Accessories(Protocol):
    """Every call may raise RuntimeUnreachable; then nothing is known of what it did."""

    def fetch(self, app: str, image: Image, releases: Releases, report: Report) -> None:
        """Bring the image onto this machine, for that app. Here already: nothing, and nobody is asked. Raises
        TrustError, Refused or SourceUnreachable."""

    def has(self, app: str, image: Image) -> bool:
        """Whether `fetch` has brought it for that app, and it is still there."""

    def prune(self, app: str, keep: frozenset[str]) -> None:
        """Drop what was fetched for the app, but for the images with these references."""

    def start(self, spec: AccessorySpec) -> None:
        """Have it run as the spec says. Running so already: nothing. One that was made of another spec is stopped,
        within its grace, removed, and made anew on the volumes of this spec; a volume that is missing is made, empty.

        Raises NotHere when its image was not fetched or is gone, ReleaseFailed when it is no program that runs here,
        Refused where this runtime has no accessories.
        """

    def inspect(self, app: str, name: str) -> AccessoryState | None:
        """None when there is no such accessory."""

    def all(self, app: str) -> list[AccessoryState]:
        """Every one of the app, whatever its phase, by name."""

    def healthy(self, spec: AccessorySpec) -> Probe:
        """One look, as the spec's `health` says, for no longer than its `timeout`. Not running: a probe that is not
        ok."""

    def stop(self, app: str, name: str, grace: float) -> None:
        """SIGTERM, `grace` seconds, SIGKILL. It stays stopped until `start`, over a reboot too. None there: nothing."""

    def remove(self, app: str, name: str) -> None:
        """Stop it at once, should it run, and forget it; its volumes stay. None there: nothing."""

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
        """Run a command in it to its end, as it is itself run: same user, env and volumes. `stdin`: a file that it
        reads; None: nothing to read. `stdout`: a file that is written anew, for the owner alone; None: what it prints
        is in the answer, as text, up to LONGEST bytes of it.

        Raises Refused with the key `not-running`, NoSuchCommand, CannotRun; Refused when the disk is full.
        """

    def ask(self, spec: AccessorySpec, command: Sequence[str], *, stdout: Path, timeout: float) -> Executed:
        """Run a command to its end that asks a server elsewhere, as a client: with the spec's env, in a container of
        its image that is made for it and gone at the end, in the app's network; or with what this machine has of it,
        where nothing runs beside apps. What it prints goes to `stdout`, as with `execute`.

        Raises NotHere when its image was not fetched or is gone, NoSuchCommand, CannotRun; Refused when the disk is
        full.
        """

    def exec(self, app: str, name: str, command: Sequence[str], console: Console) -> int:
        """Run a command in it for a person: as `Runtime.exec`."""

    def logs(self, app: str, name: str, tail: int | None = 100, *, since: float | None = None) -> Iterator[str]:
        """As `Runtime.logs`."""

    def follow(
        self, app: str, name: str, tail: int | None = 100, *, since: float | None = None
    ) -> Iterator[str | None]:
        """As `Runtime.follow`."""

    def volumes(self, app: str) -> list[str]:
        """Those of the app's accessories that are there, by what they are called among the app's."""

    def hand_over(self, app: str, volume: str, target: Path) -> None:
        """Move what it holds to `target`, a folder that is not there yet, on the disk of the volumes, and delete it.
        Raises Refused with the key `in-use` while an accessory has it, running or not, `volumes-out-of-reach` as
        `Runtime.volume_paths` does."""

    def drop_volume(self, app: str, volume: str) -> None:
        """Delete it with its data. Not there: nothing. Raises Refused with the key `in-use` while an accessory has
        it, running or not."""
