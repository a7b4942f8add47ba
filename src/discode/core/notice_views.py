"""What is seen of an app and its machine, as what can be in trouble: each with its words, and how long it may last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from .backup_state import is_late
from .condition import Condition
from .ends import told_in_days
from .https import Https
from .lease import Lease
from .notice import Severity, Words
from .notice_flows import serving
from .quantity import format_size
from .scarcity import LITTLE_DISK, LITTLE_MEMORY, is_short
from .trouble import View

DAY = 86400.0
# Looks are a minute apart: what only one of them sees is no news.
TWICE = 50.0  # seconds
FEW_MINUTES = 290.0
_LICENSE: tuple[tuple[int, int, Severity], ...] = ((1, 3, "critical"), (7, 2, "warning"), (30, 1, "info"))  # days left


def answers(app: str, version: str, condition: Condition, detail: str, advice: str) -> View:
    """`detail`: why it does not; `advice`: the next step then."""
    key = f"answers:{app}"
    if condition == "serving":
        text = f"{app} {version} answers its health check again."
        return View(key, app, "well", Words(f"{app} answers again", text, serves=serving(app, version)), calm=TWICE)
    if condition in ("not answering", "not serving"):
        if condition == "not answering":
            text = f"{app} {version} has the traffic and does not answer its health check: {detail}."
        else:
            text = f"{app} {version} has no traffic: {detail}."
        words = Words(f"{app} does not answer", text, advice, "nothing that answers")
        return View(key, app, "bad", words, "critical", patience=TWICE)
    return View(key, app, "unknown" if condition == "unknown" else "gone")


def seen(app: str, trouble: str, advice: str) -> View:
    """Whether the app can be looked at; `trouble`: why not, empty when it can."""
    key = f"unseen:{app}"
    if not trouble:
        words = Words(f"{app} can be looked at again", f"It is known again how {app} is.")
        return View(key, app, "well", words, calm=TWICE)
    text = f"It cannot be found out how {app} is: {trouble}"
    words = Words(f"nobody knows whether {app} serves", text, advice or "discode doctor", "not known")
    return View(key, app, "bad", words, "critical", patience=FEW_MINUTES)


def readable(app: str, damage: str, advice: str) -> View:
    """Whether the files of an installation can be read; `damage`: why not."""
    key = f"damaged:{app}"
    if not damage:
        words = Words(f"the files of {app} are whole again", f"The files of {app} can be read again.")
        return View(key, app, "well", words)
    words = Words(f"the files of {app} are damaged", damage, advice or "discode doctor")
    return View(key, app, "bad", words, "critical")


def accessory(app: str, name: str, trouble: str) -> View:
    """One of the databases and servers beside an app."""
    key = f"beside:{app}:{name}"
    if not trouble:
        words = Words(f"{name} of {app} is well again", f"{name}, which runs beside {app}, is well again.")
        return View(key, app, "well", words, calm=TWICE)
    text = f"{name}, which runs beside {app}, is not well: {trouble}."
    words = Words(f"{name} of {app} is not well", text, f"discode logs {app} --process {name}")
    return View(key, app, "bad", words, "critical", patience=TWICE)


def certificates(app: str, https: Https, tls: str) -> Iterator[View]:
    """Of each name: near its end, which only another certificate changes; or none that a client believes."""
    for one in https.names:
        key, warning = f"certificate:{app}:{one.host}", https.warning(one)
        mark = f"{one.certificate.ends:.0f}" if one.certificate and one.is_proved else ""
        if not warning:
            until = f" until {_day(one.certificate.ends)}" if one.certificate else ""
            words = Words(f"{one.host} has a good certificate again", f"The certificate of {one.host} is good{until}.")
            yield View(key, app, "well", words, mark=mark, lasting=1)
            continue
        step = f"discode status {app}"
        if tls == "own":
            step = f"discode certificate set {app} --certificate FILE --private-key FILE"
        if one.is_proved:
            words = Words(f"the certificate of {one.host} is near its end", f"{one.host}: {warning}.", step)
            yield View(key, app, "bad", words, "warning", level=1, mark=mark)
        else:
            words = Words(f"{one.host} has no good certificate", f"{one.host}: {warning}.", step)
            yield View(key, app, "bad", words, "critical", level=2, patience=FEW_MINUTES)


def backups(app: str, told: Mapping[str, Any], now: float) -> Iterator[View]:
    """`told`: `backup_state.described`."""
    failed, late, drill = (f"{what}:{app}" for what in ("backup", "backup-age", "drill"))
    if told["repository"] is None:
        yield from (View(key, app, "gone") for key in (failed, late, drill))
        return
    now_step, last = f"discode backup now {app}", f"{told['last'] or 0.0:.0f}"
    well = Words(f"{app} is backed up again", f"{app} is backed up again.")
    if told["failed"]:
        text = f"The last backup of {app} failed: {told['failed']['error']}"
        yield View(failed, app, "bad", Words(f"the backup of {app} failed", text, now_step))
    else:
        yield View(failed, app, "well", well)
    if is_late(told, now, told["since"] or 0.0):
        since = f"is of {_day(told['last'])}" if told["last"] else "was never taken"
        words = Words(f"the backups of {app} are old", f"The last backup of {app} {since}.", now_step)
        yield View(late, app, "bad", words, mark=last)
    else:
        yield View(late, app, "well", well, mark=last, lasting=1)
    if told["drill_failed"]:
        text = f"A restore of {app} was tried, as a drill, and failed: {told['drill_failed']['error']}"
        words = Words(f"the restore drill of {app} failed", text, f"discode backup drill {app}")
        yield View(drill, app, "bad", words)
    else:
        words = Words(f"{app} can be restored again", f"A drill has restored {app}: its backups are good.")
        yield View(drill, app, "well", words)


def offer(app: str, version: str, newer: str | None) -> View:
    """Its end is told by the update. None: nothing newer is known."""
    if newer is None:
        return View(f"offer:{app}", app, "gone")
    text = f"{app} {newer} is available; {version} is installed."
    words = Words(f"{app} {newer} is available", text, f"discode update {app}", serving(app, version))
    return View(f"offer:{app}", app, "bad", words, "info", mark=newer)


def license(app: str, lease: Lease, now: float) -> Iterator[View]:
    """The license's own end, where the hub tells it; and that of the lease, which is renewed long before it ends."""
    ends = lease.license_ends
    yield View(f"license:{app}", app, "gone") if ends is None else _license(app, ends, now)
    key, mark = f"lease:{app}", f"{lease.ends:.0f}"
    if not lease.is_ending(now) or (ends is not None and ends <= lease.ends):
        words = Words(f"the lease of {app} is renewed", f"The hub has renewed the lease of {app}.")
        yield View(key, app, "well", words, mark=mark, lasting=1)
        return
    left = lease.ends - now
    how = f"ends in {told_in_days(left)}" if left > 0 else f"ended on {_day(lease.ends)}"
    text = f"The lease of {app} {how}, and its hub does not renew it. Discode does not stop the app."
    words = Words(f"the license of {app} is not renewed", text, f"discode license lease {app}")
    yield View(key, app, "bad", words, "warning", mark=mark)


def _license(app: str, ends: float, now: float) -> View:
    key, mark, days = f"license:{app}", f"{ends:.0f}", (ends - now) / DAY
    step = f"Ask the vendor of {app} to renew it; then: discode license lease {app}"
    if days <= 0:
        text = f"The license of {app} ended on {_day(ends)}: there are no more updates. Discode does not stop the app."
        return View(key, app, "bad", Words(f"the license of {app} has ended", text, step), "critical", 4, mark)
    for least, level, severity in _LICENSE:
        if days <= least:
            left = told_in_days(ends - now)
            text = f"The license of {app} ends in {left}, on {_day(ends)}; then there are no more updates."
            words = Words(f"the license of {app} ends in {left}", text, step)
            return View(key, app, "bad", words, severity, level, mark)
    words = Words(f"the license of {app} is renewed", f"The license of {app} lasts until {_day(ends)}.")
    return View(key, app, "well", words, mark=mark, lasting=4)


def disk(free: int, *, was_short: bool) -> View:
    left = f"{format_size(free)} of disk space are free"
    if is_short(free, LITTLE_DISK, was_short=was_short):
        text = f"Only {left}: an update may not fit, and databases stop when there is nothing left."
        words = Words("the disk is nearly full", text, "discode prune APP, or a larger disk")
        return View("disk:", "", "bad", words, "critical")
    return View("disk:", "", "well", Words("there is room on the disk again", f"{left[0].upper()}{left[1:]}."))


def memory(free: int, *, was_short: bool) -> View:
    left = f"{format_size(free)} of memory are free"
    if is_short(free, LITTLE_MEMORY, was_short=was_short):
        text = f"Only {left}: the system may end one of the programs that run."
        words = Words("the memory is nearly full", text, "See what needs it: discode status APP, or top")
        return View("memory:", "", "bad", words, "warning", patience=FEW_MINUTES)
    words = Words("there is free memory again", f"{left[0].upper()}{left[1:]}.")
    return View("memory:", "", "well", words, calm=FEW_MINUTES)


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
