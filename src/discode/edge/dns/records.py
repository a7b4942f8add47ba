"""The TXT records that are out there now, for challenges of the CA.

    noted  ->  added  ->  seen by every server of the zone  ->  removed  ->  forgotten
      |          |                     |                        |
      +----------+---------------------+------------------------+-> a leftover: removed later, or by the next controller

What is in the note (`dns-records.json`) may be at the provider. It is written before a record is added and changed only
when one is gone, so that no crash leaves a record behind for ever.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from ...disk.whole import write_whole
from .child import Child, Children
from .failure import DnsFailure
from .settings import DnsSettings, read_settings

LOOKUP = 60.0  # seconds to find the place of a record: a few questions to a resolver
SLACK = 30.0  # that a child may take beyond what it was told to wait
FIRST_PAUSE, LONGEST_PAUSE = 60.0, 3600.0  # seconds between two tries to remove what is left over


@dataclass(frozen=True)
class Record:
    name: str
    zone: str
    value: str
    provider: str


class Records:
    """`folder`: the edge's state, with the settings. `note`: the file of the records. To publish takes as long as the
    provider and the zone's servers do: minutes."""

    def __init__(self, folder: Path, note: Path, say: Callable[[str], None]):
        self._folder, self._note, self._say = folder, note, say
        self._children = Children()
        self._change = threading.Lock()  # guards the three below
        self._noted = _read(note)
        self._in_use: set[Record] = set()
        self._turn_at: dict[str, threading.Lock] = {}
        self._writing = threading.Lock()  # some providers replace all values of a name: one write after the other
        self._next_try, self._pause = 0.0, FIRST_PAUSE

    def settings(self) -> DnsSettings | None:
        """As they are now; None: there is no provider. Raises DnsFailure for a file that cannot be used."""
        return read_settings(self._folder)

    def has_provider(self) -> bool:
        """Also with a file that cannot be used: that is told when a name is to be proved."""
        try:
            return self.settings() is not None
        except DnsFailure:
            return True

    def proves(self, host: str) -> bool:
        """Whether a record is the way for this name, as far as the settings say."""
        try:
            settings = self.settings()
        except DnsFailure:
            return True
        return settings is not None and settings.proves(host)

    @contextmanager
    def published(self, settings: DnsSettings, challenges: Iterable[tuple[str, str]]) -> Iterator[list[Record]]:
        """`challenges`: names such as `_acme-challenge.example.com`, each with its value. Inside the context every
        server of the zone has them. Raises DnsFailure, when it begins."""
        made: list[Record] = []
        challenges = list(challenges)
        with self._turns({challenge for challenge, _ in challenges}), self._children.one() as child:
            try:
                for challenge, value in challenges:
                    made.append(self._add(child, settings, challenge, value))
                for record in made:
                    self._wait(child, settings, record)
                yield made
            finally:
                self._remove_all(child, made)

    @contextmanager
    def _turns(self, challenges: Iterable[str]) -> Iterator[None]:
        """One order after the other has its record at a name: some providers hold one value for a name."""
        with ExitStack() as held:
            for challenge in sorted(challenges):
                with self._change:
                    turn = self._turn_at.setdefault(challenge, threading.Lock())
                held.enter_context(turn)
            yield

    def left_over(self) -> list[Record]:
        """What is to be removed now; it is not named again for a while."""
        now = time.monotonic()
        with self._change:
            left = [record for record in self._noted if record not in self._in_use]
            if not left or now < self._next_try:
                return []
            self._next_try, self._pause = now + self._pause, min(self._pause * 2, LONGEST_PAUSE)
        return left

    def remove(self, records: Iterable[Record]) -> None:
        with self._children.one() as child:
            self._remove_all(child, records)

    def stop(self) -> None:
        self._children.stop()

    def _add(self, child: Child, settings: DnsSettings, challenge: str, value: str) -> Record:
        asked = {"challenge": challenge, "resolvers": settings.resolvers}
        place = child.ask(LOOKUP, op="find", **asked)
        record = Record(place["name"], place["zone"], value, settings.provider)
        with self._change:
            self._in_use.add(record)
            self._keep([*self._noted, record])
        try:
            with self._writing:
                _tell(child, "add", settings, record)
        except DnsFailure as failure:
            self._after_failed_add(child, record, failure)
            raise
        return record

    def _after_failed_add(self, child: Child, record: Record, failure: DnsFailure) -> None:
        """An answer can be lost: then it may be there all the same."""
        if failure.kind in ("credentials", "provider", "zone"):
            self._forget(record)
        elif failure.kind == "refused":
            self._remove(child, record)
        else:
            self._let_go(record)  # who does not answer now is not asked at once again

    def _wait(self, child: Child, settings: DnsSettings, record: Record) -> None:
        seconds = settings.wait
        asked = {"name": record.name, "zone": record.zone, "value": record.value}
        answer = child.ask(seconds + SLACK, op="wait", **asked, resolvers=settings.resolvers, seconds=seconds)
        if answer["note"]:
            self._say(f"DNS: {record.name}: {answer['note']}")

    def _remove_all(self, child: Child, records: Iterable[Record]) -> None:
        """A failure is only told: the certificate does not depend on it, and the record is a leftover then."""
        for record in records:
            self._remove(child, record)

    def _remove(self, child: Child, record: Record) -> None:
        try:
            settings = self.settings()
            if settings is None or settings.provider != record.provider:
                self._say(f"DNS: {record.name} stays at {record.provider}, which is not set any more: remove it there")
            else:
                with self._writing:
                    _tell(child, "remove", settings, record)
        except DnsFailure as failure:
            self._say(f"DNS: {record.name} could not be removed: {failure}; it is tried again")
            self._let_go(record)
            return
        self._forget(record)
        self._pause = FIRST_PAUSE

    def _forget(self, record: Record) -> None:
        with self._change:
            self._in_use.discard(record)
            self._keep([other for other in self._noted if other != record])

    def _let_go(self, record: Record) -> None:
        with self._change:
            self._in_use.discard(record)
            self._next_try = time.monotonic() + self._pause

    def _keep(self, records: list[Record]) -> None:
        """Under the lock."""
        self._noted = records
        text = json.dumps([asdict(record) for record in records], indent=1)
        write_whole(self._note, text.encode(), mode=0o600, folder_mode=0o700)


def _tell(child: Child, op: str, settings: DnsSettings, record: Record) -> None:
    child.ask(settings.timeout, op=op, **asdict(record), credentials=str(settings.credentials))


def _read(note: Path) -> list[Record]:
    """Those that can be read: a record that is left over does no harm."""
    try:
        return [Record(**raw) for raw in json.loads(note.read_text())]
    except (OSError, ValueError, TypeError):
        return []
