"""Restore: settle, and bring back what a reboot or an accident took away: the proxy, the route, the instance."""

from __future__ import annotations

from ..core.installation import Installation
from . import accessories
from .bring import Missing, lacks, with_bytes
from .conclude import make_serve
from .instance import retire_others, runs, trouble
from .rerouting import put_if_wanted
from .settle import sweep_staging
from .world import Result, Site, Steps, World

PATIENCE = 10.0  # seconds: who is ill keeps the settling of the other apps waiting no longer
INTERVAL = 0.1


def restore(world: World, app: str) -> Result:
    steps = world.steps()
    sweep_staging(world, app)

    def flow() -> Result | Missing:
        installation = world.store.installation(app)
        if installation is None:
            return Result("settle", app, "not-installed")
        with steps("restore", f"Checking {installation.instance}"):
            site = world.site(installation.kind, steps)
            return _restore(site, installation) or _result(site, installation, steps)

    return with_bytes(world, app, steps, flow)


def _result(site: Site, installation: Installation, steps: Steps) -> Result:
    seen = _trouble(site, installation) if installation.state == "running" else ""
    return Result(
        "settle", installation.app, "not-answering" if seen else installation.state, to_version=installation.version,
        instance=str(installation.instance), seconds=steps.seconds, message=f"It was: {seen}." if seen else "",
    )  # fmt: skip


def _trouble(site: Site, installation: Installation) -> str:
    """What still keeps it from answering after a while: after a crash or a boot it may have been started just now."""
    until = site.clock.monotonic() + min(installation.release.manifest.health.deadline, PATIENCE)
    while (seen := trouble(site, installation)) and site.clock.monotonic() < until:
        site.clock.sleep(INTERVAL)
    return seen


def _restore(site: Site, installation: Installation) -> Missing | None:
    site.proxy.ensure()
    site.runtime.sweep(installation.app)
    if installation.state == "stopped":
        site.proxy.stop(installation.app, f"{installation.app} is stopped.")
        site.runtime.stop(installation.instance, installation.release.manifest.update.stop)
        accessories.stop(site, installation)
        retire_others(site, installation, installation.app)
        return None
    is_down = not runs(site, installation)
    if is_down or not accessories.are_up(site, installation):
        # Its bytes may be gone with the instance.
        if missing := lacks(site, installation, installation.release):
            return missing
        if is_down and installation.release.manifest.update.strategy == "hold":
            retire_others(site, installation, installation.app)  # two must not run on the same volumes
    (accessories.have_run if is_down else accessories.bring_up)(site, installation)
    make_serve(site, installation)
    put_if_wanted(site, installation)
    # Another one may have been serving up to now, of which no file tells any more.
    site.proxy.drained(installation.app, installation.release.manifest.update.drain)
    retire_others(site, installation, installation.app)
    if any(release.manifest.accessories for release in (installation.release, *installation.previous)):
        accessories.retire_others(site, installation, installation.app)
    return None
