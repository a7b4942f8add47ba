"""What `auto`, `status`, `list` and `update --automatic` say of an app's automatic updates: nobody is asked."""

from __future__ import annotations

from typing import Any

from ..core.errors import DiscodeError


def described(app: str) -> dict[str, Any]:
    """What is set up, and what was found at the last look. A plan that is damaged says so."""
    from . import wiring
    from .wiring_automatic import plans

    kept = plans(wiring.home())
    try:
        plan = kept.of(app)
    except DiscodeError as error:
        return {"on": False, "error": error.sentence}
    if plan is None:
        return {"on": False, "error": None}
    found = kept.outlook(app) if plan.on else None
    return {
        "on": plan.on, "error": None, "windows": list(plan.windows), "zone": plan.zone, "delay": plan.delay,
        "urgent_any_time": plan.urgent_any_time, "version": found.version if found else None,
        "at": found.at if found else None, "needs_consent": found.consent if found else None,
        "looked": found.looked if found else None, "next_look": found.next if found else None,
        "why": found.why if found else "",
    }  # fmt: skip


def settings_text(told: dict[str, Any]) -> str:
    """What was chosen: a line."""
    from ..core.automatic_plan import ALWAYS, delay_text

    windows = ", ".join(told["windows"])
    when = "at any time" if windows == ALWAYS else f"{windows} ({told['zone']})"
    delay = f"{delay_text(told['delay'])} after a release came out" if told["delay"] else "as soon as a release is out"
    return f"{when}, {delay}{'; urgent ones at any time' if told['urgent_any_time'] else ''}"


def text_of(told: dict[str, Any], app: str) -> str:
    """A line of `described`."""
    if told["error"]:
        return f"off: {told['error']}"
    if not told["on"]:
        return f"off; to turn them on: discode auto {app} on"
    return f"on, {settings_text(told)}. {coming(told, app)}".rstrip()


def coming(told: dict[str, Any], app: str) -> str:
    """What happens next, or waits for somebody; empty when nothing does."""
    from ..core.schedule import when_text

    said = ""
    if told.get("version") and told.get("at"):
        said = f"Next: {told['version']} on {when_text(told['at'], told['zone'])}."
    elif told.get("why") and not told.get("needs_consent"):
        said = told["why"]
    consent = told.get("needs_consent")
    return f"{said} {f'{consent} needs your consent: discode update {app}' if consent else ''}".strip()
