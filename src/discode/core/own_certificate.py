"""A customer's own certificate: is it one that browsers take, for these hosts, with this key, today? Pure.

Whatever is wrong is said by what the file is, not by what a library misses in it: people are given certificates in
many wrappings. The formats: PEM is RFC 7468, PKCS#12 is RFC 7292, PKCS#7 is RFC 2315.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .errors import UsageError
from .public_names import is_wildcard

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
    from cryptography.x509 import Certificate

LEAST_RSA = 2048  # bits; CA/Browser Forum Baseline Requirements, 6.1.5
LEAST_CURVE = 256
_CERTIFICATE = re.compile(
    rb"-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----.*?-----END [A-Z0-9 ]*CERTIFICATE-----", re.S
)
_KEY = re.compile(rb"-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----.*?-----END \1-----", re.S)
_PKCS12 = re.compile(rb"\x30(?:[\x00-\x7f]|\x80|\x81.|\x82..|\x83...|\x84....)\x02\x01\x03\x30", re.S)


@dataclass(frozen=True)
class OwnCertificate:
    """`chain`: the certificate and those that lead to its root, in order, as PEM; `key`: as PEM, not encrypted."""

    chain: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Given:
    """A file of the customer's: what they call it, and what is in it."""

    name: str
    data: bytes = field(repr=False)


@dataclass(frozen=True)
class Accepted:
    """`issuer`: who has to be known to clients that are to trust it; empty where the root itself is in the file.
    `more_at`: where the certificate of that one is, when the certificate says so. `ends`: Unix time."""

    certificate: OwnCertificate
    issuer: str
    more_at: str
    ends: float


class UnfitCertificate(UsageError):
    """Nothing has been changed."""

    def __init__(self, what: str, next_step: str, key: str):
        super().__init__(f"{what} Nothing was changed.", next_step, key=f"certificate-{key}")


def accepted(certificate: Given, key: Given, hosts: Sequence[str], now: float) -> Accepted:
    """Raises UnfitCertificate."""
    _refuse_swapped(certificate, key)
    found, private = _certificates(certificate), _private_key(key)
    chain = _in_order(found, private, certificate, key)
    _refuse_weak(chain[0], certificate)
    for number, one in enumerate(chain):
        _check_dates(one, certificate, now, is_leaf=number == 0)
    _check_hosts(chain[0], certificate, hosts)
    _check_purpose(chain[0], certificate)
    own = OwnCertificate(b"".join(map(_pem, chain)), _key_pem(private))
    issuer, more_at = _above(chain[-1])
    return Accepted(own, issuer, more_at, dates(chain[0])[1].timestamp())


def without_its_chain(certificate: Given, told: Accepted) -> UnfitCertificate:
    """The machine does not know who signed it, and the certificate says where that one's is: so it is missing."""
    return UnfitCertificate(
        f"{certificate.name} lacks the certificate of {told.issuer}, who signed it: many clients would refuse it.",
        "Give the file with the whole chain, which is often called fullchain.pem or bundle; or append the one that is "
        f"missing, which is at {told.more_at}",
        "chain",
    )


def dates(certificate: Certificate) -> tuple[datetime, datetime]:
    """From when and until when. Debian 12's library (38) knows these only without their time zone, which is UTC."""
    if hasattr(certificate, "not_valid_before_utc"):
        return certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return certificate.not_valid_before.replace(tzinfo=UTC), certificate.not_valid_after.replace(tzinfo=UTC)


def names(leaf: Certificate) -> list[str]:
    """The DNS names that it is for. Browsers look nowhere else: the common name does not count."""
    from cryptography import x509

    try:
        found = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return []
    return [name.lower() for name in found.get_values_for_type(x509.DNSName)]


def not_covered(certificate: OwnCertificate, hosts: Iterable[str]) -> list[str]:
    """The hosts that it is not for; all of them when it cannot be read."""
    from cryptography import x509

    try:
        known = names(x509.load_pem_x509_certificate(certificate.chain))
    except ValueError:
        known = []
    return _left_out(known, hosts)


def covers(name: str, host: str) -> bool:
    """A wildcard stands for exactly one label (RFC 6125, 6.4.3)."""
    return name == host or (is_wildcard(name) and "." in host and name[2:] == host.partition(".")[2])


def _left_out(known: Sequence[str], hosts: Iterable[str]) -> list[str]:
    return [host for host in hosts if not any(covers(name, host) for name in known)]


def public_bytes(key: object) -> bytes:
    """Of a public key: two are the same when these are."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)  # type: ignore[attr-defined, no-any-return]


def _refuse_swapped(certificate: Given, key: Given) -> None:
    if _has(certificate, _KEY) and not _has(certificate, _CERTIFICATE) and _has(key, _CERTIFICATE):
        raise UnfitCertificate(
            f"The files are swapped: {certificate.name} holds a private key, and {key.name} a certificate.",
            f"Give them the other way round: --certificate {key.name} --private-key {certificate.name}",
            "swapped",
        )


def _certificates(given: Given) -> list[Certificate]:
    from cryptography import x509

    blocks = [match[0] for match in _CERTIFICATE.finditer(given.data)]
    if not blocks:
        raise _no_certificate(given)
    try:
        return [x509.load_pem_x509_certificate(_plain_label(block)) for block in blocks]
    except ValueError:
        raise UnfitCertificate(
            f"{given.name} is damaged: a certificate in it cannot be read.", "Copy it again from where you got it.",
            "damaged",
        ) from None  # fmt: skip


def _plain_label(block: bytes) -> bytes:
    return re.sub(rb"(BEGIN|END) [A-Z0-9 ]*CERTIFICATE", rb"\1 CERTIFICATE", block)


def _no_certificate(given: Given) -> UnfitCertificate:
    name, data = given.name, given.data
    if (wrapped := _wrapping(given)) is not None:
        return wrapped
    if _has(given, _KEY):
        return UnfitCertificate(
            f"{name} holds a private key, but no certificate.", "Give the certificate's file: --certificate FILE",
            "missing",
        )  # fmt: skip
    if b"CERTIFICATE REQUEST-----" in data:
        return UnfitCertificate(
            f"{name} is the request for a certificate, not the certificate.",
            "Send it to your CA, and give the file that comes back.",
            "missing",
        )
    if b"-----BEGIN PKCS7-----" in data:
        return _to_convert(given, "PKCS#7", f"openssl pkcs7 -print_certs -in {name} -out chain.pem", "pkcs7")
    if _is_der_certificate(data):
        return _to_convert(given, "DER", f"openssl x509 -inform der -in {name} -out certificate.pem", "der")
    return UnfitCertificate(
        f"{name} holds no certificate.", "Give a file in PEM format: it begins with -----BEGIN CERTIFICATE-----",
        "missing",
    )  # fmt: skip


def _private_key(given: Given) -> PrivateKeyTypes:
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    found = _KEY.search(given.data)
    if found is None:
        raise _no_key(given)
    try:
        return load_pem_private_key(found[0], password=None)
    except TypeError:  # it would take a password
        raise _encrypted(given) from None
    except Exception:  # noqa: BLE001 - ValueError, or UnsupportedAlgorithm, of whatever is in the file
        raise UnfitCertificate(
            f"{given.name} is damaged: the private key in it cannot be read.", "Copy it again from where you got it.",
            "damaged",
        ) from None  # fmt: skip


def _no_key(given: Given) -> UnfitCertificate:
    name = given.name
    if (wrapped := _wrapping(given)) is not None:
        return wrapped
    if _has(given, _CERTIFICATE):
        return UnfitCertificate(
            f"{name} holds a certificate, but no private key.", "Give the key's file: --private-key FILE", "no-key"
        )
    if (is_encrypted := _der_key(given.data)) is not None:
        if is_encrypted:
            return _encrypted(given)
        return _to_convert(given, "DER", f"openssl pkey -inform der -in {name} -out key.pem", "der")
    return UnfitCertificate(
        f"{name} holds no private key.", "Give a file in PEM format: it begins with -----BEGIN PRIVATE KEY-----",
        "no-key",
    )  # fmt: skip


def _wrapping(given: Given) -> UnfitCertificate | None:
    """What both files can be by mistake."""
    if not given.data.strip():
        return UnfitCertificate(f"{given.name} is empty.", "Copy it again from where you got it.", "empty")
    if _PKCS12.match(given.data):
        command = f"openssl pkcs12 -in {given.name} -nodes -out both.pem"
        return UnfitCertificate(
            f"{given.name} is in PKCS#12 format (.pfx, .p12); it has to be PEM.",
            f"Convert it: {command}, and give that file twice: --certificate both.pem --private-key both.pem",
            "pkcs12",
        )
    return None


def _to_convert(given: Given, form: str, command: str, key: str) -> UnfitCertificate:
    return UnfitCertificate(f"{given.name} is in {form} format; it has to be PEM.", f"Convert it: {command}", key)


def _encrypted(given: Given) -> UnfitCertificate:
    return UnfitCertificate(
        f"The private key in {given.name} is protected by a passphrase, which nobody could type when the proxy starts.",
        f"Give it without one: openssl pkey -in {given.name} -out key.pem; then: chmod 600 key.pem",
        "encrypted-key",
    )


def _in_order(found: list[Certificate], private: PrivateKeyTypes, given: Given, key: Given) -> list[Certificate]:
    """The certificate of the key, then who signed it, and so on; what does not belong to them is left out."""
    mine = public_bytes(private.public_key())
    leaf = next((one for one in found if public_bytes(one.public_key()) == mine), None)
    if leaf is None:
        raise UnfitCertificate(
            f"The key in {key.name} belongs to another certificate than the one in {given.name}.",
            "Give the key that the certificate was requested with.",
            "other-key",
        )
    chain = [leaf]
    while chain[-1].issuer != chain[-1].subject:
        above = next((one for one in found if one.subject == chain[-1].issuer and one not in chain), None)
        if above is None:
            break
        chain.append(above)
    return chain


def _refuse_weak(leaf: Certificate, given: Given) -> None:
    from cryptography.hazmat.primitives.asymmetric import dsa, ec, rsa

    key, hashed = leaf.public_key(), leaf.signature_hash_algorithm
    what = ""
    if isinstance(key, rsa.RSAPublicKey) and key.key_size < LEAST_RSA:
        what = f"has an RSA key of {key.key_size} bits, and clients want {LEAST_RSA}"
    elif isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size < LEAST_CURVE:
        what = f"has a key on a curve of {key.curve.key_size} bits, and clients want {LEAST_CURVE}"
    elif isinstance(key, dsa.DSAPublicKey):
        what = "has a DSA key, which clients do not take"
    elif hashed is not None and hashed.name in ("md5", "sha1"):
        what = f"is signed with {hashed.name.upper()}, which clients do not take"
    if what:
        raise UnfitCertificate(
            f"The certificate in {given.name} {what}.",
            "Ask your CA for a new one, with a key on the curve P-256 or an RSA key of 2048 bits or more.",
            "weak",
        )


def _check_dates(one: Certificate, given: Given, now: float, *, is_leaf: bool) -> None:
    begin, end = dates(one)
    today = datetime.fromtimestamp(now, UTC)
    which = f"The certificate in {given.name}" if is_leaf else f"The certificate of {_named(one)} in {given.name}"
    clock = f"this machine's clock says {today:%Y-%m-%d %H:%M} UTC"
    if today >= end:
        raise UnfitCertificate(
            f"{which} expired on {end:%Y-%m-%d}; {clock}.",
            "If the clock is right, ask your CA for a new one. Else set the clock first.",
            "expired",
        )
    if today < begin:
        raise UnfitCertificate(
            f"{which} is not valid before {begin:%Y-%m-%d %H:%M} UTC; {clock}.",
            "If the clock is right, wait until then. Else set the clock first.",
            "not-yet-valid",
        )


def _check_hosts(leaf: Certificate, given: Given, hosts: Iterable[str]) -> None:
    known = names(leaf)
    if missing := _left_out(known, hosts):
        its = ", ".join(known) or "no host name (its common name does not count)"
        raise UnfitCertificate(
            f"The certificate in {given.name} is for {its}, not for {', '.join(missing)}.",
            "Give one that is for every host of the app, or leave those hosts out.",
            "hosts",
        )


def _check_purpose(leaf: Certificate, given: Given) -> None:
    from cryptography import x509

    try:
        uses = leaf.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return
    if not {x509.oid.ExtendedKeyUsageOID.SERVER_AUTH, x509.oid.ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(uses):
        raise UnfitCertificate(
            f"The certificate in {given.name} is not for web servers: its extended key usage names other purposes.",
            "Ask your CA for one for TLS web server authentication.",
            "purpose",
        )


def _above(top: Certificate) -> tuple[str, str]:
    """Who signed the last one of the chain, and where its certificate is; empty when it has signed itself."""
    from cryptography import x509

    if top.issuer == top.subject:
        return "", ""
    try:
        told = top.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except x509.ExtensionNotFound:
        return _issuer_of(top), ""
    issuers = x509.oid.AuthorityInformationAccessOID.CA_ISSUERS
    places = [one.access_location.value for one in told if one.access_method == issuers]
    return _issuer_of(top), next((str(place) for place in places if str(place).startswith("http")), "")


def _issuer_of(one: Certificate) -> str:
    return _common_name(one.issuer)


def _named(one: Certificate) -> str:
    return _common_name(one.subject)


def _common_name(name: object) -> str:
    from cryptography.x509 import Name, NameOID

    assert isinstance(name, Name)
    found = name.get_attributes_for_oid(NameOID.COMMON_NAME) or name.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(found[0].value) if found else name.rfc4514_string()


def _has(given: Given, what: re.Pattern[bytes]) -> bool:
    return what.search(given.data) is not None


def _is_der_certificate(data: bytes) -> bool:
    from cryptography import x509

    try:
        x509.load_der_x509_certificate(data)
    except ValueError:
        return False
    return True


def _der_key(data: bytes) -> bool | None:
    """None: no key in DER; else whether it is encrypted."""
    from cryptography.hazmat.primitives.serialization import load_der_private_key

    try:
        load_der_private_key(data, password=None)
    except TypeError:
        return True
    except Exception:  # noqa: BLE001 - ValueError, or UnsupportedAlgorithm, of whatever is in the file
        return None
    return False


def _pem(certificate: Certificate) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding

    return certificate.public_bytes(Encoding.PEM)


def _key_pem(private: PrivateKeyTypes) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    return private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
