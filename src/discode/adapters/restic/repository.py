"""ResticBackups: the port Backups, for one app."""

from __future__ import annotations

import io
import tarfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from ...core.backup_address import is_path
from ...core.backup_errors import BackupFailed, RepositoryDamaged, RepositoryLocked, RepositoryMissing, WrongPassword
from ...core.snapshot import Snapshot, SnapshotRecord
from ...disk.folders import make_private
from ...ports.backups import Saved
from ...ports.report import Report, Silence
from ..files.disk import writing
from .failures import FORGET, MAKE, failure
from .making import Making
from .messages import Reading, apps_in, snapshots_in
from .program import Access, Ended, Reader, run

BETWEEN = 5.0  # seconds between two looks at whether another one's lock is gone
INCOMPLETE = 3  # restic's exit code of a snapshot without some files
_GONE = ("errno 2", "no such file or directory")  # the app deleted it meanwhile
# Of a pattern for files that are left out. A `$` would be a variable there; blanks at its end would be cut.
_PLAIN = str.maketrans({"$": "$$", **{sign: f"\\{sign}" for sign in "\\*?["}, **dict.fromkeys("\n\r\t ", "?")})


class ResticBackups:
    def __init__(self, access: Access):
        self._app, self._access = access.app, access

    def create(self) -> None:
        if is_path(self._access.repository):
            folder = Path(self._access.repository)
            with writing(folder):
                make_private(folder)
                _forget_half_made(folder)
            self._done(MAKE, "init")
        else:
            self._making().carry_out()

    def look(self) -> None:
        ended = self._run(["cat", "config", "--no-lock"], access=self._access.opening)
        if ended.code != 0:
            error = failure(self._access.opening, ended, "open the repository")
            if isinstance(error, WrongPassword) and self._making().is_cut_off():
                raise RepositoryMissing(
                    f"The repository at {self._access.repository} is not made yet: its making was cut off. "
                    "Your app was not touched.",
                    f"Go on with it: discode backup setup {self._app} --to {self._access.repository}",
                )
            raise error

    def save(
        self, record: SnapshotRecord, staged: Path, volumes: Sequence[Path], excluded: Sequence[Path], report: Report
    ) -> Saved:
        reading = Reading(report)
        lines = "".join(f"{str(path).translate(_PLAIN)}\n" for path in excluded)
        tags = [word for one in record.tags() for word in ("--tag", one)]
        words = ["backup", "--json", *tags, "--exclude-file", "{}", "--", str(staged), *map(str, volumes)]
        ended = self._run(words, reading, [lines.encode(errors="surrogateescape")], report)
        if ended.code not in (0, INCOMPLETE) or not reading.summary:
            raise failure(self._access, ended, "take the snapshot")
        saved = Saved(
            str(reading.summary["snapshot_id"])[:8], int(reading.summary.get("total_bytes_processed", 0)),
            int(reading.summary.get("data_added", 0)),
        )  # fmt: skip
        lost = [one for one in reading.unread if not one[1].lower().endswith(_GONE)]
        if lost:
            self._done("forget the snapshot", "forget", saved.id)
            raise _unread(lost)
        return saved

    def snapshots(self) -> list[Snapshot]:
        words = ["snapshots", "--json", "--no-lock", "--tag", f"discode,app:{self._app}"]
        return snapshots_in(self._done("list the snapshots", *words).out, self._app)

    def apps(self) -> list[str]:
        return apps_in(self._done("list the snapshots", "snapshots", "--json", "--no-lock", "--tag", "discode").out)

    def read(self, snapshot: Snapshot, name: str) -> bytes:
        words = ["dump", "--no-lock", snapshot.id, f"{snapshot.folder}/{name}"]
        return self._ended_well("read the snapshot", self._run(words, is_text=False)).out

    def read_folder(self, snapshot: Snapshot, name: str) -> Mapping[str, bytes]:
        """As a tar archive: one question for all of them."""
        return _in_tar(self.read(snapshot, name))

    def restore(self, snapshot: Snapshot, target: Path, report: Report) -> None:
        self._done("restore the snapshot", "restore", snapshot.id, "--target", str(target), report=report)

    def check(self, report: Report, *, data: bool = False) -> None:
        ended = self._run(["check", *(["--read-data"] if data else [])], report=report)
        if ended.code != 0:
            error = failure(self._access, ended, "check it")
            raise error if type(error) is not BackupFailed else RepositoryDamaged(error.sentence, error.next_step)

    def forget(self, snapshots: Sequence[Snapshot], report: Report) -> None:
        there = {one.id for one in self.snapshots()}
        ids = [one.id for one in snapshots if one.id in there]
        if ids:
            self._done(FORGET, "forget", "--prune", "--", *ids, report=report)

    def _making(self) -> Making:
        def done(access: Access, words: Sequence[str], files: Sequence[bytes]) -> Ended:
            return self._ended_well(MAKE, self._run(words, files=files, access=access))

        return Making(self._access, done, lambda access, words: self._run(words, access=access))

    def _done(self, doing: str, *words: str, report: Report = Silence()) -> Ended:
        return self._ended_well(doing, self._run(words, report=report))

    def _ended_well(self, doing: str, ended: Ended) -> Ended:
        if ended.code != 0:
            raise failure(self._access, ended, doing)
        return ended

    def _run(
        self,
        words: Sequence[str],
        read: Reader | None = None,
        files: Sequence[bytes] = (),
        report: Report = Silence(),
        access: Access | None = None,
        *,
        is_text: bool = True,
    ) -> Ended:
        """Once more, where a dead process has left its lock: restic tells which locks those are. A living one is waited
        for."""
        access = access or self._access
        with writing(access.cache):
            make_private(access.cache)
        ended, begun = run(access, words, read=read, files=files, is_text=is_text), time.monotonic()
        while self._is_locked(ended):
            run(access, ["unlock"])
            ended = run(access, words, read=read, files=files, is_text=is_text)
            if not self._is_locked(ended) or time.monotonic() - begun > access.patience:
                break
            report.waiting("another restic works in the repository")
            time.sleep(min(BETWEEN, access.patience))
        return ended

    def _is_locked(self, ended: Ended) -> bool:
        return ended.code != 0 and isinstance(failure(self._access, ended, ""), RepositoryLocked)


def _forget_half_made(folder: Path) -> None:
    """The key of an `init` that was killed: restic would open the new repository with it, and find that damaged."""
    if not (folder / "config").exists() and not any(folder.glob("data/*/*")):
        for key in folder.glob("keys/*"):
            key.unlink()


def _in_tar(data: bytes) -> dict[str, bytes]:
    found = {}
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        for member in archive:
            if (file := archive.extractfile(member)) is not None:
                found[member.name.rpartition("/")[2]] = file.read()
    return found


def _unread(lost: Sequence[tuple[str, str]]) -> BackupFailed:
    path, reason = lost[0]
    more = f" and {len(lost) - 1} more" if len(lost) > 1 else ""
    return BackupFailed(
        f"{path}{more} cannot be read ({reason}), so there is no snapshot. Your app was not touched.",
        "Back up as a user who can read all of the app's data, usually root.",
        key="unreadable-data",
    )
