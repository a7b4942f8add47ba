"""The hub's own keys, created once in `keys/`: a PEM file each, readable only by the owner.

online.pem     Ed25519: signs snapshot and timestamp. The vendor's root names it; it cannot sign a release
lease.pem      Ed25519: signs leases
registry.pem   P-256 with registry.crt, self-signed: signs tokens for the image registry, which knows only ES256 and RSA
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ec import generate_private_key as generate_p256
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from ..core.errors import Refused
from ..disk.whole import write_new

_RESTORE = "Restore the hub's folder from a backup."
CERTIFICATE_DAYS = 3650  # the registry loads it at startup, so a change requires a restart there


class HubKeys:
    def __init__(self, folder: Path):
        self.folder = folder

    def make(self, vendor: str) -> None:
        """Raises FileExistsError: keys are never overwritten."""
        self.folder.mkdir(mode=0o700, exist_ok=True)
        registry = generate_p256(SECP256R1())
        for name, key in (("online", _ed25519()), ("lease", _ed25519()), ("registry", registry)):
            write_new(self.folder / f"{name}.pem", _as_pem(key), 0o600)
        write_new(self.certificate_path, _certificate(registry, vendor), 0o644)

    @property
    def certificate_path(self) -> Path:
        """For the registry's `rootcertbundle`."""
        return self.folder / "registry.crt"

    @cached_property
    def online(self) -> CryptoSigner:
        return CryptoSigner(self._ed25519("online"))

    @cached_property
    def lease(self) -> Ed25519PrivateKey:
        return self._ed25519("lease")

    @cached_property
    def lease_public(self) -> str:
        """PEM, for apps that verify a lease themselves."""
        form = serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        return self.lease.public_key().public_bytes(*form).decode()

    @cached_property
    def registry(self) -> EllipticCurvePrivateKey:
        key = self._read("registry")
        if not isinstance(key, EllipticCurvePrivateKey):
            raise _of_another_kind("registry")
        return key

    @cached_property
    def certificate(self) -> x509.Certificate:
        return x509.load_pem_x509_certificate(self.certificate_path.read_bytes())

    def _ed25519(self, name: str) -> Ed25519PrivateKey:
        key = self._read(name)
        if not isinstance(key, Ed25519PrivateKey):
            raise _of_another_kind(name)
        return key

    def _read(self, name: str) -> object:
        path = self.folder / f"{name}.pem"
        try:
            return serialization.load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise Refused(f"The hub's key {path} cannot be read.", _RESTORE, key="hub-key") from error


def _of_another_kind(name: str) -> Refused:
    return Refused(f"The hub's key {name}.pem is of the wrong type.", _RESTORE, key="hub-key")


def _ed25519() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.generate()


def _as_pem(key: Ed25519PrivateKey | EllipticCurvePrivateKey) -> bytes:
    plain = serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)


def _certificate(key: EllipticCurvePrivateKey, vendor: str) -> bytes:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"{vendor} hub registry tokens")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the clocks of hub and registry may differ
        .not_valid_after(now + timedelta(days=CERTIFICATE_DAYS))
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM)
