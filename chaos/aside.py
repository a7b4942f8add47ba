"""A copy of the app beside it, under a name of its own, as a restore makes one: checked like the app, and deleted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from beside import Beside
from checks import Check, Expected
from docker_place import DockerPlace
from ledger import Ledger, lost
from runtimes import Kind

from place import Place

COPY, HOST = "copy", "copy.chaos.test"
REFUSED = 4  # the exit code of what is there already


class Aside:
    """`stores`: where the app keeps what its users write. `begun`: when the snapshot was, that the copy is of."""

    def __init__(self, place: Place, kind: Kind, ledger: Ledger, stores: Sequence[str]):
        self._place, self._ledger, self._stores = place.named(COPY, HOST), ledger, stores
        self._expected = Expected()
        self._check = Check(self._place, kind.machine(self._place), self._expected)
        self._beside = Beside(self._place) if isinstance(self._place, DockerPlace) else None
        self._version, self._begun = "", 0.0

    def is_of(self, version: str, secret: str, begun: float) -> None:
        """A snapshot of that version, in which the app's note is."""
        self._version, self._begun = version, begun
        self._expected.secret, self._expected.noted = secret, True

    def violations(self, words: Sequence[str], *, killed: bool) -> Iterator[str]:
        """After the command that makes it has ended or died; at the end nothing is left of the copy."""
        yield from self._found({None, self._version} if killed else {self._version})
        if killed:
            was_there = bool(self._check.status)
            code, told = self._place.run(*words)
            if code != (REFUSED if was_there else 0):
                yield f"the copy again: it exited with {code}: {told}"
            yield from (f"the copy again: {one}" for one in self._found({self._version}))
        code, told = self._place.run("uninstall", COPY, "--purge", "--yes")
        if code != 0:
            yield f"the copy cannot be deleted: {code} {told}"
        yield from (f"the copy deleted: {one}" for one in self._found({None}))

    def _found(self, versions: set[str | None]) -> Iterator[str]:
        self._expected.versions = versions
        yield from (f"the copy: {one}" for one in self._check.violations(typed=False))
        if not self._check.status:
            if left := self._place.left_of_app():
                yield f"of the copy, which is not there, is left: {left}"
            yield from self._beside.faults({}, "") if self._beside else ()
            return
        if staged := self._place.staged():
            yield f"of the making of the copy is left: {staged}"
        for store in self._stores:
            status, text = self._place.ask(f"/writes?in={store}")
            there = text.split() if status == 200 else ()
            yield from lost(self._ledger.acknowledged(store, self._begun), there, f"{store} of the copy")
