"""FolderRepository: a TUF repository in a folder of static files.

    metadata/   timestamp.json, <version>.snapshot.json, <version>.targets.json, <version>.root.json
    targets/    <app>/<sha256>.index.json, <app>/<sha256>.<key>.json, <app>/archives/<sha256>.….tar

A reader comes in by `timestamp.json`, which is written last: before that it sees the repository as it was.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from securesystemslib.signer import CryptoSigner
from tuf.api.metadata import Metadata, MetaFile, Snapshot, TargetFile, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from ...core.artifact import Archive
from ...core.ends import DAY, End
from ...core.errors import PreflightError, Refused, StateError
from ...core.release import Index, IndexEntry, Release, index_path, manifest_path, read_manifest
from ...disk.lock import held
from ...disk.refusal import refusal
from ...disk.whole import replacing, write_whole
from ...ports.repository import Begun, KeyRole, Rotated, Trusted
from .chain import Chain, Role, above_all_seen, lost_apps, roots_in
from .keys import ONLINE, ROOT, TARGETS, Keys
from .packing import pack
from .roots import DAYS, Clock, Roots, all_named, apps_of, names_of, now

Signers = Mapping[str, list[CryptoSigner]]


class FolderRepository:
    def __init__(self, folder: Path, keys: Path, clock: Clock = now):
        self.folder, self._keys = folder, Keys(keys)
        again = f"{folder} --keys {keys}"
        self._roots = Roots(self._keys, str(folder), f"--repo {again}", f"discode release init {again}", clock)

    def init(self, *, new_root: bool = False) -> Begun:
        ours = self._roots.kept.chain()
        if (self._metadata / "timestamp.json").exists():
            return self._bring_up_to_date(ours)
        if self._keys.folder.resolve().is_relative_to(self.folder.resolve()):
            raise Refused(
                f"The keys would be published: {self._keys.folder} is below {self.folder}. Nothing was changed.",
                "Keep them elsewhere: --keys ~/keys/myapp",
                key="keys-published",
            )
        if ours is not None:
            return self._go_on(ours)
        if not self._keys.there([*ROOT, *TARGETS]):
            self._keys.make()
        elif not new_root:
            raise self._roots.without_a_chain()
        self._roots.kept.keep(self._roots.sign_first(self._online_signer().public_key))
        return self._go_on(self._roots.kept.chain())

    def fingerprint(self) -> str:
        return self._chain().fingerprint

    def index(self, app: str) -> Index:
        return self._index(self._load("targets", Targets), app)

    def release(self, app: str, entry: IndexEntry) -> Release:
        name = manifest_path(app, entry.key)
        known = self._load("targets", Targets).targets.get(name)
        try:
            data = self._target_path(name, known.hashes["sha256"]).read_bytes() if known else b""
        except OSError as error:
            raise StateError(
                f"{error.filename} cannot be read: {error.strerror}. Nothing was published.",
                "Restore it from a backup.",
            ) from error
        return read_manifest(app, entry, data)

    def apps(self) -> list[str]:
        return apps_of(self._load("targets", Targets))

    def pack(self, app: str, source: Path) -> tuple[Archive, Path]:
        with _disk(self.folder):
            return pack(app, source)

    def publish(self, app: str, files: dict[str, bytes | Path], change: Callable[[Index], Index]) -> Index:
        with self._exclusive(), _disk(self.folder):
            chain = self._chain()
            targets = self._current()
            index = change(self._index(targets, app))
            self._commit(chain, targets, {**files, index_path(app): index.to_sign()})
            return index

    def renew(self) -> None:
        self.renew_root()
        with self._exclusive(), _disk(self.folder):
            self._commit(self._chain(), self._current(), {})

    def renew_root(self) -> bool:
        with self._exclusive(), _disk(self.folder):
            if (renewed := self._roots.renewed(self._chain())) is None:
                return False
            self._write_roots(renewed)
            return True

    def rotate(self, role: KeyRole) -> Rotated:
        """Readers find everything signed at every moment: first with the keys of today and the new ones, then the root
        names the new ones."""
        with self._exclusive(), _disk(self.folder):
            pending = self._keys.pending(names_of(role))
            chain = self._chain()
            if (done := self._roots.finished(pending, role, chain)) is not None:
                return done
            self._roots.signers(chain)  # before anything is made: without them it comes to nothing
            prepared = self._keys.prepare(names_of(role))
            keys = [signer.public_key for signer in prepared]
            renewed = self._roots.next(chain, all_named(role, keys), prepared if role == "root" else ())
            if role != "root":
                self._commit(chain, self._current(), {}, dict.fromkeys(all_named(role, keys), prepared))
            self._write_roots(renewed)
            retired = self._keys.settle(renewed.newest.keys)
        return Rotated(role, renewed.version, tuple(key.keyid for key in keys), tuple(retired))

    def trusted(self) -> Trusted:
        chain = self._chain()
        ends = (self._end("targets", Targets), self._end("snapshot", Snapshot), self._end("timestamp", Timestamp))
        first = min(ends, key=lambda end: end.at)  # one command signs all three
        found = (self._roots.end(chain), first)
        return Trusted(chain.fingerprint, chain.version, self._roots.keys_of(chain), found, self._roots.kept.trouble)

    @property
    def _metadata(self) -> Path:
        return self.folder / "metadata"

    @property
    def _targets(self) -> Path:
        return self.folder / "targets"

    def _go_on(self, ours: Chain | None) -> Begun:
        """In an empty folder; where customers know one before it, from the root that they trust."""
        assert ours is not None
        before = self._roots.kept.targets()
        if before is None and not self._roots.is_due(ours):  # the first time, or after a try that came to nothing
            self._begin(ours, 1)
            return Begun(ours.fingerprint, ours.version)
        renewed = self._with_another_online_key(ours)
        self._begin(renewed, above_all_seen(self._roots.kept.targets_version, self._roots.clock()))
        return Begun(renewed.fingerprint, renewed.version, True, tuple(apps_of(before)) if before else ())

    def _bring_up_to_date(self, ours: Chain | None) -> Begun:
        """A folder of an earlier time, as after a restore. Raises Refused for any other repository."""
        theirs, targets = self._their_chain(), self._load("targets", Targets)
        known = self._roots.kept.targets_version
        if ours is None or (theirs.continues(ours) and targets.version >= known):
            raise Refused(
                f"{self.folder} is already a repository. Nothing was changed.",
                "Publish to it, or create another one in a new folder.",
                key="repository-exists",
            )
        if not (ours.continues(theirs) or theirs.continues(ours)):
            raise self._roots.unknown()
        lost = lost_apps(self._roots.kept.targets(), targets)
        with self._exclusive(), _disk(self.folder):
            renewed = self._with_another_online_key(ours if ours.continues(theirs) else theirs)
            self._write_roots(renewed)
            self._commit(renewed, targets, {}, at_least=above_all_seen(known, self._roots.clock()))
        return Begun(renewed.fingerprint, renewed.version, True, lost)

    def _with_another_online_key(self, chain: Chain) -> Chain:
        """Customers have seen later timestamps than the next one here: by another key they begin anew."""
        prepared = self._keys.prepare(ONLINE)
        renewed = self._roots.next(chain, all_named("online", [one.public_key for one in prepared]))
        self._roots.kept.keep(renewed)
        self._keys.settle(renewed.newest.keys)
        return renewed

    def _online_signer(self) -> CryptoSigner:
        """Made where it is missing: keys that were a hub's before have none."""
        if not self._keys.there(ONLINE):
            self._keys.settle([self._keys.prepare(ONLINE)[0].public_key.keyid])
        return self._keys.signers("timestamp")[0]

    def _begin(self, chain: Chain, version: int) -> None:
        with _disk(self.folder):
            self._metadata.mkdir(parents=True, exist_ok=True)
            self._targets.mkdir(exist_ok=True)
            self._write_roots(chain)
            self._commit(chain, Targets(expires=self._roots.expiry("targets")), {}, at_least=version)

    def _chain(self) -> Chain:
        """Raises Refused when customers would not believe what is published here."""
        if not self._metadata.is_dir():
            raise self._no_repository()
        return self._roots.agreed(self._their_chain())

    def _their_chain(self) -> Chain:
        roots = roots_in(self._metadata)
        if not roots:
            raise StateError(f"{self._metadata} has no root. Nothing was published.", "Restore it from a backup.")
        return Chain(roots)

    def _current(self) -> Targets:
        """Raises Refused for a folder of an earlier time."""
        targets = self._load("targets", Targets)
        if targets.version < self._roots.kept.targets_version:
            raise self._roots.behind(f"targets {targets.version}", f"targets {self._roots.kept.targets_version}")
        return targets

    def _index(self, targets: Targets, app: str) -> Index:
        known = targets.targets.get(index_path(app))
        if known is None:
            return Index(app=app)
        path = self._target_path(index_path(app), known.hashes["sha256"])
        return Index.read_json(path.read_bytes())

    def _commit(
        self,
        chain: Chain,
        targets: Targets,
        files: dict[str, bytes | Path],
        also: Signers | None = None,
        at_least: int = 1,
    ) -> None:
        """Files first, then what speaks of them, each by what was written before it. `also`: more signers, by role;
        `at_least`: a version for all three."""
        for name, content in files.items():
            known = self._store(name, content)
            targets.targets[name] = known
        first = not (self._metadata / "timestamp.json").exists()
        snapshot = Snapshot() if first else self._load("snapshot", Snapshot)
        timestamp = Timestamp() if first else self._load("timestamp", Timestamp)
        step = 0 if first else 1
        for signed, role in ((targets, "targets"), (snapshot, "snapshot"), (timestamp, "timestamp")):
            signed.version, signed.expires = max(signed.version + step, at_least), self._roots.expiry(role)
        snapshot.meta["targets.json"] = MetaFile(version=targets.version)
        timestamp.snapshot_meta = MetaFile(version=snapshot.version)
        more = also or {}
        data = self._write(f"{targets.version}.targets.json", "targets", Metadata(targets), more)
        self._write(f"{snapshot.version}.snapshot.json", "snapshot", Metadata(snapshot), more)
        self._write("timestamp.json", "timestamp", Metadata(timestamp), more)
        self._roots.kept.keep(chain, data)

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

    def _write(self, name: str, role: str, metadata: Metadata[Any], also: Signers) -> bytes:
        """Where others sign too, the key of today may be gone."""
        own = self._keys.signers(role) if role not in also or self._keys.there(names_of(role)) else []
        for signer in [*own, *also.get(role, ())]:
            metadata.sign(signer, append=True)
        data = metadata.to_bytes()
        write_whole(self._metadata / name, data)
        return data

    def _write_roots(self, chain: Chain) -> None:
        """Those that are not there yet, oldest first."""
        there = roots_in(self._metadata)
        for number, root in enumerate(chain.roots, 1):
            if number > len(there) or there[number - 1] != root:
                write_whole(self._metadata / f"{number}.root.json", root)
        self._roots.kept.keep(chain)

    def _end(self, role: str, kind: type[Role]) -> End:
        at = self._load(role, kind).expires.timestamp()
        step = f"publish a release, or: discode release renew {self._roots.options}"
        return End("releases' signature", at, DAYS[role] * DAY, "customers get no more updates", step)

    def _load(self, role: str, kind: type[Role]) -> Role:
        """The newest version. Raises Refused when there is no repository, StateError when it is damaged."""
        if not self._metadata.is_dir():
            raise self._no_repository()
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
        if role == "snapshot":
            version = self._load("timestamp", Timestamp).snapshot_meta.version
        else:
            version = self._load("snapshot", Snapshot).meta["targets.json"].version
        return self._metadata / f"{version}.{role}.json"

    def _no_repository(self) -> Refused:
        return Refused(
            f"{self.folder} is not a repository of releases.",
            f"Create one: discode release init {self.folder} --keys {self._keys.folder}",
            key="no-repository",
        )

    @contextmanager
    def _exclusive(self) -> Iterator[None]:
        """One publisher at a time; beside the folder's parts, so that a web server need not know."""
        if not self._metadata.is_dir():
            raise self._no_repository()
        with held(self.folder / ".lock", mode=0o664):
            yield


@contextmanager
def _disk(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        path = Path(error.filename or folder)
        key, reason, advice = refusal(path, error)
        raise PreflightError(f"{path} cannot be written: {reason}. Nothing was published.", advice, key=key) from error
