"""What a customer types to look: status, list, history."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import DiscodeError, StateError
from ..core.history import QUIET, gave_up
from ..core.quantity import format_size
from .options import App, Json
from .output import described, emit, table

if TYPE_CHECKING:
    from ..core.history import HistoryEntry
    from ..core.installation import BadRelease, Installation
    from ..flows.accessory_look import Seen
    from ..flows.look import Sight
    from ..flows.world import World
    from ..ports.runtime import ProcessState


def status(
    app: Annotated[str | None, typer.Argument(metavar="[APP]", help="Only this app.", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Show how an app is, or all of them.

    Shows its version, address, HTTPS, processes and license, and which versions are kept. Without a name it lists all
    apps, as discode list does.
    """
    from . import wiring

    if app is None:
        list_(as_json)
        return
    world = wiring.world(as_json, "discode status")
    installation, past = world.installed(app), world.store.readable_history(app)[0]
    told = describe(world, installation, past=past)
    told["license"] = _license(app, world.clock.now())
    told["backup"] = _backup(world, app, past)
    told["automatic"] = _automatic(app)
    emit(told, _status_text(told), as_json=as_json)


def list_(as_json: Json = False) -> None:
    """List the installed apps."""
    from ..core.https import in_short
    from ..flows.look import look_at_all
    from . import wiring

    world = wiring.world(as_json, "discode list")
    found, damaged = _all(world)
    sights = look_at_all(world, found)
    words: list[str] = [sight.condition(one) for one, sight in zip(found, sights, strict=True)]
    told: list[dict[str, Any]] = [
        {"app": one.app, "version": one.version, "state": one.state, "condition": word,
         "hosts": list(one.route.hosts), "instance": str(one.instance), "source": one.source,
         "https": sight.https.as_dict() if sight.https else None,
         "accessories": [_accessory(beside) for beside in sight.beside],
         **({"backup": _backup(world, one.app), "automatic": _automatic(one.app)} if as_json else {})}
        for one, word, sight in zip(found, words, sights, strict=True)
    ]  # fmt: skip
    told += [{"app": app, "state": "damaged", "condition": "damaged", "error": error.sentence}
             for app, error in damaged.items()]  # fmt: skip
    rows = [
        [one.app, one.version, word, in_short(one.route.tls, sight.https), ", ".join(one.route.hosts) or "every host"]
        for one, word, sight in zip(found, words, sights, strict=True)
    ]
    rows += [[app, "?", "damaged", "?", "see: discode doctor"] for app in damaged]
    text = table(rows, ["APP", "VERSION", "STATE", "HTTPS", "HOSTS"]) if rows else "No app is installed."
    text += "".join(f"\n{trouble}" for trouble in dict.fromkeys(_trouble(sight) for sight in sights) if trouble)
    text += "".join(_beside_text(one, sight) for one, sight in zip(found, sights, strict=True))
    text += "".join(_left_behind_text(one) for one in found)
    text += "".join(_coming_text(one) for one in found)
    text += "".join(f"\nHTTPS of {line}" for one in sights if one.https for line in one.https.warnings())
    kept = [world.store.kept(app) for app in world.store.kept_apps()]
    left = [{"app": one.app, "version": one.version, "source": one.source} for one in kept if one is not None]
    emit({"apps": told, "kept": left}, f"{text}{_kept_text(left)}", as_json=as_json)


def _trouble(sight: Sight) -> str:
    return f"Not known: {sight.trouble} {sight.advice}".rstrip() if sight.trouble else ""


def _beside_text(one: Installation, sight: Sight) -> str:
    """What is wrong beside it."""
    ill = [f"{seen.name}: {seen.trouble}" for seen in sight.beside if seen.trouble]
    return f"\nBeside {one.app}: {'; '.join(ill)}. See: discode status {one.app}" if ill else ""


def _left_behind_text(one: Installation) -> str:
    """Newer versions that it does not go to by itself."""
    left = [bad.version for bad in one.bad.values() if bad.was_left]
    told = f"was taken back from {', '.join(left)}, and updates skip {'them' if len(left) > 1 else 'it'}"
    return f"\n{one.app} {told}. See: discode status {one.app}" if left else ""


def _coming_text(one: Installation) -> str:
    """What it does by itself next, or waits for somebody to do."""
    from .automatic_told import coming, described

    said = coming(described(one.app), one.app)
    return f"\n{one.app}, by itself: {said}" if said else ""


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
    rows = [_history_row(one) for one in entries[-lines:]]
    text = table(rows, ["WHEN", "WHAT", "FROM", "TO", "OUTCOME", ""]) if rows else f"{app} has no history yet."
    emit({"app": app, "history": [one.as_dict() for one in entries[-lines:]]}, text, as_json=as_json)


def _history_row(one: HistoryEntry) -> list[str]:
    more = one.error or one.route or ""
    flow = f"{one.flow}, by itself" if one.automatic else one.flow
    return [_when(one.at), flow, one.from_version or "-", one.to_version or "-", one.outcome, more]


def describe(
    world: World,
    installation: Installation,
    sight: Sight | None = None,
    past: list[HistoryEntry] | None = None,
) -> dict[str, Any]:
    """What is recorded, beside what is found: never a setting's value. `sight`: a look that was had already; `past`:
    its history, where it was read already."""
    from ..flows.look import look, processes
    from ..flows.prove import address

    app, told = installation.app, {**_recorded(installation), "yanked": _yanked(installation)}
    journal = world.store.journal(app)
    told["interrupted"] = journal.flow if journal else None
    past = world.store.readable_history(app)[0] if past is None else past
    told["guard_gave_up"] = gave_up(past, journal.started) or None if journal else None
    told["since"] = _since(past)
    sight = sight or look(world, installation)
    state, serving = sight.state, sight.serving
    told["instance_state"] = "unknown" if sight.trouble else state.phase.value if state else "missing"
    told["restarts"] = state.restarts if state else None
    told["next_step"] = sight.advice
    told["traffic"] = sight.trouble or (serving.mode.value if serving else "no route")
    told["serves"], told["condition"] = sight.serves, sight.condition(installation)
    told["health"] = ("" if sight.health.ok else sight.health.detail) if sight.health else None
    told["https"] = {"tls": installation.route.tls, **sight.https.as_dict()} if sight.https else None
    told["address"], told["processes"], told["doors"], told["accessories"] = None, [], [], []
    if not sight.trouble:
        site = world.site(installation.kind, world.steps())
        told["address"] = address(site, installation.route, sight.https)
        told["doors"] = _doors(installation, told["address"])
        told["processes"] = [_process(one) for one in processes(site, installation)]
        told["accessories"] = [_accessory(one) for one in sight.beside]
    return told


def _doors(installation: Installation, address: str) -> list[dict[str, Any]]:
    doors = installation.release.manifest.doors
    return [{"process": name, "path": door.path, "address": address + door.path} for name, door in doors.items()]


def _process(one: ProcessState) -> dict[str, Any]:
    return {
        "name": one.name, "state": one.phase.value, "restarts": one.restarts, "memory": one.memory,
        "memory_limit": one.limit, "reason": one.reason,
    }  # fmt: skip


def _accessory(one: Seen) -> dict[str, Any]:
    made, state = one.accessory, one.state
    return {
        "name": one.name, "kind": made.kind, "version": made.version or None, "image": made.image.reference,
        "state": one.phase, "since": state.since if state else None, "restarts": state.restarts if state else 0,
        "memory": state.memory if state else None, "memory_limit": made.resources.memory,
        "reason": state.reason if state else "", "trouble": one.trouble,
    }  # fmt: skip


def _since(history: list[HistoryEntry]) -> float | None:
    """When what is there now came to be, Unix time: a flow that came to nothing left all as it was."""
    ends = ("done", "settled-forward")
    return next((one.at for one in reversed(history) if one.outcome in ends and one.flow not in QUIET), None)


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
        "redirects": dict(one.route.redirects),
        "path_prefix": one.route.path_prefix,
        "rollback_to": [release.version for release in one.previous],
        "failed_here": [bad.as_dict() for bad in one.bad.values() if not bad.was_left],
        "reused": {"data": list(one.reused_data), "settings": list(one.reused_settings)},
        "rolled_back_from": [_left(bad) for bad in one.bad.values() if bad.was_left],
    }


def _left(bad: BadRelease) -> dict[str, Any]:
    return {"version": bad.version, "at": bad.last}


def _status_text(told: dict[str, Any]) -> str:
    rows = [
        ("App", f"{told['app']} {told['version']}"),
        ("State", _state_text(told)),
        ("Address", told["address"] or "-"),
        *(("", f"{one['address']} (to {one['process']})") for one in told["doors"]),
        ("Since", _when(told["since"]) if told["since"] else "-"),
        ("Instance", f"{told['instance']} ({told['instance_state']}, restarts: {told['restarts'] or 0})"),
    ]
    names = ["Processes", *[""] * len(told["processes"])]
    rows += [(name, _process_text(one)) for name, one in zip(names, told["processes"], strict=False)]
    beside = ["Beside it", *[""] * len(told["accessories"])]
    rows += [(name, _accessory_text(one)) for name, one in zip(beside, told["accessories"], strict=False)]
    rows += [
        *_https_rows(told["https"]),
        ("Hosts", _hosts_text(told)),
        ("Source", f"{told['source']} ({told['channel']})"),
        *([("License", _license_text(told["app"], told["license"]))] if told["license"] else []),
        ("Backup", told["backup"]["text"]),
        ("Automatic", told["automatic"]["text"]),
        ("Rollback to", ", ".join(told["rollback_to"]) or "-"),
    ]
    if told["yanked"] is not None:
        rows.insert(1, ("Withdrawn", f"by the vendor: {told['yanked']}"))
    if any(told["reused"].values()):
        rows.append(("Reused", f"from an earlier installation: {_reused_text(told['reused'])}"))
    rows += [("Failed here", _bad_text(bad)) for bad in told["failed_here"]]
    rows += [("Went back", _left_text(told["app"], left)) for left in told["rolled_back_from"]]
    if told["interrupted"]:
        why = f". {told['guard_gave_up']}" if told["guard_gave_up"] else ""
        rows.append(("Interrupted", f"{told['interrupted']}; finish it with: discode settle {told['app']}{why}"))
    return described(rows)


def _hosts_text(told: dict[str, Any]) -> str:
    """Those that are sent on, with where."""
    to = {host: f" (leads to {target})" for host, target in told["redirects"].items()}
    return ", ".join(f"{host}{to.get(host, '')}" for host in told["hosts"]) or "every host that no other app uses"


def _https_rows(https: dict[str, Any] | None) -> list[tuple[str, str]]:
    """A line for each name: what is served, and beside it what is wrong."""
    names = https["names"] if https else []
    return [("HTTPS" if number == 0 else "", f"{one['host']}: {_https_text(one)}") for number, one in enumerate(names)]


def _https_text(one: dict[str, Any]) -> str:
    if one["state"] != "proved":
        return f"no. {one['warning'][:1].upper()}{one['warning'][1:]}" if one["warning"] else one["state"]
    served = f"certificate of {one['issuer']} until {_when(one['ends'])[:10]} ({_days(one['days_left'])})"
    failure = f"; the last renewal failed: {one['failure']['reason']}" if one["failure"] and not one["warning"] else ""
    return f"{served}; warning: {one['warning']}" if one["warning"] else f"{served}{failure}"


def _days(days: int) -> str:
    return "less than a day left" if days < 1 else f"{days} day{'s' if days != 1 else ''} left"


def _process_text(one: dict[str, Any]) -> str:
    """How it ended the last time is no news of one that was meant to end."""
    if one["state"] == "stopped":
        return f"{one['name']}: stopped"
    of = f" of {format_size(one['memory_limit'])}" if one["memory_limit"] else ""
    memory = f", {format_size(one['memory'])}{of}" if one["memory"] is not None else ""
    restarts = f", restarts: {one['restarts']}" if one["restarts"] else ""
    reason = f" ({one['reason']})" if one["reason"] and one["state"] != "running" else ""
    return f"{one['name']}: {one['state']}{reason}{restarts}{memory}"


def _accessory_text(one: dict[str, Any]) -> str:
    what = f"{one['kind']} {one['version']}" if one["kind"] else one["image"].partition("@")[0]
    name = f"{one['name']} ({what})"
    if one["state"] == "elsewhere":
        return f"{name}: elsewhere, at an address of yours"
    text = _process_text({**one, "name": name})
    if one["state"] == "running" and one["since"]:
        text += f", since {_when(one['since'])}"
    return f"{text}; {one['trouble']}" if one["trouble"] else text


def _reused_text(reused: dict[str, list[str]]) -> str:
    return "; ".join(f"{what} ({', '.join(names)})" for what, names in reused.items() if names)


def _license(app: str, now: float) -> dict[str, Any] | None:
    """What this machine has of a license: never its key."""
    from . import wiring

    try:
        license = wiring.licenses().of(app)
    except DiscodeError as error:
        return {"state": "damaged", "error": error.sentence}
    if license is None:
        return None
    told: dict[str, Any] = {"license": license.license, "customer": license.customer, "seat": license.installation}
    try:
        return {**told, "state": "valid", "ends": license.lease_at(now).ends}
    except DiscodeError as error:
        return {**told, "state": "ended" if error.name == "lease-ended" else "invalid", "error": error.sentence}


def _backup(world: World, app: str, past: list[HistoryEntry] | None = None) -> dict[str, Any]:
    from .backup_told import described, text_of

    try:
        told = described(world, app, world.store.readable_history(app)[0] if past is None else past)
    except DiscodeError as error:
        return {"text": error.sentence}
    return {**told, "text": text_of(told, app, world.clock.now())}


def _automatic(app: str) -> dict[str, Any]:
    from .automatic_told import described, text_of

    told = described(app)
    return {**told, "text": text_of(told, app)}


def _license_text(app: str, told: dict[str, Any]) -> str:
    if told["state"] == "damaged":
        return f"cannot be read: {told['error']}"
    whose = f"{told['license']} of {told['customer']}, seat {told['seat'][:8]}"
    if told["state"] == "valid":
        return f"{whose}; its lease ends {_when(told['ends'])} and is renewed before that"
    return f"{whose}: {told['error']} To renew its lease: discode license lease {app}"


def _bad_text(bad: dict[str, Any]) -> str:
    times = "once" if bad["tries"] == 1 else f"{bad['tries']} times"
    again = f"Retried from {_when(bad['retry_at'])} on"
    return f"{bad['version']}, {times}: {bad['reason']} {again}; to retry now: update --retry"


def _left_text(app: str, left: dict[str, Any]) -> str:
    version = left["version"]
    return f"from {version} on {_when(left['at'])}; updates skip it. To return: discode update {app} --to {version}"


def _state_text(told: dict[str, Any]) -> str:
    app, word = told["app"], told["condition"]
    more = {
        "stopped": f"; start it with: discode start {app}",
        "not answering": f": {told['health']}; it has the traffic. See why: discode logs {app}",
        "not serving": f" (traffic: {told['traffic']}); try: discode settle {app}",
        "unknown": f": {told['traffic']} {told['next_step'] or f'Try: discode settle {app}'}",
    }
    return f"{word}{more.get(word, '')}"


def _when(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))
