"""Bring a journaled flow to its end: one version serves, no other instance is left, no journal.

Errors, signals, `kill -9` and power loss all end here, in the command that was interrupted or in the next one. The
truth is what the proxy serves. While the proxy cannot answer, nothing is removed and the journal stays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.errors import DiscodeError, NoHttps, NotHere, NothingAnswers, ReleaseFailed, Unfinished, Unreachable
from ..core.history import Outcome
from ..core.installation import Installation
from ..core.journal import Journal, Side, choose
from ..ports.proxy import DoorTo, Mode, Serving
from ..ports.runtime import Endpoint, Phase
from . import accessories, quiesce
from .accessories import upgrades
from .accessory_data import drop_unproved
from .doors import doors_of, has_all
from .forward import let_finish, take_down, undo_restore, uninstall
from .instance import answers, boot, retire_others, runs, switch
from .prove import has_https
from .record import finish
from .rerouting import conclude_route
from .world import Site


def conclude(site: Site, journal: Journal, cause: BaseException | None = None) -> Side:
    """The side of the journal that stays. `cause` is what interrupted the flow, when that is known.

    Raises NothingAnswers when the flow has come to its end and that side does not answer.
    """
    if journal.flow == "drill":
        undo_restore(site, journal)
        return "before"
    site.proxy.ensure()
    if journal.flow == "uninstall":
        uninstall(site, journal)
        return "after"
    if journal.flow == "stop":
        take_down(site, journal, "settled-forward")
        return "after"
    if journal.flow == "backup":
        return _conclude_backup(site, journal, cause)
    if journal.is_route_alone:
        return conclude_route(site, journal, cause)
    kept = choose(journal, *(_testimony(site, journal) if journal.verdict is None else (None, False)))
    if journal.flow == "start":
        _conclude_start(site, journal, kept, cause)
    elif kept == "before" and journal.flow == "restore" and journal.before is None:
        undo_restore(site, journal)
    elif kept == "before" and journal.before is None:
        _undo_install(site, journal, cause)
    elif kept == "before" and journal.before is not None and journal.before.state == "stopped":
        _stay_stopped(site, journal, journal.before, cause)
    else:
        _keep(site, journal, kept, cause)
    return kept


def _conclude_backup(site: Site, journal: Journal, cause: BaseException | None) -> Side:
    """Requests that it has held go on. An app of which none is held is not touched."""
    before = journal.before
    assert before is not None
    serving = site.proxy.serving(before.app)
    is_held = serving is not None and serving.mode is Mode.PAUSED
    lost = _bring_back(site, before) if is_held and before.state == "running" else None
    if before.state == "running":
        _end_quiet(site, before)
    finish(site, journal, "before", "settled-back", cause)
    if lost is not None:
        raise lost
    return "before"


def _end_quiet(site: Site, before: Installation) -> None:
    """The vendor's command for after a copy: whether the one for before it has run, nobody knows."""
    try:
        quiesce.after(site, before)
    except Unreachable:
        raise
    except DiscodeError as error:
        site.report.note(f"{error.sentence} {error.next_step}")


def conclude_at_once(site: Site, journal: Journal, cause: BaseException) -> Side:
    """`conclude` in the command that was interrupted by `cause`.

    Raises Unreachable in words that say that the flow is not finished; the next command goes on with it.
    NothingAnswers, with what `cause` said before it.
    """
    try:
        return conclude(site, journal, cause)
    except NothingAnswers as second:
        if not isinstance(cause, DiscodeError):
            raise
        sentence = f"{cause.sentence} {second.sentence}"
        raise NothingAnswers(sentence, second.next_step, log=cause.log) from cause
    except DiscodeError as second:
        kind = type(second) if isinstance(second, Unreachable) else Unfinished
        raise kind(
            f"{second.sentence} The {journal.flow} of {journal.app} is not finished.",
            f"{second.next_step} Then: discode settle {journal.app}".strip(),
            key=second.name,
        ) from cause


def carry_out(site: Site, journal: Journal, flow: Callable[[], None]) -> tuple[Side, BaseException | None]:
    """Write the journal and run the flow; what interrupts it is settled. The side that stays, and what interrupted.

    Raises what kept the journal from being written, when nothing has begun; Unreachable when it is not finished.
    """
    is_written = False
    with site.system.guarded(journal.app):
        try:
            site.store.write_journal(journal)
            is_written = True
            flow()
        except BaseException as error:
            if not is_written and not _is_begun(site, journal):
                raise
            return conclude_at_once(site, _as_written(site, journal), error), error
    return "after", None


def _is_begun(site: Site, journal: Journal) -> bool:
    """In doubt it is: a write can fail after the file was renamed."""
    try:
        return site.store.journal(journal.app) is not None
    except DiscodeError:
        return True


def _as_written(site: Site, journal: Journal) -> Journal:
    """With what the flow has found out since it began."""
    try:
        return site.store.journal(journal.app) or journal
    except DiscodeError:
        return journal


def make_serve(site: Site, installation: Installation) -> None:
    """See to it that this installation's instance runs and has the traffic."""
    state = site.runtime.inspect(installation.instance)
    running = state is not None and state.phase is Phase.RUNNING and has_all(state, installation)
    serving = site.proxy.serving(installation.app)
    # What was started a moment ago does not listen yet: requests that are held must not be let go to it before it does.
    is_held = serving is not None and serving.mode is Mode.PAUSED
    endpoint = state.endpoint if state is not None and running and not is_held else boot(site, installation)
    # One that was started anew may be at another address under the same name: the switch has the proxy look at once.
    if not running or not _leads_to(serving, endpoint, doors_of(site, installation)):
        switch(site, installation, endpoint)
    if serving is not None and serving.mode is not Mode.RUNNING:
        site.proxy.resume(installation.app)


def _leads_to(serving: Serving | None, endpoint: Endpoint, doors: Sequence[DoorTo]) -> bool:
    """Whether the app's requests go there, and those of each of its doors where that leads: a switch may have been
    interrupted between two."""
    if serving is None or serving.endpoint != endpoint:
        return False
    return dict(serving.doors) == {one.service: one.endpoint for one in doors}


def _testimony(site: Site, journal: Journal) -> tuple[Side | None, bool]:
    """Whom the proxy serves, and whether `after` really answers there, and as it has to."""
    serving = site.proxy.serving(journal.app)
    if _is_at(site, journal.after, serving):
        assert journal.after is not None
        if serving is not None and serving.mode is Mode.RUNNING and _has_data_of_its_own(site, journal):
            return "after", True  # what it has been told is in its own volume alone
        is_well = answers(site, journal.after) and accessories.are_well(site, journal.after)
        return "after", is_well and (not journal.requires_https or has_https(site, journal.after))
    return ("before" if _is_at(site, journal.before, serving) else None), False


def _has_data_of_its_own(site: Site, journal: Journal) -> bool:
    """Whether `after` has other data than `before`, so that there is no way back from where it is written to."""
    is_new = journal.flow == "restore" and journal.before is None  # undone, what was written would be lost
    return is_new or _is_swapped(site, journal) or upgrades(site, journal.before, journal.after)


def _is_swapped(site: Site, journal: Journal) -> bool:
    return bool(journal.swap) and site.runtime.is_swapped(journal.app, journal.swap)


def _is_at(site: Site, installation: Installation | None, serving: Serving | None) -> bool:
    if installation is None or serving is None:
        return False
    state = site.runtime.inspect(installation.instance)
    return state is not None and state.endpoint == serving.endpoint


def _keep(site: Site, journal: Journal, kept: Side, cause: BaseException | None) -> None:
    keep, drop = (journal.after, journal.before) if kept == "after" else (journal.before, journal.after)
    assert keep is not None
    failed = drop.instance if drop and kept == "before" else None
    if kept == "before" and drop:
        _make_room(site, keep, drop)
        if _is_swapped(site, journal):
            _take_data_back(site, journal, keep, drop)
        drop_unproved(site, journal)
    # From where data has gone to a new volume and is written to, there is no way back.
    is_final = kept == "before" or journal.is_proved or _has_data_of_its_own(site, journal)
    serve = _bring_back if is_final else _go_on
    lost = serve(site, keep)
    site.proxy.drained(keep.app, keep.release.manifest.update.drain)
    retire_others(site, keep, keep.app, failed=failed)
    if journal.swap or accessories.has_any(keep, drop):
        accessories.retire_others(site, keep, keep.app)
    # A deploy whose caller has died goes on inside the proxy: it may have switched while we were removing.
    lost = (_bring_back if serve is _bring_back else make_serve)(site, keep) or lost
    if any(side.release.manifest.doors for side in (keep, drop) if side):
        site.proxy.drained(keep.app, keep.release.manifest.update.drain)  # such a deploy may have opened other doors
    finish(site, journal, kept, _outcome(kept, cause), cause)
    if lost is not None and kept == "before":
        raise lost
    if lost is not None:
        site.report.note(lost.sentence)


def _go_on(site: Site, keep: Installation) -> None:
    accessories.bring_up(site, keep)
    make_serve(site, keep)


def _bring_back(site: Site, keep: Installation) -> NothingAnswers | None:
    """The version that was before has the traffic again, also when it does not answer: maybe it did not before the
    flow either, and the next command shall find all as it was. The answer says so."""
    lost = None
    try:
        accessories.have_run(site, keep)
    except (ReleaseFailed, NotHere) as error:
        lost = _lost(keep, error)
    try:
        make_serve(site, keep)
    except (ReleaseFailed, NotHere) as error:
        state = site.runtime.inspect(keep.instance)
        if state is not None and state.phase is Phase.RUNNING:
            switch(site, keep, state.endpoint, force=True)
            site.proxy.resume(keep.app)
        else:
            site.proxy.stop(keep.app, f"{keep.app} does not start.")
        lost = lost or _lost(keep, error)
    return lost


def _lost(keep: Installation, error: DiscodeError) -> NothingAnswers:
    return NothingAnswers(
        f"{keep.version} is still installed, but it does not answer: {error.sentence}",
        f"See why: discode logs {keep.app}. You can then try again.",
    )


def longest_wait(before: Installation, after: Installation) -> float:
    """Seconds that a request may be held: the longest hold, and what the old version may take to come back, with what
    is beside it."""
    old, new = before.release.manifest, after.release.manifest
    beside = sum(one.health.deadline + new.accessories[name].stop for name, one in old.accessories.items()
                 if name in new.accessories)  # fmt: skip
    return new.update.hold + old.health.deadline + beside


def _make_room(site: Site, keep: Installation, drop: Installation) -> None:
    """The one that goes has to let go of the volumes, and of what is beside it, before the one that stays can start."""
    is_other = not accessories.are_so(site, keep)
    if is_other or (drop.release.manifest.update.strategy == "hold" and not runs(site, keep)):
        # As long as the hold that may be under way: a shorter one would end the requests that it has held so far.
        site.proxy.pause(keep.app, longest_wait(keep, drop))
        site.runtime.stop(drop.instance, drop.release.manifest.update.stop)


def _take_data_back(site: Site, journal: Journal, keep: Installation, drop: Installation) -> None:
    """No request has reached the other data: they have been held since before it was there."""
    site.proxy.pause(keep.app, longest_wait(keep, drop))
    for state in site.runtime.instances(keep.app):  # of a journal that was rebuilt, `drop` may be none of them
        site.runtime.stop(state.name, drop.release.manifest.update.stop)
    accessories.let_go(site, keep.app)
    site.runtime.swap_data_back(keep.app, journal.swap)


def _undo_install(site: Site, journal: Journal, cause: BaseException | None) -> None:
    """Settings and volumes stay: a second try finds its secrets and its data again."""
    after = journal.after
    assert after is not None
    let_finish(site, after, f"{after.app} is not installed.")
    site.proxy.unroute(after.app)
    retire_others(site, None, after.app, failed=after.instance)
    drop_unproved(site, journal)
    if accessories.has_any(after):
        accessories.retire_others(site, None, after.app)
        site.accessories.prune(after.app, frozenset())
    site.proxy.unroute(after.app)  # again, for a deploy that went on inside the proxy meanwhile
    site.runtime.prune(after.app, frozenset())
    site.runtime.forget(after.app)
    finish(site, journal, "before", _outcome("before", cause), cause)


def _conclude_start(site: Site, journal: Journal, kept: Side, cause: BaseException | None) -> None:
    """A start that did not get through leaves the app as it was: stopped."""
    before, after = journal.before, journal.after
    assert before is not None and after is not None
    serving = site.proxy.serving(after.app)
    if kept == "after" and serving is not None and serving.mode is Mode.RUNNING:
        finish(site, journal, "after", "settled-forward", cause)
        return
    site.proxy.stop(before.app, f"{before.app} is stopped.")
    site.runtime.stop(before.instance, before.release.manifest.update.stop)
    accessories.stop(site, before)
    finish(site, journal, "before", _outcome("before", cause), cause)


def _stay_stopped(site: Site, journal: Journal, before: Installation, cause: BaseException | None) -> None:
    """A restore that did not get through leaves the app as it was: stopped."""
    after = journal.after
    assert after is not None
    if _is_swapped(site, journal):
        _take_data_back(site, journal, before, after)
    site.proxy.stop(before.app, f"{before.app} is stopped.")
    site.proxy.drained(before.app, after.release.manifest.update.drain)
    retire_others(site, before, before.app, failed=after.instance)
    accessories.retire_others(site, before, before.app)
    accessories.stop(site, before)
    finish(site, journal, "before", _outcome("before", cause), cause)


def _outcome(kept: Side, cause: BaseException | None) -> Outcome:
    if kept == "after":
        return "settled-forward"
    return "failed" if isinstance(cause, ReleaseFailed | NoHttps) else "settled-back"
