"""What `discode doctor` looks at, and what it can put right."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..core.errors import DiscodeError
from ..core.history import gave_up
from ..core.scarcity import LITTLE_DISK
from ..disk.folders import free_space
from .doctor_backups import examine_backups
from .doctor_docker import examine_docker
from .doctor_https import examine_https
from .doctor_names import examine_names
from .doctor_notices import examine_notices
from .finding import Finding

if TYPE_CHECKING:
    from ..core.installation import Installation
    from ..flows.look import Sight
    from ..flows.rebuild import Rebuilding
    from ..flows.world import World
    from ..ports.store import Store
    from .wiring_host import Host


def examine(home: Path) -> list[Finding]:
    """Every check; one that cannot be made is a finding too."""
    from . import wiring

    host = wiring.host()
    world = wiring.world(False, "discode doctor", on=host)
    installed = _readable(world.store)
    kinds = {one.kind for one in installed}
    try:
        engines = [*_engines(host, kinds)]
    except DiscodeError as error:  # config.toml is invalid
        engines = [Finding("settings", False, error.sentence, error.next_step)]
    networks = _networks(host, world.store) if "image" in kinds else []
    apps = [*examine_apps(world, installed), *examine_backups(world)]
    told = examine_notices(home, world.clock.now())
    return [*_machine(home), *engines, *networks, *apps, *told, _agent(home)]


def examine_apps(world: World, installed: Sequence[Installation]) -> list[Finding]:
    """The proxy is asked once for all of them: a command to it may take as long as all else."""
    from ..flows.look import look_at_all

    sights = look_at_all(world, [*installed])
    by_app = {one.app: sight for one, sight in zip(installed, sights, strict=True)}
    apps = [_app(world, app, by_app.get(app)) for app in world.store.apps()]
    return [*apps, *examine_https(installed, sights), *examine_names(world, installed, sights)]


def mend(findings: list[Finding], *, ask: bool, as_json: bool) -> None:
    import typer

    from .progress import report_for

    report = report_for(as_json)
    for finding in findings:
        if finding.ok or finding.fix is None:
            continue
        if ask and not typer.confirm(finding.fix_question or f"{finding.what}: {finding.next_step}?", err=True):
            continue
        with_title = finding.fix_question.rstrip("?") or finding.what
        report.note(f"{with_title} ...")
        try:
            report.note(finding.fix())
        except DiscodeError as error:
            report.note(f"{error.sentence} {error.next_step}")


def _machine(home: Path) -> Iterator[Finding]:
    yield _home_is_usable(home)
    free = free_space(home)
    megabytes = f"{free // 2**20} MB free"
    yield Finding("disk", free >= LITTLE_DISK, megabytes, "Free some space: an update needs room for a second version.")


def _home_is_usable(home: Path) -> Finding:
    """Where there is none yet, whether the first install can make it."""
    place = home
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        return Finding(
            "home", False, f"{home}: {place} is not a folder", "Set DISCODE_HOME to a folder that you can write to."
        )
    usable = os.access(place, os.W_OK | os.X_OK)
    return Finding("home", usable, str(home), "Run the command as its owner, or set DISCODE_HOME.")


def _haproxy() -> Finding:
    binary = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if binary is None:
        step = "Install it: apt-get install haproxy (or: discode doctor --fix)"
        question = "Install HAProxy from the distribution (apt-get install haproxy)?"
        return Finding(
            "haproxy", False, "not installed; apps cannot be reached without it", step, _install_haproxy, question
        )
    answer = subprocess.run([binary, "-v"], capture_output=True, text=True, check=False).stdout
    words = answer.split()
    return Finding("haproxy", True, " ".join(words[1:3]) if len(words) > 2 else binary)


def _install_haproxy() -> str:
    from .distribution import install

    return install("haproxy", "HAProxy", "HAProxy 2.6 or newer")


def _agent(home: Path) -> Finding:
    from .unattended import WHAT, examine

    ok, detail, step, fix = examine(home)
    return Finding(
        WHAT, ok, detail, step, fix, "Set up the agent, which settles at every boot, updates and backs up by itself?"
    )


def _engines(host: Host, kinds: Collection[str]) -> Iterator[Finding]:
    """What the apps of this machine run on; before the first install, what most releases run on."""
    proxy = host.config.proxy
    yield from examine_docker(host, needed="image" in kinds or proxy == "docker" or not (kinds or proxy))
    if proxy == "edge" or "archive" in kinds:
        yield _haproxy()
        yield _edge(host, bool(kinds))


def _networks(host: Host, store: Store) -> list[Finding]:
    from .doctor_networks import examine_networks

    return list(examine_networks(host, store.apps()))


def _edge(host: Host, needed: bool) -> Finding:
    edge, port = host.edge(), host.config.http_port
    if pid := edge.running():
        return Finding("proxy", True, f"runs (pid {pid}), HTTP port {port}")
    detail = f"not running; it will listen on HTTP port {port}"
    return Finding("proxy", not needed, detail, "discode proxy start", lambda: _start_proxy(host), "Start the proxy?")


def _start_proxy(host: Host) -> str:
    host.edge().ensure()
    return "The proxy is running."


def _readable(store: Store) -> list[Installation]:
    """The installed apps. One whose files are damaged is told of with the apps."""
    found: list[Installation] = []
    for app in store.apps():
        with suppress(DiscodeError):
            found += [one] if (one := store.installation(app)) else []
    return found


def _app(world: World, app: str, sight: Sight | None) -> Finding:
    from ..flows.rebuild import plan_rebuild
    from .inspect import describe

    settle = f"discode settle {app}"
    try:
        if (damage := plan_rebuild(world, app)) is not None:
            return _damage(world, app, damage)
        journal, installation = world.store.journal(app), world.store.installation(app)
        if journal is not None:
            why = gave_up(world.store.readable_history(app)[0], journal.started)
            detail = f"an interrupted {journal.flow}{f'. {why}' if why else ''}"
            return Finding(app, False, detail, settle, lambda: _settle(world, app), f"Settle {app}?")
        if installation is None:
            return Finding(app, True, "not installed; its data and settings are kept")
        told = describe(world, installation, sight)
    except DiscodeError as error:
        return Finding(app, False, error.sentence, error.next_step)
    if installation.state == "stopped":
        return Finding(app, True, f"{installation.version}, stopped")
    detail = f"{installation.version}, instance {told['instance_state']}, traffic {told['traffic']}"
    if ill := [one for one in told["accessories"] if one["trouble"]]:
        what = ", ".join(f"{one['name']}: {one['trouble']}" for one in ill)
        detail, step = f"{detail}, but beside it {what}", f"discode logs {app} --process {ill[0]['name']}"
        return Finding(app, False, detail, step, lambda: _settle(world, app), f"Settle {app}?")
    if told["health"]:
        return Finding(app, False, f"{detail}, but it does not answer: {told['health']}", f"discode logs {app}")
    if told["serves"] is None:
        return Finding(app, False, f"{installation.version}: {told['traffic']}", told["next_step"] or settle)
    if told["serves"] and (failed := _newer(installation.version, told["failed_here"])):
        return _held_back(app, detail, failed)
    return Finding(app, bool(told["serves"]), detail, settle, lambda: _settle(world, app), f"Settle {app}?")


def _newer(version: str, failed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    from ..core.version import parse_version

    return [bad for bad in failed if parse_version(bad["version"]) > parse_version(version)]


def _held_back(app: str, detail: str, failed: list[dict[str, Any]]) -> Finding:
    """It serves; what stays as it is, if nobody does anything, is its version."""
    last = max(failed, key=lambda bad: bad["last"])
    detail = f"{detail}; the update to {last['version']} failed: {last['reason']}"
    step = f"Tell the vendor of the app; to try it again now: discode update {app} --retry"
    return Finding(app, True, detail, step, warns=True)


def _damage(world: World, app: str, damage: Rebuilding) -> Finding:
    names = " and ".join(damage.damaged)
    detail = f"damaged: its {names}. {' '.join(damage.words)}"
    step = "Rebuild it from the runtime and the proxy: discode doctor --fix"
    return Finding(app, False, detail, step, lambda: _rebuild(world, app), f"Rebuild the {names} of {app}?")


def _rebuild(world: World, app: str) -> str:
    from ..flows.rebuild import rebuild

    try:
        done = rebuild(world, app)
    except DiscodeError as error:
        return f"{error.sentence} {error.next_step}"
    return " ".join(done.words) if done else f"{app}: the damage is repaired."


def _settle(world: World, app: str) -> str:
    from ..flows.restore import restore

    try:
        result = restore(world, app)
    except DiscodeError as error:
        return f"{error.sentence} {error.next_step}"
    return f"{app}: {result.outcome}."
