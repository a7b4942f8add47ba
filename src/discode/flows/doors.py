"""What belongs to an app's doors: where they lead, and whether what is behind them answers.

All doors of an app lead to one instance. They are switched by the call that switches the app, and whoever settles an
interrupted one switches them all again, until each leads where the app's own requests go.
"""

from __future__ import annotations

from dataclasses import replace

from ..core.doors import service_of
from ..core.installation import Installation
from ..ports.proxy import DoorTo, Serving
from ..ports.runtime import InstanceState, Probe
from .world import Site


def doors_of(site: Site, installation: Installation) -> list[DoorTo]:
    """Those of its instance. A process that is not there has none."""
    if not installation.release.manifest.doors:
        return []
    state = site.runtime.inspect(installation.instance)
    return leading_to(state, installation) if state else []


def leading_to(state: InstanceState, installation: Installation) -> list[DoorTo]:
    doors = installation.release.manifest.doors
    return [
        DoorTo(service_of(installation.app, door.path), door, state.doors[process])
        for process, door in doors.items()
        if process in state.doors
    ]


def where_they_lead(serving: Serving, installation: Installation) -> list[DoorTo]:
    """Those of the installation that the proxy has now, whatever is behind them."""
    told = [(service_of(installation.app, one.path), one) for one in installation.release.manifest.doors.values()]
    return [DoorTo(name, door, serving.doors[name]) for name, door in told if name in serving.doors]


def check_proxy(site: Site, installation: Installation) -> None:
    """Raises Refused when the proxy cannot have its route, with its doors."""
    site.proxy.check(installation.route, list(installation.release.manifest.doors.values()))


def has_all(state: InstanceState, installation: Installation) -> bool:
    return set(installation.release.manifest.doors) <= set(state.doors)


def probe_itself(site: Site, installation: Installation) -> Probe:
    """Its health check, and those of what is behind its doors, past the proxy: the first that fails."""
    manifest, name, host = installation.release.manifest, installation.instance, installation.health_host
    probe = site.runtime.probe(name, manifest.health.path, manifest.health.timeout, host)
    for process, door in manifest.doors.items():
        if not probe.ok:
            break
        seen = site.runtime.probe(name, door.health.path, door.health.timeout, host, process)
        probe = replace(seen, detail=f"{process}: {seen.detail}")
    return probe


def probe_proxied(site: Site, installation: Installation) -> Probe:
    """The same, as its users ask: through the proxy."""
    app, route, host = installation.app, installation.route, installation.health_host
    manifest = installation.release.manifest
    probe = site.proxy.probe(app, route, manifest.health.path, manifest.health.timeout, host)
    for process, door in manifest.doors.items():
        if not probe.ok:
            break
        if (path := door.shown_path) is not None:
            seen = site.proxy.probe(app, route, path, door.health.timeout, host)
            probe = replace(seen, detail=f"{process}: {seen.detail}")
    return probe
