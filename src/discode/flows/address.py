"""An app that knows its own address (`${host}`, `${url}`) is told again when that changes."""

from __future__ import annotations

from ..core.external import wanted_accessories
from ..core.installation import Installation, Route
from ..core.settings import accessory_environment, environment
from .prepare import own_address
from .world import Site


def alters_env(site: Site, installation: Installation, route: Route) -> bool:
    """Whether the app's environment would be another one with `route`, or that of something beside it: with other
    hosts, another prefix, another scheme or port."""
    manifest, settings = installation.release.manifest, site.store.settings(installation.app, installation.settings)

    def told(one: Route) -> list[dict[str, str]]:
        own = own_address(site, manifest, one)
        beside = wanted_accessories(manifest, settings)
        return [
            environment(manifest, settings, own),
            *(accessory_environment(manifest, settings, name, own) for name in beside),
        ]

    return told(installation.route) != told(route)


def with_route(site: Site, installation: Installation, route: Route) -> Installation:
    """What is to be installed when the route changes: a new instance where the app has to be told, else the one that
    runs. What is stopped is told at its next start."""
    routed = installation.changed(route=route)
    if installation.state == "stopped" or not alters_env(site, installation, route):
        return routed
    return routed.redeployed(installation.settings)
