"""Drill: restore a snapshot where nobody sees it, to know that it can be. The app itself is not touched.

1. settle what an earlier drill left; read the snapshot; is there room for it beside the app
2. journal, of the scratch installation: from here on, a crash is settled, and all of it goes
3. the data, what is beside the app, its web process. No route leads there, and no other process of it runs: a worker
   would do again what stands in its queue
4. its health check, and the vendor's command `backup.verify`
5. take all of it away; the app's history says what came of it
"""

from __future__ import annotations

from collections.abc import Sequence

from ..core.backup_errors import DrillFailed
from ..core.errors import DiscodeError, Failed, Interrupted, PreflightError, Refused, ReleaseFailed
from ..core.external import wanted_accessories
from ..core.history import DRILL, HistoryEntry
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.release import Release
from ..core.scratch import scratch_of
from ..ports.backups import Backups
from ..ports.releases import Releases
from . import accessories
from .accessories import specs, trouble
from .conclude import carry_out
from .forward import undo_restore
from .found_snapshot import LATEST, Found, find
from .instance import boot, confirm, fetch_again
from .prepare import settled_settings
from .replace import preflight
from .settle import settle
from .snapshot_data import bring_data, check_room, own_settings, shared
from .world import Result, Site, Steps, World

LONGEST = 1800.0  # seconds for the vendor's command
SHOWN_LINES = 15
VARIABLE = "DISCODE_DRILL"  # by which an app can tell that it should send no mail


def drill(world: World, app: str, which: str = LATEST) -> Result:
    """Raises DrillFailed; what kept it from being begun, or from being brought to an end."""
    steps, begun = world.steps(), world.clock.now()
    installed, scratch = world.installed(app), scratch_of(app)
    repository = world.repositories.open(app)
    with world.store.asking(scratch), world.store.lock(scratch):
        settle(world, scratch, steps)
        _must_be_free(world, scratch)
        found = find(repository, app, which, world.repositories.architecture(), steps)
        after = _scratch(found, scratch)
        site = world.site(after.kind, steps)
        _check(world, site, after, found)
        journal = Journal(flow="drill", started=begun, before=None, after=after, snapshot=found.snapshot.id)
        _, error = carry_out(site, journal, lambda: _prove(world, site, journal, found, repository))
    failed = _failed(found, error) if error is not None else None
    _tell_history(world, installed, begun, found, steps, failed)
    if failed is not None:
        raise failed from error
    return Result(
        "drill", app, "proved", found.record.version, found.record.version, None, steps.seconds,
        f"The snapshot {found.snapshot.id}, {found.age(world.clock.now())}, was restored{_what(after)}. "
        "All of that is removed again.",
        snapshot=found.snapshot.id,
    )  # fmt: skip


def _must_be_free(world: World, scratch: str) -> None:
    """Raises Refused."""
    if world.store.installation(scratch) is not None or scratch in world.store.kept_apps():
        raise Refused(
            f"A drill takes the name {scratch} for a while, and an app of that name is here. Nothing was changed.",
            f"Remove it, if nobody needs it: discode uninstall {scratch} --purge",
            key="scratch-taken",
        )


def _scratch(found: Found, name: str) -> Installation:
    was = found.installation
    release = was.release.named(name)
    alone = release.changed(manifest=release.manifest.changed(processes={}, doors={}))
    route = was.route.changed(tls="off", certificate=0, redirects={})
    return Installation(app=name, source=was.source, channel=was.channel, route=route, release=alone)


def _check(world: World, site: Site, after: Installation, found: Found) -> None:
    """Raises PreflightError."""
    settings, release = own_settings(found, after.release), after.release
    if elsewhere := shared(release, settings):
        raise PreflightError(
            f"{release.vendors_name} has {', '.join(elsewhere)} at an address of yours, which is not in the snapshot; "
            "a drill would have to use that one itself. Nothing was changed.",
            "Prove by hand that its backups can be restored, where it is.",
            key="would-share",
        )
    with site.steps("preflight", "Checking disk and memory"):
        preflight(site, after, wanted_accessories(release.manifest, settings).values())
        check_room(world, site, after.app, found, "")


def _prove(world: World, site: Site, journal: Journal, found: Found, repository: Backups) -> None:
    after = journal.after
    assert after is not None
    settings = settled_settings(site, after.release, own_settings(found, after.release))
    site.store.save_settings(after.app, after.settings, {**settings, VARIABLE: "1"})
    _fetch(site, found.installation, after)
    bring_data(world, site, after, found, repository)
    beside = list(specs(site, after).values())
    with site.steps("boot", f"Starting {after.instance}"):
        boot(site, after)
    with site.steps("confirm", f"Watching {after.version}"):
        confirm(site, after, lambda: trouble(site, beside), after.release.manifest.update.confirm)
    if command := after.release.manifest.backup.verify:
        with site.steps("verify", f"Running the vendor's {command[0]}"):
            _verify(site, after, command)
    with site.steps("remove", "Removing what was restored"):
        undo_restore(site, journal)


def _fetch(site: Site, was: Installation, after: Installation) -> None:
    """As the app itself, which has the license; from there it is on this machine."""
    with site.steps("fetch", f"Fetching {after.version}"):
        if not site.runtime.has(was.release):
            fetch_again(site, was.source, was.release)
        releases = _releases(site, was)
        site.runtime.fetch(after.release, releases, site.report)
        accessories.fetch(site, releases, after.release, site.store.settings(after.app, after.settings))


def _releases(site: Site, was: Installation) -> Releases:
    release: Release = was.release
    return site.sources.open(was.app, was.source, release.product)


def _verify(site: Site, after: Installation, command: Sequence[str]) -> None:
    """Raises ReleaseFailed."""
    done = site.runtime.execute(after.instance, command, LONGEST)
    if done.exit_code != 0:
        how = (
            f"did not end within {LONGEST / 60:g} minutes"
            if done.exit_code is None
            else f"exited with {done.exit_code}"
        )
        raise ReleaseFailed(f"The vendor's command for this, {command[0]}, {how}.", log=done.output[-SHOWN_LINES:])


def _failed(found: Found, error: BaseException) -> BaseException:
    """Only what came of the snapshot itself speaks against it."""
    if not isinstance(error, Failed) or isinstance(error, Interrupted):
        return error
    app, one = found.record.app, found.snapshot
    return DrillFailed(
        f"{error.sentence} So the snapshot {one.id} of {app} {found.record.version} could not be restored in this "
        "drill. Your app was not touched and goes on, but do not count on this snapshot. All that the drill made is "
        "removed.",
        f"Check the repository: discode backup check {app} --data. Then take another snapshot and try that: "
        f"discode backup now {app}; discode backup drill {app}. If that fails, too, send the log to the vendor.",
        log=error.log,
    )


def _tell_history(
    world: World, installed: Installation, begun: float, found: Found, steps: Steps, failed: BaseException | None
) -> None:
    """Of a drill that says something about the snapshot, or could not be held."""
    if failed is not None and (not isinstance(failed, DiscodeError) or isinstance(failed, Interrupted)):
        return
    entry = HistoryEntry(
        started=begun, at=world.clock.now(), flow=DRILL, outcome="failed" if failed else "done",
        serves=installed.version, instance=str(installed.instance),
        seconds={step: round(seconds, 3) for step, seconds in steps.seconds.items()}, snapshot=found.snapshot.id,
        error=failed.sentence if isinstance(failed, DiscodeError) else None,
    )  # fmt: skip
    world.store.append_history(installed.app, entry)


def _what(after: Installation) -> str:
    """What was found well."""
    found = ["its app answered"]
    if after.release.manifest.accessories:
        found.insert(0, "its databases were loaded")
    if command := after.release.manifest.backup.verify:
        found.append(f"the vendor's {command[0]} ended with 0")
    return f": {', '.join(found[:-1])} and {found[-1]}" if len(found) > 1 else f", and {found[0]}"
