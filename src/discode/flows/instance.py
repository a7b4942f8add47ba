"""What the flows do with one instance: boot it, see that it answers, retire it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from ..core.errors import NotHere, Refused, ReleaseFailed, Unreachable
from ..core.installation import Installation
from ..core.names import InstanceName
from ..core.patience import Patience
from ..core.release import Release
from ..core.settings import environment
from ..ports.proxy import DoorTo, Timing
from ..ports.runtime import Endpoint, InstanceSpec, InstanceState, Phase, Probe
from .doors import doors_of, probe_itself, probe_proxied
from .prepare import own_address
from .world import Site

BOOT_INTERVAL = 0.05  # seconds between two looks at an instance that is booting
CONFIRM_INTERVAL = 0.25
CONFIRM_MISSES = 3  # failed checks in a row that make a release bad: one may be a hiccup of the machine
FAILED_LOG_LINES = 500
SHOWN_LOG_LINES = 15
SERVER_ERROR = 500  # the least of the statuses by which a server says that it failed (RFC 9110, 15.6)
QUIET = 3.0  # seconds in which it is no news that a new instance does not listen yet


def spec(site: Site, installation: Installation) -> InstanceSpec:
    settings = site.store.settings(installation.app, installation.settings)
    manifest = installation.release.manifest
    env = environment(manifest, settings, own_address(site, manifest, installation.route))
    return InstanceSpec(installation.instance, installation.release, env, installation.as_json())


def boot(site: Site, installation: Installation, within: float | None = None) -> Endpoint:
    """Start the instance and wait until it answers, for `within` seconds or the vendor's deadline, if that is less.

    Raises ReleaseFailed as soon as it cannot any more; what `start_or_fetch` raises.
    """
    health, name = installation.release.manifest.health, installation.instance
    allowed = health.deadline if within is None else min(within, health.deadline)
    begun, fetching, endpoint = site.clock.monotonic(), *start_or_fetch(site, installation)
    begun += fetching
    patience, told = Patience(health.deadline), ""
    while True:
        _must_run(site, name, installation.version, "while booting")
        probe = probe_itself(site, installation)
        if probe.ok:
            return endpoint
        waited = site.clock.monotonic() - begun
        if str(probe) != told and (probe.status is not None or waited >= QUIET):
            site.report.waiting(told := str(probe))
        if waited >= allowed:
            raise _not_healthy(site, name, f"{installation.version} did not answer within {allowed:.3g} s", probe)
        if patience.is_over(probe.status, probe.says, waited):
            unchanged = f"for {patience.longest:.3g} s, without a change"
            raise _not_healthy(site, name, f"{installation.version} keeps answering with an error, {unchanged}", probe)
        site.clock.sleep(BOOT_INTERVAL)


def start_or_fetch(site: Site, installation: Installation) -> tuple[float, Endpoint]:
    """Start the instance; where its release is gone from this machine, fetch it again. How many seconds that took, and
    where the instance is.

    Raises NotHere when it cannot be had any more, Unreachable when whoever has it does not answer.
    """
    try:
        return 0.0, site.runtime.start(spec(site, installation))
    except NotHere:
        begun = site.clock.monotonic()
        fetch_again(site, installation.source, installation.release)
        return site.clock.monotonic() - begun, site.runtime.start(spec(site, installation))


def fetch_again(site: Site, source: str, release: Release) -> None:
    """Raises as `start_or_fetch`."""
    app, version = release.manifest.app, release.version
    site.report.note(f"{app} {version} is no longer on this machine; fetching it again.")
    try:
        site.runtime.fetch(release, site.sources.open(app, source, release.product), site.report)
    except (Refused, Unreachable) as error:
        kind = type(error) if isinstance(error, Unreachable) else NotHere
        raise kind(
            f"{app} {version} is no longer on this machine, and it cannot be fetched again: {error.sentence}",
            error.next_step,
            key=error.name,
        ) from error


def switch(
    site: Site,
    installation: Installation,
    endpoint: Endpoint,
    *,
    doors: Sequence[DoorTo] | None = None,
    force: bool = False,
) -> None:
    """`doors`: where they lead; None: to its instance."""
    manifest = installation.release.manifest
    timing = Timing(manifest.health.deadline, manifest.update.drain, manifest.timeouts.response)
    doors = doors_of(site, installation) if doors is None else doors
    site.proxy.switch(installation.app, endpoint, installation.route, manifest.health, timing, doors=doors, force=force)


def runs(site: Site, installation: Installation) -> bool:
    state = site.runtime.inspect(installation.instance)
    return state is not None and state.phase is Phase.RUNNING


def answers(site: Site, installation: Installation) -> bool:
    """Whether the instance runs and answers, itself and through the proxy (which may answer for a paused app)."""
    return not trouble(site, installation)


def trouble(site: Site, installation: Installation) -> str:
    """What keeps it from answering, itself or through the proxy: "503 at /up"; empty when nothing does."""
    name = installation.instance
    state = site.runtime.inspect(name)
    if state is None:
        return f"there is no {name}"
    if state.phase is not Phase.RUNNING:
        return f"{name} does not run"
    own = probe_itself(site, installation)
    if not own.ok:
        return own.detail
    proxied = probe_proxied(site, installation)
    return "" if proxied.ok else f"{proxied.detail} through the proxy"


def confirm(
    site: Site, installation: Installation, beside: Callable[[], Probe] | None = None, within: float | None = None
) -> None:
    """See for the time that the vendor chose that it keeps running and answers through the proxy. `beside` is asked of
    what else has to be well. `within`: requests are held, and the proxy would answer for it, so it is asked itself,
    for no longer than these seconds.

    Raises ReleaseFailed.
    """
    manifest, name = installation.release.manifest, installation.instance
    longest = manifest.update.confirm if within is None else min(manifest.update.confirm, within)
    end, misses = site.clock.monotonic() + longest, 0
    while True:
        _must_run(site, name, installation.version, "after the switch")
        probe = _as_a_user(site, installation) if within is None else probe_itself(site, installation)
        if probe.ok and beside is not None:
            probe = beside()
        misses = 0 if probe.ok else misses + 1
        if misses == CONFIRM_MISSES:
            raise _failure(site, name, f"{installation.version} stopped answering after the switch: {probe.detail}")
        if site.clock.monotonic() >= end and misses == 0:
            return
        site.clock.sleep(CONFIRM_INTERVAL)


def _as_a_user(site: Site, installation: Installation) -> Probe:
    """Its health check through the proxy, and then the vendor's page, which may send a user elsewhere but not fail."""
    app, route, host = installation.app, installation.route, installation.health_host
    health, page = installation.release.manifest.health, installation.release.manifest.update.confirm_path
    probe = probe_proxied(site, installation)
    if page is None or not probe.ok:
        return probe
    seen = site.proxy.probe(app, route, page, health.timeout, host)
    return replace(seen, ok=seen.ok or (seen.status is not None and seen.status < SERVER_ERROR))


def retire_others(site: Site, keep: Installation | None, app: str, *, failed: InstanceName | None = None) -> None:
    """Stop and remove every instance of the app but `keep`'s; their requests have ended. The log of `failed` is kept
    first."""
    for state in site.runtime.instances(app):
        if keep is None or state.name != keep.instance:
            _retire(site, state, keep_log=state.name == failed)


def _retire(site: Site, state: InstanceState, *, keep_log: bool) -> None:
    grace = _grace(site, state.name)
    if keep_log:
        lines = list(site.runtime.logs(state.name, FAILED_LOG_LINES))
        where = site.store.keep_log(state.name.app, str(state.name), lines)
        site.report.note(f"The log of {state.name} is kept in {where}")
    site.runtime.stop(state.name, grace)
    site.runtime.remove(state.name)


def _grace(site: Site, name: InstanceName) -> float:
    """Seconds that the vendor gives an instance to end; the default when its release is not known any more."""
    installation, journal = site.store.installation(name.app), site.store.journal(name.app)
    sides = [installation, journal.before if journal else None, journal.after if journal else None]
    releases = [release for side in sides if side for release in (side.release, *side.previous)]
    return next((r.manifest.update.stop for r in releases if r.key == name.key), 10.0)


def _must_run(site: Site, name: InstanceName, version: str, when: str) -> None:
    state = site.runtime.inspect(name)
    if state is None:
        raise ReleaseFailed(f"{version} disappeared {when}: somebody removed {name}.")
    if state.phase is not Phase.RUNNING or state.restarts:
        code = f"exited with {state.exit_code}" if state.exit_code is not None else "ended"
        raise _failure(site, name, f"{version} {code} {when}{f': {state.reason}' if state.reason else ''}")


def _not_healthy(site: Site, name: InstanceName, what: str, probe: Probe) -> ReleaseFailed:
    """What it said at its health check is at the end of the log; it is the app's own text, and goes no further."""
    failure = _failure(site, name, f"{what}: {probe.detail}")
    if probe.says:
        failure.log = (*failure.log, f"It said at its health check: {probe.says}")
    return failure


def _failure(site: Site, name: InstanceName, what: str) -> ReleaseFailed:
    lines = tuple(site.runtime.logs(name, SHOWN_LOG_LINES))
    return ReleaseFailed(f"{what}.", "Send the log to the vendor; a newer release may fix it.", log=lines)
