"""Run a command in an app: in the instance that serves, or in a fresh one beside it. What serves stays as it is.

No lock is held while it runs: an update can go on meanwhile. But data that only one program at a time may have is not
given to a second one: then a fresh instance wants the app stopped, and keeps it so by the app's lock.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext, suppress
from dataclasses import replace

from ..core.errors import DiscodeError, NotHere, Refused, UsageError
from ..core.installation import Installation
from ..ports.console import Console
from ..ports.runtime import WEB
from . import accessory_look
from .instance import fetch_again, runs, spec
from .settle import settle
from .world import Site, World

ENDED = (129, 137, 143)  # by SIGHUP, SIGKILL, SIGTERM: what ends in an instance that is stopped
NOTICED, INTERVAL = 1.0, 0.05  # seconds within which a runtime has noted that an instance has ended, and between looks


def execute(world: World, app: str, command: Sequence[str], console: Console, process: str = WEB) -> int:
    """The command's own exit code. `process` may be one of those beside the app. Raises NoSuchApp, Refused when the app
    does not run, UsageError for a process that it does not have, NoSuchCommand, CannotRun."""
    installation = world.installed(app)
    known = accessory_look.names(installation)
    if process not in known:
        raise UsageError(
            f"{app} has no process {process}; it has: {', '.join(known)}.", f"See: discode status {app}",
            key="no-such-process",
        )  # fmt: skip
    if installation.state == "stopped":
        raise Refused(
            f"{app} is stopped, so there is no instance to run a command in.",
            f"Run it in a fresh one: discode run {app} -- COMMAND. Or start the app: discode start {app}",
            key="stopped",
        )
    if accessory_look.is_one(installation, process):
        return accessory_look.execute(world, installation, process, command, _patient(console, installation))
    site = world.site(installation.kind, world.steps())
    try:
        code = site.runtime.exec(installation.instance, command, _patient(console, installation), process)
    except Refused as error:
        if error.name != "not-running":
            raise
        raise Refused(error.sentence, f"See why: discode status {app}", key=error.name) from error
    if code in ENDED:
        _tell_of_its_end(site, installation)
    return code


def _tell_of_its_end(site: Site, installation: Installation) -> None:
    """Whoever sits there may not know of an update or a restart."""
    until = site.clock.monotonic() + NOTICED
    with suppress(DiscodeError):
        while runs(site, installation):
            if site.clock.monotonic() > until:
                return
            site.clock.sleep(INTERVAL)
        site.report.note(f"{installation.instance} has ended, and the command with it.")


def run(world: World, app: str, command: Sequence[str], console: Console) -> int:
    """As `execute`, with the settings and volumes of the app, which may be stopped. Raises Refused when it runs and has
    volumes that only one program may have; Busy; what fetching a release again raises."""
    is_alone = world.installed(app).release.manifest.update.strategy == "hold"
    with world.store.lock(app) if is_alone else nullcontext():
        if is_alone:
            settle(world, app, world.steps())
        installation = world.installed(app)
        if is_alone:
            _must_be_stopped(installation)
        site = world.site(installation.kind, world.steps())
        with site.system.guarded(app):
            return _run(site, installation, command, _patient(console, installation))


def _run(site: Site, installation: Installation, command: Sequence[str], console: Console) -> int:
    try:
        return site.runtime.run(spec(site, installation), command, console)
    except NotHere:
        fetch_again(site, installation.source, installation.release)
        return site.runtime.run(spec(site, installation), command, console)


def _must_be_stopped(installation: Installation) -> None:
    app = installation.app
    if installation.state != "stopped":
        raise Refused(
            f"{app} is running, and only one instance of it at a time may have its data. Nothing was started.",
            f"Use the one that runs: discode exec {app} -- COMMAND. Or stop it first: discode stop {app}",
            key="only-one",
        )


def _patient(console: Console, installation: Installation) -> Console:
    return replace(console, grace=installation.release.manifest.update.stop)
