"""`discode auto`: whether an app is updated by itself, and when."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from ..core.errors import StateError, UsageError
from .automatic_told import coming, described, settings_text, text_of
from .foreign import tame
from .options import App, Json
from .output import emit

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.automatic_plan import AutomaticPlan

What = Annotated[
    Literal["on", "off", "show"],
    typer.Argument(metavar="[on|off|show]", help="What to do; show is the default.", show_default=False),
]
Windows = Annotated[
    list[str],
    typer.Option(
        "--window",
        metavar="'DAYS HH:MM-HH:MM'",
        help="When updates may begin; repeatable, and instead of those from before. Without days: every day. `always` "
        "for no window.",
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(metavar="ZONE", help="The time zone of the windows. Default: this machine's.", show_default=False),
]
Delay = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="How old a release has to be, such as 2d or 36h.", show_default=False),
]
UrgentAnyTime = Annotated[
    bool | None,
    typer.Option(
        "--urgent-any-time/--urgent-in-window",
        help="Whether releases that the vendor marks as urgent wait for no window. The delay never counts for them.",
        show_default=False,
    ),
]


def auto(
    app: App,
    what: What = "show",
    window: Windows = [],
    zone: Zone = None,
    delay: Delay = None,
    urgent_any_time: UrgentAnyTime = None,
    as_json: Json = False,
) -> None:
    """Update an app by itself, in windows that you choose.

    Releases that need your consent (major versions, those without a way back) are only told of. Unless you choose
    otherwise: every night from 02:00 to 05:00, once a release is two days old.

    \b
        discode auto myapp on
        discode auto myapp on --window 'Sun 02:00-05:00' --zone Europe/Berlin
        discode auto myapp on --delay 2d --urgent-any-time
        discode auto myapp off
    """
    from ..agent.bell import ring
    from . import wiring

    wiring.world(as_json, "discode auto").installed(app)
    changes = {"--window": window, "--zone": zone, "--delay": delay, "--urgent-any-time": urgent_any_time}
    given = [name for name, value in changes.items() if value not in (None, [])]
    if what != "on" and given:
        raise UsageError(f"{given[0]} is for turning them on. Nothing was changed.", "See: discode auto --help")
    if what == "show":
        _show(app, as_json)
    elif what == "off":
        turn_off(app)
        ring(wiring.home())
        emit({"result": "off", "app": app}, f"{app} is not updated by itself any more.", as_json=as_json)
    else:
        turn_on(app, window, zone, delay, urgent_any_time)
        ring(wiring.home())
        _told_on(app, as_json)


def turn_on(
    app: str,
    windows: list[str] | None = None,
    zone: str | None = None,
    delay: str | None = None,
    urgent_any_time: bool | None = None,
) -> None:
    """What is not given stays as it was. Raises UsageError."""
    from ..core.automatic_plan import parse_delay
    from . import wiring
    from .wiring_automatic import local_zone, plans

    before = _known(wiring.home(), app)
    changes: dict[str, Any] = {"on": True}
    if windows:
        changes["windows"] = _checked(windows)
    if delay is not None:
        changes["delay"] = parse_delay(delay)
    if urgent_any_time is not None:
        changes["urgent_any_time"] = urgent_any_time
    if zone is not None or before is None or not before.zone:
        changes["zone"] = _zone(zone or local_zone())
    plans(wiring.home()).keep((before or _new(app)).changed(**changes))


def choose_updates(app: str, wanted: bool | None, as_json: bool) -> None:
    """After an install. None: it is asked where somebody can answer, unless that was chosen before."""
    from ..agent.bell import ring
    from . import wiring

    if wanted is None:
        wanted = _wanted(app, as_json) if _known(wiring.home(), app) is None else None
    if wanted is None:
        return
    if not wanted:
        turn_off(app)
        return
    turn_on(app)
    ring(wiring.home())
    if not as_json:  # there the result was the last line
        print(tame(f"{_on_text(app)[0]} To change that: discode auto --help"), file=sys.stderr)


def _wanted(app: str, as_json: bool) -> bool | None:
    """None where nobody answers: the app is installed, whatever becomes of the question."""
    from .asking import can_ask

    if not can_ask(as_json):
        return None
    night = "at night, between 02:00 and 05:00, once a release is two days old"
    try:
        return typer.confirm(f"Update {app} by itself, {night}?", default=False, err=True)
    except typer.Abort:
        return None


def turn_off(app: str) -> None:
    from . import wiring
    from .wiring_automatic import plans

    plans(wiring.home()).keep((_known(wiring.home(), app) or _new(app)).changed(on=False))


def _checked(windows: list[str]) -> tuple[str, ...]:
    """As they are shown. Raises UsageError."""
    from ..core.automatic_plan import ALWAYS
    from ..core.schedule import parse_window

    if ALWAYS in windows and len(windows) > 1:
        raise UsageError(
            f"--window {ALWAYS} is all the time, and another window is given beside it. Nothing was changed.",
            "Leave one of the two out.",
            key="invalid-window",
        )
    return (ALWAYS,) if windows == [ALWAYS] else tuple(dict.fromkeys(str(parse_window(text)) for text in windows))


def _zone(name: str) -> str:
    """Raises UsageError."""
    from ..core.schedule import check_zone

    return check_zone(name).key


def _new(app: str) -> AutomaticPlan:
    from ..core.automatic_plan import AutomaticPlan

    return AutomaticPlan(app=app)


def _known(home: Path, app: str) -> AutomaticPlan | None:
    """A damaged plan is chosen anew. Raises StateError for one of a newer Discode."""
    from .wiring_automatic import plans

    try:
        return plans(home).of(app)
    except StateError as error:
        if error.name == "newer-schema":
            raise
        return None


def _show(app: str, as_json: bool) -> None:
    told = described(app)
    emit({"app": app, **told}, f"Automatic updates of {app}: {text_of(told, app)}", as_json=as_json)


def _told_on(app: str, as_json: bool) -> None:
    text, works = _on_text(app)
    emit({"result": "on", "app": app, **described(app), "works": works}, text, as_json=as_json)


def _on_text(app: str) -> tuple[str, bool]:
    """What is on now, and whether something starts it."""
    from . import wiring
    from .unattended import examine

    works, detail, step, _ = examine(wiring.home())
    told = described(app)
    text = f"{app} is updated by itself: {settings_text(told)}. {coming(told, app)}".rstrip()
    return (text if works else f"{text} But nothing starts that yet: {detail}. {step}"), works
