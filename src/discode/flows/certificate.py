"""An app's own certificate: kept beside its settings, and given to the proxy by the route."""

from __future__ import annotations

from ..core.installation import Installation
from ..core.own_certificate import OwnCertificate
from .world import Site


def with_certificate(site: Site, installation: Installation, certificate: OwnCertificate | None) -> Installation:
    """The installation with this certificate, which is kept now; without one, as it is. One that no installation comes
    to need goes with the next journal."""
    if certificate is None:
        return installation
    revision = site.store.latest_certificate(installation.app) + 1
    site.store.save_certificate(installation.app, revision, certificate)
    return installation.changed(route=installation.route.changed(tls="own", certificate=revision))
