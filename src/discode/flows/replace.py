"""Replace the instance that serves by another: what update, rollback, a change of settings and restart share."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..core.accessory import Accessory
from ..core.errors import DiscodeError, Failed, Interrupted, NoHttps, PreflightError, ReleaseFailed
from ..core.installation import Installation
from ..core.journal import Journal
from ..core.quantity import format_duration, format_size
from ..core.room import must_have_room, of_release
from ..ports.system import Clock
from .accessories import Change, await_health, changes, has_any, start, trouble
from .accessories import retire_others as retire_other_accessories
from .accessory_data import to_be_filled, with_unproved
from .conclude import conclude_at_once, longest_wait
from .doors import check_proxy
from .exchange import exchange
from .instance import boot, confirm, retire_others, spec, switch
from .prove import must_be_proved
from .record import finish, write_if_possible
from .seen import still_serves
from .world import Site


def preflight(site: Site, after: Installation, beside: Iterable[Accessory] = ()) -> None:
    """`beside`: what is started beside all that runs now. Where a vendor sets no limit, nothing is known.

    Raises PreflightError, or Refused by the proxy, while nothing has been touched yet.
    """
    if after.release.manifest.doors:
        check_proxy(site, after)
    must_have_room(
        f"{after.app} {after.version}", of_release(after.release.manifest.artifact), site.runtime.free_disk()
    )
    new = [one.resources.memory or 0 for one in beside]
    memory = (after.release.manifest.resources.memory or 0) + sum(new)
    if (free := site.system.free_memory()) < memory:
        what = f"{after.app} {after.version}{', with what is started beside it,' if any(new) else ''}"
        raise PreflightError(
            f"{what} needs {format_size(memory)} of memory beside the serving version, "
            f"but only {format_size(free)} are free. Nothing was changed.",
            "Stop other programs on this machine, then run the command again.",
            key="memory",
        )


def replace(site: Site, journal: Journal) -> None:
    """From `journal.before`, which serves, to `journal.after`. Returns when only `after` is left.

    Raises what went wrong, in words that say what serves now; then `before` serves and only it is left.
    """
    with site.system.guarded(journal.app):
        _replace(site, journal)


def _replace(site: Site, journal: Journal) -> None:
    before, after = journal.before, journal.after
    assert after is not None
    step, policy = site.steps, after.release.manifest.update
    try:
        site.store.write_journal(journal)
        change = changes(site, before, after)
        journal = with_unproved(site, journal, [*to_be_filled(site, change), *change.upgraded])
        _start_new(site, after, change)
        journal = with_unproved(site, journal, change.upgraded)
        held = _made_ready(site, journal, change)
        with step("boot", f"Starting {after.instance}"):
            endpoint = boot(site, after, held.left() if held else None)
        watch = _watched(site, after, change, held)
        with step("switch", f"Switching to {after.version}"):
            switch(site, after, endpoint)
        # Where data has gone to a new volume, the new version is confirmed before the first request is let through:
        # what that one writes is not in the old volume, so there is no way back from there.
        if change.upgrades:
            watch()
            journal = journal.proved()
            site.store.write_journal(journal)
        if held or before is None:  # else nobody waits, and the proxy need not be asked
            site.proxy.resume(after.app)
        if not change.upgrades:
            watch()
        if journal.requires_https:
            must_be_proved(site, after)
        if not journal.is_proved:
            journal = journal.proved()
            write_if_possible(site, journal)
        with step("drain", "Letting requests on the old version finish" if before else "Letting requests finish"):
            site.proxy.drained(after.app, policy.drain)
        with step("stop", "Stopping the old version" if before else "Looking for leftovers"):
            retire_others(site, after, after.app)
            if has_any(before, after):
                retire_other_accessories(site, after, after.app)
        with step("save", "Saving"):
            finish(site, journal, "after", "done")
    except BaseException as error:  # noqa: BLE001 - whatever it is, and a signal too, the flow is settled
        settle_after(site, journal, error)


@dataclass(frozen=True)
class Hold:
    """Requests wait, until `ends` of the monotonic clock at the longest."""

    clock: Clock
    ends: float

    def left(self) -> float:
        """Seconds."""
        return max(self.ends - self.clock.monotonic(), 0.0)


def _start_new(site: Site, after: Installation, change: Change) -> None:
    for one in change.new:
        with site.steps("accessories", f"Starting {one.container}"):
            start(site, after, one)
            await_health(site, one)


def _made_ready(site: Site, journal: Journal, change: Change) -> Hold | None:
    """All that the new version needs before it starts, when what is new beside it has been started: what is changed,
    and the release command, which may need both. The hold, if requests wait now."""
    before, after = journal.before, journal.after
    assert after is not None
    if before and change.changed:
        held = hold(site, before, after)
        with site.steps("accessories", f"Changing {', '.join(one.container for _, one in change.changed)}"):
            exchange(site, after, change, held.left)
        run_release_command(site, journal, held)
        return held
    run_release_command(site, journal)
    return hold(site, before, after) if before and after.release.manifest.update.strategy == "hold" else None


def hold(site: Site, before: Installation, after: Installation) -> Hold:
    """From here requests wait: only one instance at a time may have the volumes, and none what is changed beside it.

    Requests wait for longer than the answer says, so that the old version can come back before they are answered with
    an error.
    """
    with site.steps("hold", "Holding requests and stopping the old version"):
        held = Hold(site.clock, site.clock.monotonic() + after.release.manifest.update.hold)
        site.proxy.pause(before.app, longest_wait(before, after))
        site.runtime.stop(before.instance, before.release.manifest.update.stop)
        return held


def _watched(site: Site, after: Installation, change: Change, held: Hold | None) -> Callable[[], None]:
    beside = (lambda: trouble(site, change.touched)) if change.touched else None

    def watch() -> None:
        with site.steps("confirm", f"Watching {after.version} for {after.release.manifest.update.confirm:g} s"):
            confirm(site, after, beside, held.left() if held and change.upgrades else None)

    return watch


def run_release_command(site: Site, journal: Journal, held: Hold | None = None) -> None:
    """The vendor's command of a new release, before anything is switched. Raises ReleaseFailed."""
    before, after = journal.before, journal.after
    assert after is not None
    manifest = after.release.manifest
    command = manifest.release_command
    if command is None or (before and before.release.key == after.release.key):
        return
    with site.steps("release", "Running the release command"):
        seconds = min(manifest.release_timeout, held.left()) if held else manifest.release_timeout
        done = site.runtime.run_once(spec(site, after), command, seconds, site.report.output)
        if done.exit_code != 0:
            limit = format_duration(seconds)
            end = f"did not end within {limit}" if done.exit_code is None else f"exited with {done.exit_code}"
            raise ReleaseFailed(
                f"The release command of {after.version} {end}{' and was stopped' if done.exit_code is None else ''}.",
                "Its output shows why; send it to the vendor.",
                log=done.output,
            )


def settle_after(site: Site, journal: Journal, error: BaseException) -> None:
    """Bring the interrupted flow to an end. Raises, unless the end is that `after` serves."""
    if isinstance(error, ReleaseFailed | NoHttps) and not journal.is_proved:
        journal = journal.going_back()
        write_if_possible(site, journal)
    with site.steps("undo", "Cleaning up"):
        kept = conclude_at_once(site, journal, error)
    if kept == "before":
        raise _explained(site, journal, error) from error
    if not isinstance(error, DiscodeError):
        raise error
    assert journal.after is not None
    site.report.note(f"{journal.after.version} is serving, but: {error}")


def _explained(site: Site, journal: Journal, error: BaseException) -> BaseException:
    """The error, with what it means for the running app."""
    if not isinstance(error, DiscodeError):
        return error
    before = journal.before
    serves = "Nothing is installed." if before is None else f"{before.app} is stopped, as before."
    if before is not None and before.state == "running":
        serves = still_serves(site, before)
    kind = type(error) if isinstance(error, Failed) else Failed
    sentence, next_step = f"{error.sentence} {serves}", error.next_step
    if journal.flow == "config" and isinstance(error, ReleaseFailed):
        sentence += " The settings are as they were."
        next_step = f"Look at what it says, and give other values: discode config set {journal.app} NAME=VALUE"
    if journal.flow == "restore":
        sentence += " Its data and settings are as they were."
        if not isinstance(error, Interrupted):  # who ended it wants no other one
            next_step = f"Try another snapshot: discode backup list {journal.app}"
    if journal.flow == "domain":
        sentence += " Its addresses are as they were."
    explained = kind(sentence, next_step, key=error.name, log=error.log)
    if isinstance(explained, Interrupted):
        explained.is_explained = True
    return explained
