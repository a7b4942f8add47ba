"""FolderRepository: a TUF repository in a folder of static files.

    metadata/   timestamp.json, <version>.snapshot.json, <version>.targets.json, <version>.root.json
    targets/    <app>/<sha256>.index.json, <app>/<sha256>.<key>.json, <app>/archives/<sha256>.….tar

A reader comes in by `timestamp.json`, which is written last: before that it sees the repository as it was.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from ...core.errors import PreflightError, Refused, StateError
from ...core.manifest import Archive
from ...core.release import Index, index_path
from ...disk.lock import held
from ...disk.refusal import refusal
from ...disk.whole import replacing, write_whole
from .keys import ROLES, Keys
from .packing import pack

_Role = TypeVar("_Role", Root, Snapshot, Targets, Timestamp)
# Longer than a hub's, which signs every day: a folder is signed when its vendor publishes or renews.
DAYS = {"root": 365, "targets": 365, "snapshot": 90, "timestamp": 90}


class FolderRepository:
    def __init__(self, folder: Path, keys: Path):
        self.folder, self._keys = folder, Keys(keys)

    def init(self) -> str:
        if self._metadata.exists():
            raise Refused(
                f"{self.folder} is already a repository. Nothing was changed.",
                "Publish to it, or create another one in a new folder.",
                key="repository-exists",
            )
        if self._keys.folder.resolve().is_relative_to(self.folder.resolve()):
            raise Refused(
                f"The keys would be published: {self._keys.folder} is below {self.folder}. Nothing was changed.",
                "Keep them elsewhere: --keys ~/keys/myapp",
                key="keys-published",
            )
        self._keys.make()
        with _disk(self.folder):
            self._metadata.mkdir(parents=True)
            self._targets.mkdir()
            self._sign_root()
            self._commit(Targets(expires=expiry("targets")), {})
        return self.fingerprint()

    def fingerprint(self) -> str:
        """SHA-256 of the first root, by which a customer can know it."""
        return hashlib.sha256((self._metadata / "1.root.json").read_bytes()).hexdigest()

    def index(self, app: str) -> Index:
        targets = self._load("targets", Targets)
        return self._index(targets, app)

    def apps(self) -> list[str]:
        names = self._load("targets", Targets).targets
        return sorted(name.partition("/")[0] for name in names if name.endswith("/index.json"))

    def pack(self, app: str, source: Path) -> tuple[Archive, Path]:
        with _disk(self.folder):
            return pack(app, source)

    def publish(self, app: str, files: dict[str, bytes | Path], change: Callable[[Index], Index]) -> Index:
        with self._exclusive(), _disk(self.folder):
            targets = self._load("targets", Targets)
            index = change(self._index(targets, app))
            data = index.to_sign()
            self._commit(targets, {**files, index_path(app): data})
            return index

    def renew(self) -> None:
        with self._exclusive(), _disk(self.folder):
            root = self._load("root", Root)
            if root.expires < now() + timedelta(days=DAYS["root"] / 2):
                root.version, root.expires = root.version + 1, expiry("root")
                self._write_root(root)
            self._commit(self._load("targets", Targets), {})

    @property
    def _metadata(self) -> Path:
        return self.folder / "metadata"

    @property
    def _targets(self) -> Path:
        return self.folder / "targets"

    def _index(self, targets: Targets, app: str) -> Index:
        known = targets.targets.get(index_path(app))
        if known is None:
            return Index(app=app)
        path = self._target_path(index_path(app), known.hashes["sha256"])
        return Index.read_json(path.read_bytes())

    def _commit(self, targets: Targets, files: dict[str, bytes | Path]) -> None:
        """Files first, then what speaks of them, each by what was written before it."""
        for name, content in files.items():
            known = self._store(name, content)
            targets.targets[name] = known
        first = not list(self._metadata.glob("*.targets.json"))
        snapshot = Snapshot() if first else self._load("snapshot", Snapshot)
        timestamp = Timestamp() if first else self._load("timestamp", Timestamp)
        step = 0 if first else 1
        targets.version, snapshot.version = targets.version + step, snapshot.version + step
        timestamp.version += step
        targets.expires, snapshot.expires = expiry("targets"), expiry("snapshot")
        timestamp.expires = expiry("timestamp")
        snapshot.meta["targets.json"] = MetaFile(version=targets.version)
        timestamp.snapshot_meta = MetaFile(version=snapshot.version)
        self._write(f"{targets.version}.targets.json", "targets", Metadata(targets))
        self._write(f"{snapshot.version}.snapshot.json", "snapshot", Metadata(snapshot))
        self._write("timestamp.json", "timestamp", Metadata(timestamp))

    def _store(self, name: str, content: bytes | Path) -> TargetFile:
        known = (
            TargetFile.from_data(name, content, ["sha256"])
            if isinstance(content, bytes)
            else TargetFile.from_file(name, str(content), ["sha256"])
        )
        path = self._target_path(name, known.hashes["sha256"])
        if isinstance(content, bytes):
            write_whole(path, content)
        else:
            with content.open("rb") as source, replacing(path) as file:
                shutil.copyfileobj(source, file)
        return known

    def _target_path(self, name: str, sha256: str) -> Path:
        folder, _, last = name.rpartition("/")
        return self._targets / folder / f"{sha256}.{last}"

    def _sign_root(self) -> None:
        root = Root(expires=expiry("root"), consistent_snapshot=True)
        for role, names in ROLES.items():
            for signer in self._keys.signers(role):
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = len(names)
        self._write_root(root)

    def _write_root(self, root: Root) -> None:
        self._write(f"{root.version}.root.json", "root", Metadata(root))

    def _write(self, name: str, role: str, metadata: Metadata) -> None:  # type: ignore[type-arg]
        metadata.signatures.clear()
        for signer in self._keys.signers(role):
            metadata.sign(signer, append=True)
        write_whole(self._metadata / name, metadata.to_bytes())

    def _load(self, role: str, kind: type[_Role]) -> _Role:
        """The newest version. Raises Refused when there is no repository, StateError when it is damaged."""
        if not self._metadata.is_dir():
            raise Refused(
                f"{self.folder} is not a repository of releases.",
                f"Create one: discode release init {self.folder} --keys KEYDIR",
                key="no-repository",
            )
        path = self._newest(role)
        try:
            signed = Metadata.from_bytes(path.read_bytes()).signed
        except (OSError, DeserializationError) as error:
            raise StateError(f"{path} cannot be read. Nothing was published.", "Restore it from a backup.") from error
        assert isinstance(signed, kind)
        return signed

    def _newest(self, role: str) -> Path:
        """What the timestamp speaks of; a newer file is of a publish that was cut off, and is written again."""
        if role == "timestamp":
            return self._metadata / "timestamp.json"
        if role == "root":
            return max(self._metadata.glob("*.root.json"), key=lambda path: int(path.name.partition(".")[0]))
        if role == "snapshot":
            version = self._load("timestamp", Timestamp).snapshot_meta.version
        else:
            version = self._load("snapshot", Snapshot).meta["targets.json"].version
        return self._metadata / f"{version}.{role}.json"

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One publisher at a time; beside the folder's parts, so that a web server need not know."""
        if not self._metadata.is_dir():
            self._load("root", Root)
        with held(self.folder / ".lock", mode=0o664):
            yield


def now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)


def expiry(role: str) -> datetime:
    return now() + timedelta(days=DAYS[role])


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = Path(error.filename or folder)
        key, reason, advice = refusal(path, error)
        raise PreflightError(f"{path} cannot be written: {reason}. Nothing was published.", advice, key=key) from error
