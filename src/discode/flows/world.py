"""The world as the flows see it: all ports together, and those that belong to one app's kind of release."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol

from ..core.errors import NoSuchApp
from ..core.https import Https
from ..core.installation import Installation
from ..core.names import check_slug
from ..ports.accessories import Accessories
from ..ports.proxy import Proxy
from ..ports.releases import Sources
from ..ports.report import Report
from ..ports.runtime import Runtime
from ..ports.store import Store
from ..ports.system import Clock, System

if TYPE_CHECKING:  # few commands ask them
    from ..ports.backups import Repositories
    from ..ports.names import Names
    from ..ports.reports import Reports


@dataclass(frozen=True)
class Platform:
    """What runs instances of a kind of release and what is beside them, and what takes the traffic for them."""

    runtime: Runtime
    proxy: Proxy
    accessories: Accessories


class Platforms(Protocol):
    def platform(self, kind: Literal["archive", "image"]) -> Platform:
        """What this host has for that kind, or would choose for it. Raises RuntimeUnreachable when it cannot run it."""

    def choose(self, kind: Literal["archive", "image"]) -> None:
        """Keep that for all that comes later: before the proxy is started for the first release of a kind."""


class Steps:
    """Times the steps of a flow and reports them. `seconds` adds up by step, in the order of their begin."""

    def __init__(self, clock: Clock, report: Report):
        self.clock, self.report = clock, report
        self.seconds: dict[str, float] = {}

    @contextmanager
    def __call__(self, step: str, title: str) -> Iterator[None]:
        begun, ended_well = self.clock.monotonic(), False
        self.report.step_started(step, title)
        try:
            yield
            ended_well = True
        finally:
            seconds = self.clock.monotonic() - begun
            self.seconds[step] = self.seconds.get(step, 0.0) + seconds
            (self.report.step_done if ended_well else self.report.step_failed)(step, seconds)


@dataclass(frozen=True)
class Site:
    """The ports that a flow on one app works with."""

    store: Store
    sources: Sources
    runtime: Runtime
    proxy: Proxy
    accessories: Accessories
    system: System
    clock: Clock
    report: Report
    steps: Steps
    names: Names


@dataclass(frozen=True)
class World:
    store: Store
    sources: Sources
    platforms: Platforms
    system: System
    clock: Clock
    report: Report
    names: Names
    repositories: Repositories
    reports: Reports

    def steps(self) -> Steps:
        return Steps(self.clock, self.report)

    def site(self, kind: Literal["archive", "image"], steps: Steps) -> Site:
        platform = self.platforms.platform(kind)
        return Site(
            self.store, self.sources, platform.runtime, platform.proxy, platform.accessories, self.system, self.clock,
            self.report, steps, self.names,
        )  # fmt: skip

    def installed(self, app: str) -> Installation:
        """Raises NoSuchApp."""
        installation = self.store.installation(check_slug(app))
        if installation is None:
            raise self.not_installed(app)
        return installation

    def not_installed(self, app: str) -> NoSuchApp:
        """With what there is of it all the same: an install that was interrupted, data and settings that are kept."""
        absent, install = f"{app} is not installed on this machine", f"discode install {app}"
        if (journal := self.store.journal(app)) is not None:
            return NoSuchApp(
                f"{absent}: its {journal.flow} is under way, or was interrupted.",
                f"If no other command is at work on it: discode settle {app}",
            )
        kept, others = self.store.kept(app), [name for name in self.store.apps() if name != app]
        if kept is None:
            here = f" Installed here: {', '.join(others)}." if others else ""
            return NoSuchApp(f"{absent}.", f"Install it with: {install} --from SOURCE.{here}")
        return NoSuchApp(
            f"{absent}{self._what_is_left(app)}",
            f"Install it with: {install} --from {kept.source or 'SOURCE'}. "
            f"To delete what is left of it: discode uninstall {app} --purge",
        )

    def _what_is_left(self, app: str) -> str:
        last = next(iter(reversed(self.store.readable_history(app)[0])), None)
        has_data = app in self.store.kept_apps()
        kept = " Its data and settings are kept." if has_data else ""
        if last is not None and last.flow == "install" and last.serves is None:
            how = "failed" if last.outcome == "failed" else "was interrupted"
            return f": the last install {how}, and nothing of it runs.{kept}"
        if last is None:
            return f": an install was begun and did not finish, and nothing of it runs.{kept}"
        return f".{kept}"


@dataclass(frozen=True)
class Result:
    """How a flow ended. `outcome` is a past participle for people and programs: updated, nothing-to-do, …"""

    flow: str
    app: str
    outcome: str
    from_version: str | None = None
    to_version: str | None = None
    instance: str | None = None
    seconds: dict[str, float] = field(default_factory=dict)
    message: str = ""
    yanked: str | None = None  # why the vendor took back the release that serves now, as far as is known
    https: Https | None = None  # of the names that it brought; None where it brought none
    snapshot: str | None = None  # of the data, that it took before anything else
