"""Those beside an app, as they are now, for people and programs. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..core.accessory import Accessory
from ..core.errors import DiscodeError, Refused, UsageError
from ..core.installation import Installation
from ..ports.accessories import AccessoryState
from ..ports.console import Console
from ..ports.runtime import WEB, Phase
from .accessories import specs, there
from .world import Site, World

LOOK = 0.25  # seconds between two looks for one that takes the place of the one that was followed


@dataclass(frozen=True)
class Seen:
    """`is_elsewhere`: the customer has it, and nothing runs here. `trouble`: what is wrong with one that should be
    well; empty when nothing is."""

    name: str
    accessory: Accessory
    state: AccessoryState | None = None
    is_elsewhere: bool = False
    trouble: str = ""

    @property
    def phase(self) -> str:
        return "elsewhere" if self.is_elsewhere else self.state.phase.value if self.state else "missing"


def see(site: Site, installation: Installation) -> list[Seen]:
    """By name. Raises RuntimeUnreachable."""
    manifest = installation.release.manifest
    if not manifest.accessories:
        return []
    wanted, found = specs(site, installation), there(site, installation.app)
    seen = []
    for name, one in sorted(manifest.accessories.items()):
        state, trouble = found.get(name), ""
        if name in wanted and installation.state == "running":
            runs = state is not None and state.phase is Phase.RUNNING
            probe = site.accessories.healthy(wanted[name]) if runs else None
            trouble = "it does not run" if probe is None else "" if probe.ok else probe.detail
        seen.append(Seen(name, one, state, name not in wanted, trouble))
    return seen


def is_one(installation: Installation, process: str) -> bool:
    return process in installation.release.manifest.accessories


def names(installation: Installation) -> list[str]:
    """Of all that has a log and can run a command: the app itself, its processes, and those beside it."""
    manifest = installation.release.manifest
    return list(dict.fromkeys([WEB, *manifest.processes, *manifest.accessories]))


def execute(world: World, installation: Installation, name: str, command: Sequence[str], console: Console) -> int:
    """Run a command in one beside the app. Raises as `console.execute`."""
    site, app = world.site(installation.kind, world.steps()), installation.app
    try:
        must_be_here(site, installation, name)
        return site.accessories.exec(app, name, command, console)
    except Refused as error:
        if error.name != "not-running":
            raise
        raise Refused(error.sentence, f"See why: discode status {app}", key=error.name) from error


def must_be_here(site: Site, installation: Installation, name: str) -> None:
    """Raises UsageError for one that is the customer's own."""
    if name not in specs(site, installation):
        raise UsageError(
            f"{name} of {installation.app} is elsewhere, at an address of yours: it does not run here.",
            "Ask whoever runs it, or see its address: discode config get --help",
            key="accessory-not-here",
        )


def follow(
    world: World, installation: Installation, name: str, tail: int | None, since: float | None
) -> Iterator[str | None]:
    """Its log, over changes of it, until the app is uninstalled; None at least once a second while there is no line."""
    app = installation.app
    site = world.site(installation.kind, world.steps())
    while True:
        yield from site.accessories.follow(app, name, tail, since=since)
        tail, since = None, None  # of what takes its place: all
        if not _is_installed(world, app):
            return
        yield None
        world.clock.sleep(LOOK)


def _is_installed(world: World, app: str) -> bool:
    """What cannot be found out now is as it was."""
    try:
        return world.store.installation(app) is not None
    except DiscodeError:
        return True
