"""Rebuild what a damaged file said, from the runtime and the proxy: by whom the proxy sends the traffic to.

Every instance carries the record of the installation that it was started for. Damaged files are kept aside. Nothing of
the app is removed, started or stopped here: the ordinary settling does that afterwards, with files that hold.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from ..core import installation as schema
from ..core.artifact import KINDS
from ..core.errors import Refused, RuntimeUnreachable, StateError
from ..core.installation import Installation, Route
from ..core.journal import Journal, is_swap_of
from ..core.names import check_slug
from ..ports.proxy import Mode, Serving
from ..ports.runtime import InstanceState
from ..ports.store import Document
from .accessories import retire_others
from .world import Site, World


@dataclass(frozen=True)
class Rebuilding:
    """What is damaged, and what is to be written instead. `words` says it to people, a sentence each."""

    app: str
    damaged: tuple[Document, ...]
    installation: Installation | None = None
    journal: Journal | None = None
    words: tuple[str, ...] = ()
    kept: tuple[Installation, str] | None = None  # whose data a restore has put in its place, and that stays


def plan_rebuild(world: World, app: str) -> Rebuilding | None:
    """None when nothing is damaged. Raises StateError when a file is of a newer Discode or nothing can be found out,
    Unreachable while the runtime or the proxy does not answer."""
    found = _damaged(world, check_slug(app))
    if not found:
        return None
    damaged = tuple(found)
    plan = Rebuilding(app, damaged, words=(*found.values(), *_history_words(world, app, damaged)))
    if "installation" in damaged or "journal" in damaged:
        plan = _by_the_instances(world, plan)
    return _with_swap(world, plan) if "journal" in plan.damaged else plan


def _with_swap(world: World, plan: Rebuilding) -> Rebuilding:
    """A restore was under way, as the disk tells: where the version from before stays, it has its own data again."""
    there = None if "installation" in plan.damaged else world.store.installation(plan.app)
    stays = plan.journal.before if plan.journal else plan.installation or there
    if stays is None:
        return plan
    runtime = world.site(stays.kind, world.steps()).runtime
    swap = runtime.open_swap(plan.app)
    if not swap or not runtime.is_swapped(plan.app, swap):
        return plan
    if is_swap_of(stays, swap):
        return replace(plan, kept=(stays, swap))
    after = plan.journal.after if plan.journal else None
    if plan.journal is not None and after is not None and is_swap_of(after, swap):
        return replace(plan, journal=plan.journal.changed(swap=swap))
    other = stays.redeployed(stays.settings)
    back = Journal(flow="restore", started=world.clock.now(), before=stays, after=other, verdict="back", swap=swap)
    return replace(plan, journal=back)


def rebuild(world: World, app: str) -> Rebuilding | None:
    """Carry the plan out. The installation comes before the journal: without a journal it is what counts."""
    with world.store.lock(app):
        plan = plan_rebuild(world, app)
        if plan is None:
            return None
        entries, _ = world.store.readable_history(app)
        aside = [world.store.keep_damaged(app, document) for document in plan.damaged]
        if plan.installation is not None:
            world.store.save_installation(plan.installation)
        elif "installation" in plan.damaged:
            world.store.delete_installation(app)
        if plan.journal is not None:
            world.store.write_journal(plan.journal)
        elif "journal" in plan.damaged:
            world.store.clear_journal(app)
        if plan.kept is not None:
            _keep_swap(world, *plan.kept)
        if "history" in plan.damaged:
            world.store.replace_history(app, entries)
        if world.store.installation(app) is None and world.store.journal(app) is None:
            _retire_accessories(world, app)
    kept = f"The damaged files are kept: {', '.join(aside)}."
    return Rebuilding(app, plan.damaged, plan.installation, plan.journal, (*plan.words, kept))


def _keep_swap(world: World, installation: Installation, swap: str) -> None:
    """It may have been halfway back: then no instance runs, and no request has been written to the data from before."""
    runtime = world.site(installation.kind, world.steps()).runtime
    runtime.swap_data(installation.app, swap)
    runtime.keep_swap(installation.app, swap)


def _retire_accessories(world: World, app: str) -> None:
    """Of an app that is not installed: they have no record of theirs, and no settling would know of them."""
    for kind in KINDS:
        with suppress(RuntimeUnreachable, Refused):
            retire_others(world.site(kind, world.steps()), None, app)


def _damaged(world: World, app: str) -> dict[Document, str]:
    """What is damaged, with a sentence that names the file.

    Raises StateError for a file of a newer Discode: that one is whole, and we must not touch it.
    """
    found: dict[Document, str] = {}
    readers = {"installation": world.store.installation, "journal": world.store.journal, "history": world.store.history}
    for document, read in readers.items():
        try:
            read(app)
        except StateError as error:
            if error.name == "newer-schema":
                raise
            found[document] = error.sentence  # type: ignore[index]
    return found


def _by_the_instances(world: World, plan: Rebuilding) -> Rebuilding:
    serving, known = _found(world, plan)
    served = next((one for state, one in known if serving and state.endpoint == serving.endpoint), None)
    if "installation" not in plan.damaged:
        served = _as_routed(world, served, serving) if served else None
        return _journal(world, plan, served, world.store.installation(plan.app), known)
    journal = world.store.journal(plan.app) if "journal" not in plan.damaged else None
    if journal is not None:
        return _by_the_journal(plan, journal)
    chosen = served or _only(known)
    if chosen is None:
        raise _unknown(plan.app, [state for state, _ in known])
    stopped = serving is not None and serving.mode is Mode.STOPPED
    found = _with_settings(world, _as_routed(world, chosen, serving).with_state("stopped" if stopped else "running"))
    how = "has the traffic" if served else "is its only instance"
    words = f"{found.app} {found.version} is installed: {found.instance} {how}."
    leads_elsewhere = served is None and serving is not None and not stopped  # the settling has it lead here
    again = None if leads_elsewhere else _put_again(world, found)
    return Rebuilding(plan.app, plan.damaged, found, again, (*plan.words, words))


def _by_the_journal(plan: Rebuilding, journal: Journal) -> Rebuilding:
    """It says what was; the settling finds out what is."""
    was = f"{journal.before.version} was installed" if journal.before else "nothing was installed"
    words = f"The journal of an interrupted {journal.flow} says that {was} before."
    return Rebuilding(plan.app, plan.damaged, journal.before, None, (*plan.words, words))


def _journal(
    world: World,
    plan: Rebuilding,
    served: Installation | None,
    installation: Installation | None,
    known: list[tuple[InstanceState, Installation]],
) -> Rebuilding:
    """The journal alone is damaged. It is written anew when the proxy serves something else than what is recorded."""
    if installation is None and served is None and (only := _only(known)) is not None:
        words = f"An install of {only.version} was interrupted before it got the traffic."
        journal = Journal(flow="install", started=world.clock.now(), before=None, after=only)
        return Rebuilding(plan.app, plan.damaged, None, journal, (*plan.words, words))
    if installation is None and served is None:
        return Rebuilding(plan.app, plan.damaged, words=(*plan.words, f"{plan.app} is not installed."))
    if installation is None:
        assert served is not None
        words = f"{served.app} {served.version} is installed: {served.instance} has the traffic."
        return Rebuilding(plan.app, plan.damaged, _with_settings(world, served), None, (*plan.words, words))
    if served and served.instance == installation.instance and served.route != installation.route:
        words = f"{installation.app} {installation.version} is installed; a change of its addresses was interrupted."
        after = installation.changed(route=served.route)
        journal = Journal(flow="domain", started=world.clock.now(), before=installation, after=after)
        return Rebuilding(plan.app, plan.damaged, None, journal, (*plan.words, words))
    if served is None or served.instance == installation.instance:
        words = f"{installation.app} {installation.version} is installed, as recorded."
        again = _put_again(world, installation) if served else None
        return Rebuilding(plan.app, plan.damaged, None, again, (*plan.words, words))
    words = f"{served.version} has the traffic, but {installation.version} is recorded: an update was interrupted."
    journal = Journal(flow="update", started=world.clock.now(), before=installation, after=served)
    return Rebuilding(plan.app, plan.damaged, None, journal, (*plan.words, words))


def _found(world: World, plan: Rebuilding) -> tuple[Serving | None, list[tuple[InstanceState, Installation]]]:
    """Whom the proxy serves, and every instance of the app that tells what it was started for.

    Raises what kept a runtime from being asked, when that leaves nothing known.
    """
    serving, known, obstacle = None, {}, None
    for kind in _kinds(world, plan):
        try:
            site = world.site(kind, world.steps())
            states = site.runtime.instances(plan.app)
        except (RuntimeUnreachable, Refused) as error:
            obstacle = error
            continue
        serving = serving or site.proxy.serving(plan.app)
        told = [(state, one) for state in states if (one := _told(plan.app, state)) is not None]
        found = [(state, one) for state, one in told if _has_its_data(site, one)]
        known.update({state.name: (state, one) for state, one in found})
    if obstacle is not None and not known:
        raise obstacle
    return serving, list(known.values())


def _kinds(world: World, plan: Rebuilding) -> tuple[Literal["archive", "image"], ...]:
    """That of the release, when one of the files still says it; else all that there are."""
    for document, read in (("installation", world.store.installation), ("journal", world.store.journal)):
        told = read(plan.app) if document not in plan.damaged else None
        if told is not None:
            return (told.kind if isinstance(told, Installation) else told.any_side.kind,)
    return KINDS


def _has_its_data(site: Site, one: Installation) -> bool:
    """A restore was going to give it data that is not in its place, or not any more: it must not serve with other
    data, and does not."""
    swap = site.runtime.open_swap(one.app)
    return not is_swap_of(one, swap) or site.runtime.is_swapped(one.app, swap)


def _told(app: str, state: InstanceState) -> Installation | None:
    """The record of an instance, when it holds and speaks of this instance."""
    try:
        one = Installation.read_json(state.record)
    except ValueError:
        return None
    fits = one.app == app and one.instance == state.name and one.installation_schema <= schema.SCHEMA
    return one if fits else None


def _as_routed(world: World, one: Installation, serving: Serving | None) -> Installation:
    """Its addresses may have changed since its instance was started: those that the proxy has count."""
    if serving is None:
        return one
    route = one.route.as_routed(
        serving.hosts, serving.path_prefix, serving.redirects, is_secure=serving.is_secure
    )  # fmt: skip
    return one.changed(route=_with_certificate(world, one.app, route))


def _with_certificate(world: World, app: str, route: Route) -> Route:
    """Its certificate may have changed, too: what is not needed is not kept, so the latest that is kept counts."""
    if not route.is_secure or world.store.certificate(app, route.certificate) is not None:
        return route
    latest = world.store.latest_certificate(app)
    return route.changed(tls="own" if latest else "auto", certificate=latest)


def _put_again(world: World, one: Installation) -> Journal | None:
    """Of its HTTPS the proxy does not tell all: which certificate, and whose. So the settling gives it the route again.
    None without HTTPS."""
    if not one.route.is_secure:
        return None
    return Journal(flow="domain", started=world.clock.now(), before=one, after=one)


def _only(known: list[tuple[InstanceState, Installation]]) -> Installation | None:
    return known[0][1] if len(known) == 1 else None


def _with_settings(world: World, one: Installation) -> Installation:
    """Its own revision of the settings; the latest when that is gone, for they were changed while it was stopped."""
    latest, _ = world.store.latest_settings(one.app)
    return one if world.store.settings(one.app, one.settings) or not latest else one.with_settings(latest)


def _history_words(world: World, app: str, damaged: tuple[Document, ...]) -> tuple[str, ...]:
    if "history" not in damaged:
        return ()
    entries, lost = world.store.readable_history(app)
    return (f"{lost} lines of the history cannot be read; the other {len(entries)} are kept.",)


def _unknown(app: str, states: list[InstanceState]) -> StateError:
    there = f"Its instances are {', '.join(str(state.name) for state in states)}. " if states else ""
    return StateError(
        f"What is installed of {app} cannot be determined: the proxy sends it no requests. {there}Nothing was changed.",
        f"Its data and settings are kept: move the damaged file away, then: discode install {app} --from SOURCE",
    )
