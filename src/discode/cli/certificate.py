"""`discode certificate …`: HTTPS of an app that is installed, changed and renewed while it serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..core.errors import UsageError
from .https import CertificateFile, OtherTls, PrivateKeyFile
from .options import App, Json, group
from .running import run_flow

if TYPE_CHECKING:
    from ..core.own_certificate import OwnCertificate
    from ..flows.world import Result, World

app = group("Change how an app has HTTPS, without an outage.")


@app.callback()
def _group() -> None:
    """Keeps `set` a command of its own, while it is the only one."""


@app.command("set")
def set_(
    name: App,
    certificate: CertificateFile = None,
    private_key: PrivateKeyFile = None,
    tls: OtherTls = None,
    as_json: Json = False,
) -> None:
    """Give an app a certificate of your own, or an automatic one.

    \b
        discode certificate set myapp \\
            --certificate fullchain.pem --private-key key.pem
        discode certificate set myapp --tls auto
    """
    from ..flows import domains
    from . import https, wiring

    machine = wiring.host(as_json)

    def flow(world: World) -> Result:
        if tls is not None:
            return domains.secure(world, name, tls)
        return domains.certify(world, name, read)

    def read(hosts: Sequence[str]) -> OwnCertificate:
        return https.own_certificate(hosts, certificate, private_key, machine, as_json)

    if (tls is None) == (certificate is None and private_key is None):
        raise UsageError(
            "Give either --certificate and --private-key, or --tls. Nothing was changed.",
            "See: discode certificate set --help",
            key="https-options",
        )
    run_flow("certificate", as_json, flow)
