"""A customer's own certificate from the files that they name, and whether clients like this machine would trust it."""

from __future__ import annotations

import os
import ssl
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..core.errors import UsageError
from ..core.own_certificate import Given, OwnCertificate, accepted, without_its_chain
from ..core.public_names import covered

MOST = 1 << 20  # bytes; a chain has some thousand
# X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY, …_VERIFY_LEAF_SIGNATURE
_UNKNOWN_ISSUER = (20, 21)
_UNKNOWN_ROOT = (18, 19)  # X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT, …_SELF_SIGNED_CERT_IN_CHAIN
FLIGHTS = 5  # TLS 1.2 takes two of each side


def read_own(
    certificate: str, key: str, hosts: Sequence[str], now: float, trust: ssl.SSLContext
) -> tuple[OwnCertificate, list[str]]:
    """What is in the files, checked, and notes for the customer. `trust`: what this machine trusts.

    Raises UsageError, with a key of its own for whatever can be wrong with a certificate.
    """
    chain = _read(certificate, "--certificate")
    told = accepted(chain, _read(key, "--private-key"), hosts, now)
    doubt = verify_code(told.certificate, hosts[0], trust)
    if doubt in _UNKNOWN_ISSUER and told.more_at:
        raise without_its_chain(chain, told)
    if doubt in (*_UNKNOWN_ISSUER, *_UNKNOWN_ROOT):
        whom = f"{told.issuer}, which signed the certificate" if told.issuer else "the root that signed the certificate"
        return told.certificate, [f"This machine does not trust {whom}. Clients that do not trust it will warn."]
    return told.certificate, []


def verify_code(certificate: OwnCertificate, host: str, trust: ssl.SSLContext) -> int:
    """What a client finds out in a handshake, here without a network: 0 when it trusts the certificate, else OpenSSL's
    number for why not (openssl-verification-options(1)), or -1 for what is not about trust."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    name = covered(host)
    client = trust.wrap_bio(to_client, to_server, server_hostname=name)
    try:
        server = _serving(certificate).wrap_bio(to_server, to_client, server_side=True)
        for _ in range(FLIGHTS):
            for side in (client, server):
                with suppress(ssl.SSLWantReadError):
                    side.do_handshake()
    except ssl.SSLCertVerificationError as error:
        return error.verify_code
    except ssl.SSLError:
        return -1
    return 0


def _serving(certificate: OwnCertificate) -> ssl.SSLContext:
    """From a file in memory: the library takes a path alone, and a key belongs on no other disk than its owner's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with os.fdopen(os.memfd_create("certificate"), "wb") as file:
        file.write(certificate.chain + certificate.key)
        file.flush()
        context.load_cert_chain(f"/proc/self/fd/{file.fileno()}")
    return context


def _read(name: str, option: str) -> Given:
    try:
        with Path(name).open("rb") as file:
            return Given(name, file.read(MOST))
    except OSError as error:
        why = "is a folder" if isinstance(error, IsADirectoryError) else f"cannot be read: {error.strerror or error}"
        raise UsageError(
            f"{name} {why}. Nothing was changed.", f"Give another file: {option} FILE", key="certificate-unreadable"
        ) from None
