"""What has to hold of an app's data, besides all that has to hold of the app."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from beside import Beside
from ledger import Ledger, Undone, missing
from repository import Repository

from place import Place


@dataclass(frozen=True)
class Published:
    """Where a release keeps what is written, and what it has beside it."""

    stores: Sequence[str] = ()
    beside: Mapping[str, str] = field(default_factory=dict)


class Data:
    """`beside`: none where apps are processes."""

    def __init__(self, place: Place, ledger: Ledger, repository: Repository, beside: Beside | None):
        self._place, self._ledger, self._repository, self.beside = place, ledger, repository, beside
        self._published: dict[str, Published] = {}
        self.undone: Undone | None = None  # what the next command may go back to

    def published(self, version: str, stores: Sequence[str], beside: Mapping[str, str]) -> None:
        self._published[version] = Published(tuple(stores), dict(beside))

    def beside_of(self, version: str | None) -> Mapping[str, str]:
        """What that release has beside it, by name."""
        return self._published[version].beside if version else {}

    def violations(self, status: dict[str, Any]) -> Iterator[str]:
        """With the status that was found after all was settled."""
        release = self._published.get(status.get("version", ""), Published())
        if status.get("state") == "running":
            is_undone = self.undone is not None and self.undone.version == status["version"]
            yield from missing(self._ledger, self._place.ask, release.stores, self.undone if is_undone else None)
        if self.beside:
            yield from self.beside.faults(release.beside, status.get("state", ""))

    def arrival(self, status: dict[str, Any]) -> Iterator[str]:
        """Of an app that came with its data, or did not: what that has left."""
        self._place.run("settle", "--all")  # before there is a journal there is no guard
        if left := self._place.staged() if status else self._place.left_of_app():
            yield f"{'staged' if status else 'of an app that is not there'}, and left: {left}"

    def set_up(self, *options: str) -> None:
        """Backups, from now on."""
        words = ("backup", "setup", self._place.app, "--to", str(self._repository.path), "--yes-i-kept-it", *options)
        code, told = self._place.run(*words)
        if code != 0:
            raise RuntimeError(f"discode {' '.join(words)} exited with {code}: {told}")
        self._repository.password = told["password"]

    @property
    def is_backed_up(self) -> bool:
        return bool(self._repository.password)

    def backups(self) -> Iterator[str]:
        """After a kill: nothing is held, what was staged goes with the next command, and the next backup is one."""
        app = self._place.app
        code, told = self._place.run("settle", app)
        if code != 0:
            yield f"settle exited with {code}: {told}"
        if (staging := self._place.state_folder / "backup").exists():
            yield f"what was staged is still there: {sorted(one.name for one in staging.rglob('*'))[:9]}"
        yield from self.beside.strangers() if self.beside else ()
        if swap := self._place.open_swap():
            yield f"a restore is not over: {swap}"
        code, told = self._place.run("backup", "now", app)
        if code != 0:
            yield f"the next backup exited with {code}: {told}"
        there = self._repository.snapshots()
        if code == 0 and (not there or not there[-1].startswith(told["snapshot"])):
            yield f"the next backup has made {told['snapshot']}, and the last one is {there[-1:]}"
        yield from self._repository.faults(there, self._ledger)
        if self._repository.locks():  # of one that died beside others; it is in the way of whoever wants to be alone
            code, told = self._place.run("backup", "check", app)
            if code != 0 or self._repository.locks():
                yield f"a lock of the dead is left in the repository: the check exited with {code}: {told}"
