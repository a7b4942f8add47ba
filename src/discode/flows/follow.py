"""Follow an app's log: of whichever instance has its traffic, over updates, restarts, stops and starts.

While a flow is under way the proxy says which instance that is; else the installation does. An instance that has lost
the traffic is read to its end beside the one that has it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from ..core.errors import DiscodeError, UsageError
from ..core.installation import Installation
from ..core.names import InstanceName
from .accessory_look import follow as follow_one
from .accessory_look import is_one, must_be_here, names
from .world import World

LOOK = 1.0  # seconds between two looks at which instance has the traffic
AT_ONCE = 200  # lines of one instance before the next one has its turn


@dataclass(frozen=True)
class Query:
    """`tail` lines of what was there, None for all; since a Unix time; of one process, empty for all."""

    tail: int | None = None
    since: float | None = None
    process: str = ""


def recorded(world: World, installation: Installation, query: Query) -> Iterator[str]:
    """What was there when it was asked for. Raises UsageError for one beside the app that is the customer's own."""
    site = world.site(installation.kind, world.steps())
    if is_one(installation, query.process):
        must_be_here(site, installation, query.process)
        return site.accessories.logs(installation.app, query.process, query.tail, since=query.since)
    return site.runtime.logs(installation.instance, query.tail, since=query.since, process=query.process)


@dataclass(frozen=True)
class Change:
    """From here on: `serving` (another instance has the traffic), `stopped`, `removed`."""

    what: Literal["serving", "stopped", "removed"]
    app: str
    version: str
    instance: str

    def __str__(self) -> str:
        if self.what == "serving":
            return f"{self.app} {self.version} is serving, as {self.instance}"
        return f"{self.app} is stopped" if self.what == "stopped" else f"{self.app} was uninstalled"


def check_process(installation: Installation, process: str) -> None:
    """Raises UsageError."""
    known = names(installation)
    if process and process not in known:
        raise UsageError(
            f"{installation.app} {installation.version} has no process {process}.",
            f"Its processes are: {', '.join(known)}.",
            key="unknown-process",
        )


def follow(world: World, installation: Installation, query: Query) -> Iterator[str | Change | None]:
    """Until the app is uninstalled; None at least once a second while there is no line."""
    if is_one(installation, query.process):
        yield from follow_one(world, installation, query.process, query.tail, query.since)
        return
    tailing = _Tailing(world, installation, query)
    while True:
        change = tailing.look()
        if change is not None:
            yield change
        if change is not None and change.what == "removed":
            yield from tailing.rest()
            return
        yield from tailing.lines()


class _Tailing:
    """`now` has the traffic, as far as the last look knew. `streams` are of instances whose log has not ended."""

    def __init__(self, world: World, installation: Installation, query: Query):
        self._world, self._now, self._query = world, installation, query
        self._site = world.site(installation.kind, world.steps())
        self._streams: dict[InstanceName, Iterator[str | None]] = {}
        self._open(query.tail, query.since)

    def look(self) -> Change | None:
        """What has changed since the last look."""
        before, now = self._now, self._with_traffic()
        if now is None:
            return _change("removed", before)
        self._now = now
        if now.instance not in self._streams and self._site.runtime.inspect(now.instance) is not None:
            self._open(None, None)
        if now.state == "stopped":
            return _change("stopped", now) if before.state != "stopped" else None
        is_the_same = now.instance == before.instance and before.state != "stopped"
        return None if is_the_same else _change("serving", now)

    def lines(self) -> Iterator[str | None]:
        """Those of each instance in turn, until it is time for another look."""
        begun = self._world.clock.monotonic()
        while self._world.clock.monotonic() - begun < LOOK:
            is_quiet = True
            for name in list(self._streams):
                for line in self._turn(name):
                    is_quiet = False
                    yield line
            yield None
            if is_quiet:
                break
        if not self._streams:
            self._world.clock.sleep(LOOK / 4)

    def rest(self) -> Iterator[str]:
        for stream in self._streams.values():
            yield from (line for line in stream if line is not None)

    def _turn(self, name: InstanceName) -> Iterator[str]:
        for number, line in enumerate(self._streams[name]):
            if line is None:
                return
            yield line
            if number == AT_ONCE:
                return
        del self._streams[name]  # the instance was removed

    def _open(self, tail: int | None, since: float | None) -> None:
        name = self._now.instance
        self._streams[name] = self._site.runtime.follow(name, tail, since=since, process=self._query.process)

    def _with_traffic(self) -> Installation | None:
        """None: not installed. What cannot be found out now is as it was."""
        app, runtime = self._now.app, self._site.runtime
        try:
            journal = self._world.store.journal(app)
            serving = self._site.proxy.serving(app) if journal and journal.flow not in ("stop", "uninstall") else None
            for side in (journal.after, journal.before) if journal and serving else ():
                state = runtime.inspect(side.instance) if side else None
                if state is not None and serving is not None and state.endpoint == serving.endpoint:
                    return side
            return self._now if journal else self._world.store.installation(app)
        except DiscodeError:
            return self._now


def _change(what: Literal["serving", "stopped", "removed"], one: Installation) -> Change:
    return Change(what, one.app, one.version, str(one.instance))
