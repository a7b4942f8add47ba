"""The vendor's repository of signed releases: what `release publish` writes and `Releases` reads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from ..core.artifact import Archive
from ..core.ends import End
from ..core.release import Index, IndexEntry, Release

KeyRole = Literal["online", "targets", "root"]


@dataclass(frozen=True)
class Begun:
    """`fingerprint` is the first root's, `root` the newest one's version; `lost` are the apps whose releases have to be
    published again."""

    fingerprint: str
    root: int
    continued: bool = False
    lost: tuple[str, ...] = ()


@dataclass(frozen=True)
class KeyState:
    """A key that the newest root names: `role` is online, targets or root; `file` is None where its secret is not at
    hand."""

    role: str
    identity: str
    file: Path | None


@dataclass(frozen=True)
class Trusted:
    """What customers trust: `root` is the newest root's version. `trouble` is a sentence where the copy beside the keys
    could not be written."""

    fingerprint: str
    root: int
    keys: tuple[KeyState, ...]
    ends: tuple[End, ...]
    trouble: str = ""


@dataclass(frozen=True)
class Imported:
    """`root` and `targets` are the newest versions that are known now; `signed` is when that root was, in Unix time."""

    fingerprint: str
    root: int
    targets: int
    signed: float


@dataclass(frozen=True)
class Rotated:
    """`root` names the new keys; `retired` are the files of those before."""

    role: str
    root: int
    identities: tuple[str, ...]
    retired: tuple[Path, ...]


class Repository(Protocol):
    """Calls that sign raise Refused without the keys, and where customers would not believe what is published; nothing
    is half published, whatever happens."""

    def init(self, *, new_root: bool = False) -> Begun:
        """Make the keys and an empty repository; with keys that have published before, go on from the root that their
        customers trust. `new_root`: keys without a chain have never published. Raises Refused when it is there."""

    def fingerprint(self) -> str:
        """SHA-256 of the first root, by which a customer can know it."""

    def index(self, app: str) -> Index:
        """What is published of an app; an empty index when nothing is."""

    def release(self, app: str, entry: IndexEntry) -> Release:
        """What was published under that entry of the index. Raises StateError or TrustError when it is not there as it
        was published, Refused when a newer Discode has published it."""

    def apps(self) -> list[str]: ...

    def pack(self, app: str, source: Path) -> tuple[Archive, Path]:
        """A folder or a tar archive as an artifact, and the file with its bytes, which the caller deletes."""

    def publish(self, app: str, files: dict[str, bytes | Path], change: Callable[[Index], Index]) -> Index:
        """Add target files, change the app's index, sign. Readers see all of it or nothing."""

    def renew(self) -> None:
        """Sign everything that expires again, for its full time."""

    def renew_root(self) -> bool:
        """Sign the next root if half of its time is over and its keys are at hand; whether it was. Raises Refused when
        it has ended and they are not."""

    def rotate(self, role: KeyRole) -> Rotated:
        """New keys for a role, in the next root. Raises Refused."""

    def trusted(self) -> Trusted:
        """The newest root, as customers come to know it, and everything that ends."""
