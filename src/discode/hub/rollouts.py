"""Reports of updates and their effect on a rollout: it halts automatically at the vendor's threshold."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, distinct, func, select
from sqlalchemy.orm import Session

from ..core.history import RESTORE
from ..core.report import FAILURES
from ..core.rollout import Rollout, must_halt
from .audit import record
from .errors import NotFound
from .hub import Hub
from .models import Activation, Hold, PublishedRelease, Report
from .seats import let_speak_once, pseudonym
from .signing import one_at_a_time, sign_timestamp

BY_ITSELF = "reports"
STRANGERS = 50_000  # reports without a seat that are kept of an app
_log = logging.getLogger("discode.hub")


@dataclass(frozen=True)
class Outcome:
    """What an installation reports; `seconds` of each step."""

    app: str
    installation: str
    flow: str
    version: str
    before: str | None
    serves: str | None
    outcome: str
    seconds: dict[str, float]


@dataclass(frozen=True)
class Seat:
    """That a report came with, by its live license."""

    license: str
    installation: str


def take(hub: Hub, told: Outcome, seat: Seat | None = None) -> bool:
    """Store a report; returns whether it halted the rollout. Raises NotFound for a version that was never published.

    Only reports that come with a seat can halt: whoever needs none can send as many as they like.
    """
    with hub.database.write() as session:
        release = _release(session, told.app, told.version)
        fields = {name: value for name, value in vars(told).items() if name not in ("app", "installation", "version")}
        key = {"app": told.app, "installation": told.installation, "version": told.version}
        session.merge(Report(**key, at=hub.now(), **fields, seat=_speaks_for(session, hub, told, seat)))
        session.flush()
        return _halt_when_due(session, hub, release)


def _speaks_for(session: Session, hub: Hub, told: Outcome, seat: Seat | None) -> str | None:
    """The seat's pseudonym, if it still has the seat; its other reports are then forgotten."""
    if seat is None:
        return None
    # Locked: two reports of one seat at once would not see each other.
    if session.get(Activation, (seat.license, seat.installation), with_for_update=True) is None:
        return None
    name = pseudonym(hub.keys, seat.license, seat.installation)
    let_speak_once(session, name, told.app, told.installation)
    return name


def hold(hub: Hub, actor: str, app: str, version: str, reason: str) -> None:
    """Changes nothing if it is already held back."""
    with hub.database.write() as session:
        _hold(session, hub, actor, _release(session, app, version), reason)


def resume(hub: Hub, actor: str, app: str, version: str) -> None:
    """Changes nothing if it is not held back."""
    with hub.database.write() as session:
        _release(session, app, version)
        kept = session.get(Hold, (app, version))
        if kept is not None and kept.ended is None:
            one_at_a_time(session)
            kept.ended = hub.now()
            record(session, hub.now(), actor, "rollout.resume", f"{app} {version}", {})
            session.flush()
            sign_timestamp(session, hub)


def summary(hub: Hub, app: str) -> dict[str, Any]:
    """Adoption (the version in each installation's last report), outcomes by release, and what is held back.

    Counted by the database: there may be as many reports as installations."""
    mine = Report.app == app
    with hub.database.read() as session:
        installations = session.scalar(select(func.count(distinct(Report.installation))).where(mine))
        adoption = _adoption(session, app)
        failed = func.count(case((_is_failure(), Report.seat)))
        columns = Report.version, Report.outcome, func.count(), func.count(Report.seat), failed
        outcomes = list(session.execute(select(*columns).where(mine).group_by(Report.version, Report.outcome)))
        seconds: dict[str, list[float]] = {}
        for version, steps in session.execute(select(Report.version, Report.seconds).where(mine)):
            seconds.setdefault(version, []).append(sum(steps.values()))
        held = select(Hold.version, Hold.reason).where(Hold.app == app, Hold.ended.is_(None))
        holds = {version: reason for version, reason in session.execute(held)}  # noqa: C416 - rows are no pairs to mypy
    releases = [_release_of(version, outcomes, seconds[version], holds.get(version)) for version in sorted(seconds)]
    return {"app": app, "installations": installations, "adoption": adoption, "releases": releases}


def _adoption(session: Session, app: str) -> dict[str, int]:
    order = func.row_number().over(partition_by=Report.installation, order_by=(Report.at.desc(), Report.version.desc()))
    reports = select(Report.serves, order.label("age")).where(Report.app == app).subquery()
    last = select(reports.c.serves, func.count()).where(reports.c.age == 1, reports.c.serves.is_not(None))
    return dict(sorted(map(tuple, session.execute(last.group_by(reports.c.serves)))))


def _release_of(version: str, outcomes: list[Any], seconds: list[float], held: str | None) -> dict[str, Any]:
    rows = [row for of, *row in outcomes if of == version]
    return {
        "version": version,
        "outcomes": {outcome: count for outcome, count, *_ in sorted(rows)},
        "median_seconds": _median(seconds),
        # What can halt it: the reports that came with a seat.
        "counted": {
            "reported": sum(seats for _, _, seats, _ in rows),
            "failed": sum(failed for *_, failed in rows),
        },
        "held": held,
    }


def drop_surplus(hub: Hub, most: int = STRANGERS) -> int:
    """Of an app's reports without a seat, which anybody may send, only the newest stay. Returns how many went."""
    with hub.database.read() as session:
        strangers = select(Report.app).where(Report.seat.is_(None))
        apps = list(session.scalars(strangers.group_by(Report.app).having(func.count() > most)))
    dropped = 0
    for app in apps:
        with hub.database.write() as session:
            theirs = Report.app == app, Report.seat.is_(None)
            last = select(Report.at).where(*theirs).order_by(Report.at.desc()).offset(most).limit(1).scalar_subquery()
            dropped += _rows(session.execute(delete(Report).where(*theirs, Report.at <= last)))
    return dropped


def _rows(done: Any) -> int:
    return int(done.rowcount)


def _halt_when_due(session: Session, hub: Hub, release: PublishedRelease) -> bool:
    if release.rollout is None:
        return False
    rollout, kept = Rollout.read(release.rollout), session.get(Hold, (release.app, release.version))
    if kept is not None and kept.ended is None:
        return False
    since = kept.ended if kept is not None and kept.ended is not None else 0.0
    # Counted by the database: this is inside the one transaction that writes, and there may be as many reports as
    # installations. A seat has one for a version.
    is_failure = case((_is_failure(), 1), else_=0)
    query = select(func.count(), func.coalesce(func.sum(is_failure), 0)).where(
        Report.app == release.app, Report.version == release.version, Report.at > since
    )
    reported, failed = session.execute(query.where(Report.seat.is_not(None))).one()
    if not must_halt(rollout, failed, reported):
        everybody, failures = session.execute(query).one()
        if must_halt(rollout, failures, everybody):
            _tell_of_strangers(hub, release, failures, everybody)
        return False
    reason = f"{failed} of {reported} installations that reported with a license failed"
    _hold(session, hub, BY_ITSELF, release, reason)
    return True


def _is_failure() -> ColumnElement[bool]:
    """Of the release: what keeps a snapshot from being restored is none."""
    return and_(Report.outcome.in_(FAILURES), Report.flow != RESTORE)


def _tell_of_strangers(hub: Hub, release: PublishedRelease, failures: int, everybody: int) -> None:
    subject = f"{release.app} {release.version}"
    if hub.throttle.is_first(f"strangers {subject}"):
        hold = f"discode release hold {subject} --hub {hub.config.url} --reason TEXT"
        fields = {
            "release": subject, "failed": failures, "reported": everybody,
            "next": f"look at the reports; to hold it back: {hold}",
        }  # fmt: skip
        _log.warning("many failures are reported without a license, which halts nothing", extra={"fields": fields})


def _hold(session: Session, hub: Hub, actor: str, release: PublishedRelease, reason: str) -> None:
    one_at_a_time(session)
    kept = session.get(Hold, (release.app, release.version))
    if kept is not None and kept.ended is None:
        return
    session.merge(
        Hold(app=release.app, version=release.version, at=hub.now(), ended=None, by=actor, reason=reason)
    )  # fmt: skip
    record(session, hub.now(), actor, "rollout.halt", f"{release.app} {release.version}", {"reason": reason})
    session.flush()
    sign_timestamp(session, hub)


def _release(session: Session, app: str, version: str) -> PublishedRelease:
    found = session.get(PublishedRelease, (app, version))
    if found is None:
        raise NotFound(f"{app} has no release {version}.", "See: discode release list", key="no-such-release")
    return found


def _median(numbers: list[float]) -> float:
    ordered = sorted(numbers)
    return round(ordered[len(ordered) // 2], 3)
