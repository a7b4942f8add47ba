"""Certificates and keys of a test's own."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


def make_key(bits: int = 0) -> Key:
    """An RSA key of so many bits; of P-256 without."""
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


def make_certificate(
    *names: str,
    key: Key | None = None,
    days: tuple[float, float] = (-1, 30),
    issuer: tuple[x509.Certificate, Key] | None = None,
) -> tuple[bytes, bytes, tuple[x509.Certificate, Key]]:
    """Certificate and key, PEM; signed by itself, or by `issuer`, a certificate and its key."""
    key = key or make_key()
    serial, now = x509.random_serial_number(), datetime.now(UTC)
    # A subject of its own: who trusts two of them finds each by its subject.
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"test {serial}")])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(issuer[0].subject if issuer else subject).serial_number(serial)
    builder = builder.not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(name) for name in names]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
    for extension, is_critical in _demanded(key.public_key(), issuer):
        builder = builder.add_extension(extension, is_critical)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM), key_pem(key), (made, key)


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _demanded(
    public_key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, issuer: tuple[x509.Certificate, Key] | None
) -> Iterator[tuple[x509.ExtensionType, bool]]:
    """Extensions without which Python 3.13 and newer trust nothing."""
    signer = issuer[1].public_key() if issuer else public_key
    yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False
    # Signs handshakes, and others' certificates when it has no issuer.
    yield x509.KeyUsage(True, False, True, False, False, issuer is None, False, False, False), True


def key_pem(key: Key, password: bytes | None = None) -> bytes:
    hidden: serialization.KeySerializationEncryption
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)


def trusting(trust: ssl.SSLContext | str | Path) -> ssl.SSLContext:
    """A context that trusts a PEM text or file alone."""
    if isinstance(trust, ssl.SSLContext):
        return trust
    text = str(trust)
    return ssl.create_default_context(cadata=text) if "BEGIN" in text else ssl.create_default_context(cafile=text)


def server_context(*names: str) -> ssl.SSLContext:
    """For a server with a certificate for these names that nobody trusts."""
    return serving(*make_certificate(*names)[:2])


def serving(certificate: bytes, key: bytes) -> ssl.SSLContext:
    """For a server with that certificate and key, PEM."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile() as both:
        both.write(certificate + key)
        both.flush()
        context.load_cert_chain(both.name)
    return context
