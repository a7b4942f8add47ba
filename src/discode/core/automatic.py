"""Updates that nobody types: what the customer wants, and what is due. Pure: index, memory and clock are passed in.

A release is due once its delay since its publication is over, at this installation's own moment of a window: each has
its place in the first half, so that a vendor's customers do not come at once. What is urgent waits for no delay. From
a release on that needs a person's consent (a major version, one without a way back) nothing is taken by itself, for a
later one would bring its changes, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from .automatic_plan import LOOK, AutomaticPlan, Outlook
from .errors import Refused
from .installation import Installation
from .offer import offered_here
from .plan import Step, plan_update
from .release import Index, IndexEntry
from .rollout import place_of
from .schedule import Schedule, schedule_of
from .version import parse_version

RETRY = 600.0  # seconds until it is looked again, when the source, the engine or another command was in the way
SPREAD = 3600.0  # seconds over which installations spread that may update at any time


@dataclass(frozen=True)
class Due:
    """`step` is to be taken now; None: nothing is, and `outlook` says why."""

    step: Step | None
    outlook: Outlook


def decide(plan: AutomaticPlan, installation: Installation, index: Index, known: Outlook | None, now: float) -> Due:
    """`known`: what an earlier look has found."""
    seen = _seen(index, known.seen if known else {}, now)
    here = offered_here(index, installation.seed, now)
    ahead = _ahead(here.releases, installation)
    barrier = _barrier(index, installation)
    consent = next((one.version for one in ahead if barrier is not None and _is_from(one, barrier)), None)
    schedule = schedule_for(plan)
    bad = installation.avoided(now)
    free = [one for one in ahead if one.key not in bad and (barrier is None or not _is_from(one, barrier))]
    waiting = [(_moment(plan, schedule, one, installation, seen, now), one) for one in free]
    reachable = [(at, step) for at, one in waiting if (step := _step(installation, here, one, bad)) is not None]
    for at, step in reachable:  # the newest first
        if at <= now:
            told = Outlook(looked=now, next=now, version=step.target.version, at=now, consent=consent, seen=seen)
            return Due(step, told)
    told = _waiting(installation, schedule, reachable, consent, now).changed(consent=consent, seen=seen)
    return Due(None, told)


def schedule_for(plan: AutomaticPlan) -> Schedule:
    """Raises UsageError: a zone may be gone from this machine since."""
    return schedule_of(plan.windows, plan.zone or "UTC")


def _waiting(
    installation: Installation,
    schedule: Schedule,
    reachable: Sequence[tuple[float, Step]],
    consent: str | None,
    now: float,
) -> Outlook:
    app, stays = installation.app, f"{installation.app} stays at {installation.version}"
    look = min(now + LOOK, _next_opening(schedule, installation, now))
    if reachable:
        at, step = min(reachable, key=lambda one: one[0])
        version = step.target.version
        also = f" {consent} needs your consent: discode update {app}" if consent is not None else ""
        why = f"{stays} for now: {version} is installed by itself on {schedule.text(at)}.{also}"
        return Outlook(looked=now, next=min(look, at), version=version, at=at, why=why)
    if consent is not None:
        why = f"{stays}: {consent} needs your consent. To install it: discode update {app}"
        return Outlook(looked=now, next=look, why=why)
    return Outlook(looked=now, next=look)


def after_failure(error_sentence: str, known: Outlook | None, now: float, *, soon: bool) -> Outlook:
    """When no decision came about, or what was decided did not: looked at again, `soon` or in an hour."""
    before = known or Outlook(looked=now, next=now)
    return before.changed(looked=now, next=now + (RETRY if soon else LOOK), version=None, at=None, why=error_sentence)


def _seen(index: Index, before: Mapping[str, float], now: float) -> dict[str, float]:
    """A clock that was ahead has seen releases in the future: now, then."""
    return {entry.key: min(before.get(entry.key, now), now) for entry in index.releases}


def _ahead(entries: Iterable[IndexEntry], installation: Installation) -> list[IndexEntry]:
    """Those of its channel that are newer than what serves, the newest first."""
    here = parse_version(installation.version)
    found = [
        one for one in entries
        if installation.channel in one.channels and one.yanked is None and parse_version(one.version) > here
    ]  # fmt: skip
    return sorted(found, key=lambda one: parse_version(one.version), reverse=True)


def _barrier(index: Index, installation: Installation) -> str | None:
    """The first version ahead that needs consent: of any channel, and withdrawn or not."""
    here = parse_version(installation.version)
    marked = [one.version for one in index.releases if one.needs_consent or one.irreversible]
    return min((one for one in marked if parse_version(one) > here), key=parse_version, default=None)


def _is_from(entry: IndexEntry, barrier: str) -> bool:
    return parse_version(entry.version) >= parse_version(barrier)


def _step(installation: Installation, here: Index, target: IndexEntry, bad: Mapping[str, object]) -> Step | None:
    """None: there is no way to it, or one by a release that has failed here."""
    try:
        plan = plan_update(installation, here, target.version)
    except Refused:
        return None
    return plan if isinstance(plan, Step) and plan.entry.key not in bad else None


def _moment(
    plan: AutomaticPlan,
    schedule: Schedule,
    entry: IndexEntry,
    installation: Installation,
    seen: Mapping[str, float],
    now: float,
) -> float:
    """When this installation takes the release: in the past when that is now."""
    since = _published(entry, seen) + (0.0 if entry.urgent else plan.delay)
    if entry.urgent and plan.urgent_any_time:
        schedule = Schedule((), schedule.zone)
    span = schedule.span(max(since, now))
    begin = max(span.opens, since)
    return begin + _place(installation) * _room(span.closes - begin)


def _next_opening(schedule: Schedule, installation: Installation, now: float) -> float:
    """This installation's moment of the next window that is not open yet."""
    span = schedule.span(now)
    if span.opens <= now:
        span = schedule.span(span.closes) if span.closes < math.inf else span
    if span.opens <= now:
        return math.inf
    return span.opens + _place(installation) * _room(span.closes - span.opens)


def _room(seconds: float) -> float:
    """Seconds over which installations spread."""
    return seconds / 2 if seconds < math.inf else SPREAD


def _place(installation: Installation) -> float:
    """From 0 to just under 1; the same in each window."""
    return place_of(installation.seed, "window") / 100


def _published(entry: IndexEntry, seen: Mapping[str, float]) -> float:
    """When it came out: not later than when it was seen here, whatever the vendor's clock has said."""
    first = seen[entry.key]
    try:
        return min(datetime.fromisoformat(entry.published).timestamp(), first)
    except (ValueError, OverflowError):
        return first
