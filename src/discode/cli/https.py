"""What a customer says about HTTPS on the command line: automatic, with a certificate of their own, or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..core.errors import UsageError

if TYPE_CHECKING:
    from ..core.installation import Route
    from ..core.own_certificate import OwnCertificate
    from .wiring_host import Host

TlsChoice = Annotated[
    Literal["auto", "off"] | None,
    typer.Option(
        "--tls",
        help="auto: HTTPS with a certificate that is obtained and renewed automatically; off: plain HTTP. Default: "
        "auto for public host names, off for names such as localhost or nas.local.",
        show_default=False,
    ),
]
OtherTls = Annotated[
    Literal["auto", "off"] | None,
    typer.Option(
        "--tls",
        help="auto: HTTPS with a certificate that is obtained and renewed automatically; off: plain HTTP.",
        show_default=False,
    ),
]
CertificateFile = Annotated[
    str | None,
    typer.Option(
        "--certificate", metavar="FILE", help="HTTPS with a certificate of your own: the whole chain, in PEM format.",
        show_default=False,
    ),
]  # fmt: skip
PrivateKeyFile = Annotated[
    str | None,
    typer.Option("--private-key", metavar="FILE", help="The certificate's key, in PEM format.", show_default=False),
]
RequireHttps = Annotated[
    bool,
    typer.Option(
        "--require-https",
        help="If a host has no trusted certificate at the end, take the install back and exit with 5.",
    ),
]


def chosen(
    route: Route,
    tls: Literal["auto", "off"] | None,
    certificate: str | None,
    key: str | None,
    on: Host,
    as_json: bool,
    *,
    required: bool = False,
) -> tuple[Route, OwnCertificate | None]:
    """The route with its HTTPS. Raises UsageError, before anything is touched, for options that contradict each other
    and for a certificate that cannot serve these hosts."""
    if certificate is None and key is None:
        return _automatic(route, tls, on, as_json, required), None
    if tls is not None:
        raise UsageError(
            f"--tls {tls} and a certificate of your own contradict each other. Nothing was changed.",
            "Omit --tls, or --certificate and --private-key.",
            key="https-options",
        )
    return route.changed(tls="own"), own_certificate(route.hosts, certificate, key, on, as_json)


def _automatic(route: Route, tls: Literal["auto", "off"] | None, on: Host, as_json: bool, required: bool) -> Route:
    from ..core.public_names import default_tls, is_public, is_wildcard, wildcard_without_dns
    from .progress import report_for

    if tls == "auto" and not route.hosts:
        raise _without_host("A certificate is for host names")
    wildcard = next((host for host in route.hosts if is_wildcard(host) and not on.has_dns_proof()), "")
    if wildcard and tls == "auto":
        raise wildcard_without_dns(wildcard)
    if is_public(wildcard) and tls is None:
        report_for(as_json).note(
            f"No host of this app gets HTTPS by itself, for {wildcard} takes a DNS provider: docs/https.md, Wildcards."
        )
    made = route.changed(tls=tls or default_tls(route.hosts, wildcards=on.has_dns_proof()))
    if required and not made.is_secure:
        raise UsageError(
            "HTTPS is required, but this install would have none: it needs a public host name, --tls auto, or a "
            "certificate of your own. Nothing was changed.",
            "For example: --host app.example.com --require-https",
            key="https-options",
        )
    return made


def own_certificate(
    hosts: Sequence[str], certificate: str | None, key: str | None, on: Host, as_json: bool
) -> OwnCertificate:
    """Raises as `chosen`."""
    from .progress import report_for

    if certificate is None or key is None:
        missing = "--certificate" if certificate is None else "--private-key"
        raise UsageError(
            f"--certificate and --private-key go together: {missing} is missing. Nothing was changed.",
            f"Give both; one file that holds both is given twice. For example: {missing} FILE",
            key="https-options",
        )
    if not hosts:
        raise _without_host("The certificate is for host names")
    own, notes = on.read_own_certificate(certificate, key, hosts)
    for note in notes:
        report_for(as_json).note(note)
    return own


def _without_host(why: str) -> UsageError:
    return UsageError(
        f"{why}, and the app has none. Nothing was changed.", "Say which: --host app.example.com", key="https-options"
    )
