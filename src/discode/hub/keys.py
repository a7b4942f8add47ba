"""The hub's own keys, created once in `keys/`: a PEM file each, readable only by the owner.

online.pem     Ed25519: signs snapshot and timestamp. The vendor's root names it; it cannot sign a release
online-2.pem   the next one, and so on: made when the vendor changes it; the one before goes once the root names this
lease.pem      Ed25519: signs leases
registry.pem   P-256 with registry.crt, self-signed: signs tokens for the image registry, which knows only ES256 and RSA
"""

from __future__ import annotations

import re
from collections.abc import Collection
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
from ..disk.whole import write_new, write_whole

_ONLINE = re.compile(r"online(?:-(\d{1,6}))?\.pem")
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

    @property
    def online(self) -> CryptoSigner:
        """The newest online key, which the vendor's next root is to name."""
        return self._signer(max(self._online_numbers()))

    def online_of(self, identities: Collection[str]) -> CryptoSigner | None:
        """The online key that a root names by its id; None when it is not here. Another process may have made it."""
        signers = map(self._signer, sorted(self._online_numbers(), reverse=True))
        return next((signer for signer in signers if signer.public_key.keyid in identities), None)

    def online_other_than(self, identity: str) -> CryptoSigner:
        """The newest online key if it is another one, else a new one. Nothing is signed with it before a root names
        it."""
        newest = self.online
        if newest.public_key.keyid != identity:
            return newest
        number = max(self._online_numbers()) + 1
        write_new(self.folder / f"online-{number}.pem", _as_pem(_ed25519()), 0o600)
        return self.online

    def forget_online_before(self, identity: str) -> None:
        """Delete the online keys that are older than this one: no root names them any more."""
        named = next((n for n in self._online_numbers() if self._signer(n).public_key.keyid == identity), 0)
        for number in self._online_numbers():
            if number < named:
                (self.folder / _online_name(number)).unlink(missing_ok=True)

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

    @property
    def certificate(self) -> x509.Certificate:
        """As it is in the file now: it is renewed while hubs run. Raises Refused."""
        try:
            return x509.load_pem_x509_certificate(self.certificate_path.read_bytes())
        except (OSError, ValueError) as error:
            raise Refused(
                f"The hub's certificate {self.certificate_path} cannot be read.", _RESTORE, key="hub-key"
            ) from error

    def renew_certificate(self, vendor: str) -> x509.Certificate:
        """Of the same key, for its full time. The image registry refuses all tokens until it has loaded it."""
        write_whole(self.certificate_path, _certificate(self.registry, vendor), 0o644)
        return self.certificate

    def _online_numbers(self) -> list[int]:
        found = [match for path in self.folder.glob("online*.pem") if (match := _ONLINE.fullmatch(path.name))]
        return [int(match[1] or 1) for match in found] or [1]

    def _signer(self, number: int) -> CryptoSigner:
        return CryptoSigner(self._ed25519(_online_name(number).removesuffix(".pem")))

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


def _online_name(number: int) -> str:
    return "online.pem" if number == 1 else f"online-{number}.pem"


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
