"""An app's own certificate: kept beside its settings, and given to the proxy by the route."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..core.errors import Refused
from ..core.installation import Installation, Route
from ..core.own_certificate import OwnCertificate, not_covered
from .world import Site, World

Read = Callable[[Sequence[str]], OwnCertificate]


def with_certificate(site: Site, installation: Installation, certificate: OwnCertificate | None) -> Installation:
    """The installation with this certificate, which is kept now; without one, as it is. One that no installation comes
    to need goes with the next journal."""
    if certificate is None:
        return installation
    route = _given(site.store.latest_certificate(installation.app) + 1, installation.route)
    site.store.save_certificate(installation.app, route.certificate, certificate)
    return installation.changed(route=route)


def certified(world: World, app: str, route: Route, read: Read) -> Route:
    """The route with the certificate that `read` gives for its hosts, which is kept now; the same route when it has
    that one already. Raises what `read` raises."""
    certificate = read(route.hosts)
    if route.tls == "own" and world.store.certificate(app, route.certificate) == certificate:
        return route
    route = _given(world.store.latest_certificate(app) + 1, route)
    world.store.save_certificate(app, route.certificate, certificate)
    return route


def must_cover(world: World, app: str, route: Route) -> None:
    """Raises Refused when the app has a certificate of its own that is not for all of the hosts."""
    own = world.store.certificate(app, route.certificate) if route.tls == "own" else None
    if own is None or not (missing := not_covered(own, route.hosts)):
        return
    raise Refused(
        f"The certificate of {app} is not for {', '.join(missing)}. Nothing was changed.",
        f"First give one that is for all names: discode certificate set {app} --certificate FILE --private-key FILE. "
        f"Or let certificates be got by themselves: discode certificate set {app} --tls auto",
        key="certificate-hosts",
    )


def _given(revision: int, route: Route) -> Route:
    return route.changed(tls="own", certificate=revision)
