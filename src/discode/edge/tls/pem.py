"""Certificates as PEM: is one fit for its hosts, with its key, today; and until when. Pure, but for reading files."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ...core.own_certificate import covers, dates, names, public_bytes
from ..services.options import CommandError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

Lifetime = tuple[float, float]  # seconds since the epoch: from, until


class UnfitCertificate(CommandError):
    """An own certificate that cannot serve; its text says why. Nothing has been changed."""

    def __init__(self, why: str):
        super().__init__(f"unable to load certificate: {why}. Nothing was changed")


def read_pair(certificate: Path, key: Path, hosts: Iterable[str], now: float) -> bytes:
    """Chain and key as one PEM text, as HAProxy reads it. Raises UnfitCertificate."""
    from cryptography.hazmat.primitives import serialization

    chain, private = _chain(certificate), _private_key(key)
    leaf = chain[0]
    if public_bytes(leaf.public_key()) != public_bytes(private.public_key()):
        raise UnfitCertificate(f"the key in {key} does not belong to the certificate in {certificate}")
    _check_dates(leaf, certificate, now)
    _check_hosts(leaf, certificate, hosts)
    parts = [certificate.public_bytes(serialization.Encoding.PEM) for certificate in chain]
    parts.append(
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return b"".join(parts)


@dataclass(frozen=True)
class Leaf:
    """What a certificate says: `issuer` in the words of its CA; `is_self_made`: no CA has signed it."""

    names: tuple[str, ...]
    issuer: str
    is_self_made: bool
    life: Lifetime


def leaf(pem: bytes) -> Leaf:
    """The first certificate. Raises ValueError when there is none."""
    from cryptography import x509

    found = x509.load_pem_x509_certificate(pem)
    begin, end = dates(found)
    parts = {part.oid: str(part.value) for part in found.issuer}
    organization, name = (parts.get(oid, "") for oid in (x509.NameOID.ORGANIZATION_NAME, x509.NameOID.COMMON_NAME))
    # Let's Encrypt's own common names, such as R11, mean nothing to people; others' repeat the organization.
    issuer = name if not organization or organization in name else f"{organization} {name}".strip()
    return Leaf(tuple(names(found)), issuer, found.issuer == found.subject, (begin.timestamp(), end.timestamp()))


def _chain(path: Path) -> list[Certificate]:
    from cryptography import x509

    try:
        blocks = re.findall(
            rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", _bytes(path, "certificate"), re.S
        )
        chain = [x509.load_pem_x509_certificate(block) for block in blocks]
    except ValueError:
        chain = []
    if not chain:
        raise UnfitCertificate(f"{path} holds no certificate in PEM format")
    return chain


def _private_key(path: Path) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        return load_pem_private_key(_bytes(path, "private key"), password=None)
    except TypeError:
        raise UnfitCertificate(
            f"the private key in {path} is protected by a passphrase: provide it without one"
        ) from None
    except ValueError:
        raise UnfitCertificate(f"{path} holds no private key in PEM format") from None


def _bytes(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnfitCertificate(f"cannot read the {what} {path}: {error.strerror}") from None


def _check_dates(leaf: Certificate, path: Path, now: float) -> None:
    begin, end = dates(leaf)
    today = datetime.fromtimestamp(now, UTC)
    if today >= end:
        raise UnfitCertificate(f"the certificate in {path} expired on {end:%Y-%m-%d}")
    if today < begin:
        raise UnfitCertificate(f"the certificate in {path} is not valid before {begin:%Y-%m-%d %H:%M} UTC")


def _check_hosts(leaf: Certificate, path: Path, hosts: Iterable[str]) -> None:
    known = names(leaf)
    missing = [host for host in hosts if not any(covers(name, host) for name in known)]
    if missing:
        its = ", ".join(known) or "no host at all"
        raise UnfitCertificate(f"the certificate in {path} is for {its}, not for {', '.join(missing)}")
