"""What a client on this machine gets who asks the proxy for a host by TLS: a certificate, verified as a client would,
or none."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ...core.certificate import Certificate, CertificateFailure, NameState
from ...core.listening import reached_at
from ...core.public_names import covered
from .probe import unverified

ANSWER = 5.0  # seconds; kamal-proxy holds a handshake while it asks its CA, and is asked again anyway
AT_ONCE = 8
NOBODY = "not served"


def looked_at(
    hosts: Iterable[str], address: str, port: int, trust: ssl.SSLContext, told: Mapping[str, NameState]
) -> tuple[NameState, ...]:
    """In the order of the hosts. `told`: what the proxy itself tells, by host; it knows better than a client does why
    there is no certificate."""
    hosts = list(hosts)

    def look(host: str) -> NameState:
        found, known = handshake(host, address, port, trust), told.get(host, NameState(host))
        if isinstance(found, CertificateFailure):
            return replace(known, failure=known.failure or found)
        return replace(known, certificate=found)

    if len(hosts) < 2:
        return tuple(map(look, hosts))
    from concurrent.futures import ThreadPoolExecutor  # late: as in `proxy.together`

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return tuple(pool.map(look, hosts))


def handshake(host: str, address: str, port: int, trust: ssl.SSLContext) -> Certificate | CertificateFailure | None:
    """None: the proxy takes TLS, but has no certificate for this name."""
    name = covered(host)
    try:
        with socket.create_connection((reached_at(address), port), ANSWER) as plain:
            try:
                with trust.wrap_socket(plain, server_hostname=name) as secure:
                    return _trusted(secure.getpeercert() or {})
            except ssl.SSLCertVerificationError as error:
                doubt = error.verify_message
        return _doubted(name, address, port, doubt)
    except ssl.SSLError:
        return None
    except TimeoutError:
        return CertificateFailure(NOBODY, f"no TLS handshake at port {port} within {ANSWER:g} s")
    except OSError as error:
        return CertificateFailure(NOBODY, f"port {port}: {error.strerror or error}")


def _trusted(found: Mapping[str, Any]) -> Certificate:
    """Of what Python tells of a certificate that it has verified."""
    names = tuple(value for kind, value in found.get("subjectAltName", ()) if kind == "DNS")
    parts = {key: value for pairs in found["issuer"] for key, value in pairs}
    issuer = _issuer(parts.get("organizationName", ""), parts.get("commonName", ""))
    begins, ends = ssl.cert_time_to_seconds(found["notBefore"]), ssl.cert_time_to_seconds(found["notAfter"])
    return Certificate(names, issuer, float(begins), float(ends), True)


def _doubted(name: str, address: str, port: int, doubt: str) -> Certificate:
    """Asked for again, by a client that believes all: of what it has not verified Python tells nothing."""
    from cryptography import x509  # late: 40 ms, and most certificates are trusted

    with (
        socket.create_connection((reached_at(address), port), ANSWER) as plain,
        unverified().wrap_socket(plain, server_hostname=name) as secure,
    ):
        found = x509.load_der_x509_certificate(secure.getpeercert(binary_form=True) or b"")
    try:
        names = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        told = tuple(names.get_values_for_type(x509.DNSName))
    except x509.ExtensionNotFound:
        told = ()
    parts = {part.oid: str(part.value) for part in found.issuer}
    issuer = _issuer(parts.get(x509.NameOID.ORGANIZATION_NAME, ""), parts.get(x509.NameOID.COMMON_NAME, ""))
    begins, ends = found.not_valid_before_utc.timestamp(), found.not_valid_after_utc.timestamp()
    return Certificate(told, issuer, begins, ends, False, doubt)


def _issuer(organization: str, name: str) -> str:
    """`Let's Encrypt R11`: Let's Encrypt's own common names mean nothing to people, others' repeat the organization."""
    return name if not organization or organization in name else f"{organization} {name}".strip()
