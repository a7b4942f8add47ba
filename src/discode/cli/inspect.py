"""What a customer types to look: status, list, history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import StateError, Unreachable
from .options import App, Json
from .output import emit, table

if TYPE_CHECKING:
    from ..core.errors import DiscodeError
    from ..core.history import HistoryEntry
    from ..core.installation import BadRelease, Installation
    from ..flows.world import Site, World


def status(app: App, as_json: Json = False) -> None:
    """Show which version is serving and which ones are kept."""
    from . import wiring

    world = wiring.world(as_json, "discode status")
    told = describe(world, world.installed(app))
    emit(told, _status_text(told), as_json=as_json)


def list_(as_json: Json = False) -> None:
    """List the installed apps."""
    from . import wiring

    world = wiring.world(as_json, "discode list")
    found, damaged = _all(world)
    told: list[dict[str, Any]] = [
        {"app": one.app, "version": one.version, "state": one.state, "hosts": list(one.route.hosts),
         "instance": str(one.instance), "source": one.source}
        for one in found
    ]  # fmt: skip
    told += [{"app": app, "state": "damaged", "error": error.sentence} for app, error in damaged.items()]
    rows = [[one.app, one.version, one.state, ", ".join(one.route.hosts) or "every host"] for one in found]
    rows += [[app, "?", "damaged", "see: discode doctor"] for app in damaged]
    text = table(rows, ["APP", "VERSION", "STATE", "HOSTS"]) if rows else "No app is installed."
    kept = [world.store.kept(app) for app in world.store.kept_apps()]
    left = [{"app": one.app, "version": one.version, "source": one.source} for one in kept if one is not None]
    emit({"apps": told, "kept": left}, f"{text}{_kept_text(left)}", as_json=as_json)


def _kept_text(left: list[dict[str, Any]]) -> str:
    if not left:
        return ""
    names = ", ".join(one["app"] for one in left)
    return f"\nNot installed, but data and settings are kept: {names}. To delete them: discode uninstall APP --purge"


def _all(world: World) -> tuple[list[Installation], dict[str, DiscodeError]]:
    """What is installed, and the apps whose files cannot be read."""
    found: list[Installation] = []
    damaged: dict[str, DiscodeError] = {}
    for app in world.store.apps():
        try:
            installation = world.store.installation(app)
        except StateError as error:
            damaged[app] = error
        else:
            found += [installation] if installation else []
    return found, damaged


def history(
    app: App,
    lines: Annotated[int, typer.Option("--lines", "-n", min=1, help="How many entries to show, from the end.")] = 20,
    as_json: Json = False,
) -> None:
    """Show what was done with an app, newest last."""
    from ..core.names import check_slug
    from . import wiring

    world = wiring.world(as_json, "discode history")
    entries = world.store.history(check_slug(app))
    if not entries:
        world.installed(app)
    rows = [
        [_when(one.at), one.flow, one.from_version or "-", one.to_version or "-", one.outcome, one.error or ""]
        for one in entries[-lines:]
    ]
    text = table(rows, ["WHEN", "WHAT", "FROM", "TO", "OUTCOME", ""]) if rows else f"{app} has no history yet."
    emit({"app": app, "history": [one.as_dict() for one in entries[-lines:]]}, text, as_json=as_json)


def describe(world: World, installation: Installation) -> dict[str, Any]:
    """What is recorded, beside what is found: never a setting's value."""
    app, told = installation.app, {**_recorded(installation), "yanked": _yanked(installation)}
    journal = world.store.journal(app)
    told["interrupted"] = journal.flow if journal else None
    told["since"] = _since(world.store.readable_history(app)[0])
    try:
        site = world.site(installation.kind, world.steps())
        state, serving = site.runtime.inspect(installation.instance), site.proxy.serving(app)
        told["instance_state"] = state.phase.value if state else "missing"
        told["restarts"] = state.restarts if state else None
        told["traffic"] = serving.mode.value if serving else "no route"
        told["serves"] = bool(state and serving and serving.endpoint == state.endpoint and told["traffic"] == "running")
        told["health"] = _health(site, installation) if told["serves"] else None
    except Unreachable as error:
        told.update(instance_state="unknown", restarts=None, traffic=error.sentence, serves=None, health=None)
    return told


def _since(history: list[HistoryEntry]) -> float | None:
    """When what is there now came to be, Unix time: a flow that came to nothing left all as it was."""
    return next((one.at for one in reversed(history) if one.outcome in ("done", "settled-forward")), None)


def _health(site: Site, installation: Installation) -> str:
    """What one check sees: empty when it answers, else `503 at /up`."""
    health = installation.release.manifest.health
    probe = site.runtime.probe(installation.instance, health.path, health.timeout)
    return "" if probe.ok else probe.detail


def _yanked(installation: Installation) -> str | None:
    """Why the vendor took it back, as far as was known when the source was last asked."""
    from ..core.plan import withdrawn
    from . import wiring

    index = wiring.index_seen(installation)
    return withdrawn(installation, index) if index else None


def _recorded(one: Installation) -> dict[str, Any]:
    return {
        "app": one.app,
        "version": one.version,
        "state": one.state,
        "instance": str(one.instance),
        "channel": one.channel,
        "source": one.source,
        "hosts": list(one.route.hosts),
        "path_prefix": one.route.path_prefix,
        "rollback_to": [release.version for release in one.previous],
        "failed_here": [bad.as_dict() for bad in one.bad.values() if not bad.was_left],
        "rolled_back_from": [_left(bad) for bad in one.bad.values() if bad.was_left],
    }


def _left(bad: BadRelease) -> dict[str, Any]:
    return {"version": bad.version, "at": bad.last}


def _status_text(told: dict[str, Any]) -> str:
    rows = [
        ("App", f"{told['app']} {told['version']}"),
        ("State", _state_text(told)),
        ("Since", _when(told["since"]) if told["since"] else "-"),
        ("Instance", f"{told['instance']} ({told['instance_state']}, restarts: {told['restarts'] or 0})"),
        ("Hosts", ", ".join(told["hosts"]) or "every host that no other app uses"),
        ("Source", f"{told['source']} ({told['channel']})"),
        ("Rollback to", ", ".join(told["rollback_to"]) or "-"),
    ]
    if told["yanked"] is not None:
        rows.insert(1, ("Withdrawn", f"by the vendor: {told['yanked']}"))
    rows += [("Failed here", _bad_text(bad)) for bad in told["failed_here"]]
    rows += [("Went back", _left_text(told["app"], left)) for left in told["rolled_back_from"]]
    if told["interrupted"]:
        rows.append(("Interrupted", f"{told['interrupted']}; finish it with: discode settle {told['app']}"))
    return "\n".join(f"{name + ':':<13}{value}" for name, value in rows)


def _bad_text(bad: dict[str, Any]) -> str:
    times = "once" if bad["tries"] == 1 else f"{bad['tries']} times"
    again = f"Retried from {_when(bad['retry_at'])} on"
    return f"{bad['version']}, {times}: {bad['reason']} {again}; to retry now: update --retry"


def _left_text(app: str, left: dict[str, Any]) -> str:
    version = left["version"]
    return f"from {version} on {_when(left['at'])}; updates skip it. To return: discode update {app} --to {version}"


def _state_text(told: dict[str, Any]) -> str:
    if told["state"] == "stopped":
        return f"stopped; start it with: discode start {told['app']}"
    if told["serves"] and told["health"]:
        return f"has the traffic, but does NOT ANSWER: {told['health']}; see why: discode logs {told['app']}"
    if told["serves"]:
        return "serving"
    return f"NOT SERVING (traffic: {told['traffic']}); try: discode settle {told['app']}"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
