"""The vendor's keys, a PEM file each, readable by the owner alone; never below the published folder."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from ...core.errors import Refused
from ...disk.whole import write_new

# Two root keys, both needed: one that is lost or stolen is replaced with the other's word and a backup's.
ROOT, TARGETS, ONLINE = ("root-1", "root-2"), ("targets",), ("online",)
ROLES = {"root": ROOT, "targets": TARGETS, "snapshot": ONLINE, "timestamp": ONLINE}
PASSPHRASE = "DISCODE_KEY_PASSPHRASE"  # of the environment; the keys are encrypted when it is set


class Keys:
    def __init__(self, folder: Path):
        self.folder = folder

    def make(self, *, online: bool = True) -> None:
        """`online`: also the key that a hub would have. Raises Refused when there are keys already: overwritten keys
        are lost releases."""
        names = [*ROOT, *TARGETS, *(ONLINE if online else ())]
        there = [name for name in names if self._path(name).exists()]
        if there:
            raise Refused(
                f"{self.folder} already has keys ({', '.join(there)}). Nothing was changed.",
                "Use another folder: --keys DIR",
                key="keys-exist",
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in names:
            self._write(name, Ed25519PrivateKey.generate())

    def signers(self, role: str) -> list[CryptoSigner]:
        """Raises Refused when a key is missing or cannot be read."""
        return [CryptoSigner(self._read(name)) for name in ROLES[role]]

    def _write(self, name: str, key: Ed25519PrivateKey) -> None:
        passphrase = os.environ.get(PASSPHRASE, "").encode()
        locked = serialization.BestAvailableEncryption(passphrase) if passphrase else serialization.NoEncryption()
        data = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locked)
        write_new(self._path(name), data, mode=0o600)

    def _read(self, name: str) -> Ed25519PrivateKey:
        path, passphrase = self._path(name), os.environ.get(PASSPHRASE, "").encode() or None
        try:
            data = path.read_bytes()
            encrypted = b"ENCRYPTED" in data
            key = serialization.load_pem_private_key(data, passphrase if encrypted else None)
        except OSError as error:
            raise Refused(
                f"The key {path} cannot be read: {error.strerror}. Nothing was published.",
                "Give the folder with your keys: --keys DIR",
                key="key-missing",
            ) from None
        except (ValueError, TypeError):
            raise Refused(
                f"The key {path} cannot be opened. Nothing was published.",
                f"Set the right passphrase in ${PASSPHRASE}.",
                key="key-locked",
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise Refused(
                f"{path} is not an Ed25519 key. Nothing was published.",
                "Use the keys that `discode release init` made.",
            )
        return key

    def _path(self, name: str) -> Path:
        return self.folder / f"{name}.pem"
