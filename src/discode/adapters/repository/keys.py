"""The vendor's keys, a PEM file each, readable by the owner alone; never below the published folder.

<name>.pem               root-1, root-2, targets; online where no hub has that
<name>.next.pem          made for the next root, which does not name it yet
retired/<name>-<id>.pem  what an earlier root named: nothing needs it any more
chain/                   no secrets: the roots and the last releases that were published with these keys, see `chain`
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Collection
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.signer import CryptoSigner

from ...core.errors import Refused
from ...disk.whole import write_new

# Two root keys, both needed: who steals one of them can sign no root. Who loses one cannot either, so back up both.
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
        if there := self.there(names):
            raise Refused(
                f"{self.folder} already has keys ({', '.join(there)}). Nothing was changed.",
                "Use another folder: --keys DIR",
                key="keys-exist",
            )
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in names:
            self._write(name, Ed25519PrivateKey.generate())

    def there(self, names: Collection[str]) -> list[str]:
        return [name for name in names if self._path(name).exists()]

    def files(self) -> dict[str, Path]:
        """By the ids of the keys: those of today that can be opened."""
        found = {}
        for name in self.there([*ROOT, *TARGETS, *ONLINE]):
            with contextlib.suppress(Refused):
                found[CryptoSigner(self._read(name)).public_key.keyid] = self._path(name)
        return found

    def signers(self, role: str) -> list[CryptoSigner]:
        """Raises Refused when a key is missing or cannot be read."""
        return [CryptoSigner(self._read(name)) for name in ROLES[role]]

    def root_signers(self, named: Collection[str], threshold: int) -> list[CryptoSigner]:
        """As many root keys as the root needs, of those with these ids. Raises Refused, and says what that means."""
        found = [CryptoSigner(self._read(name)) for name in self.there(ROOT)]
        signers = [signer for signer in found if signer.public_key.keyid in named]
        if len(signers) < threshold:
            raise self._without_root(len(signers), threshold)
        return signers

    def prepare(self, names: Collection[str]) -> list[CryptoSigner]:
        """Keys for the next root: new ones, or those of an earlier try. Nothing uses them before `settle`."""
        for name in names:
            if not self._path(f"{name}.next").exists():
                self._write(f"{name}.next", Ed25519PrivateKey.generate())
        return [CryptoSigner(self._read(f"{name}.next")) for name in names]

    def pending(self, names: Collection[str]) -> bool:
        """Whether keys were prepared that have not come into their places."""
        return bool(self.there([f"{name}.next" for name in names]))

    def settle(self, named: Collection[str]) -> list[Path]:
        """Put the prepared keys that the newest root names in the place of those before; the answer is where these are
        now. Each is one rename after another, so that a cut-off one is finished by the next."""
        retired = []
        for path in sorted(self.folder.glob("*.next.pem")):
            name = path.name.removesuffix(".next.pem")
            if CryptoSigner(self._read(f"{name}.next")).public_key.keyid not in named:
                continue
            if self._path(name).exists():
                retired.append(self._retire(name))
            path.replace(self._path(name))
        return retired

    def _retire(self, name: str) -> Path:
        try:
            mark = CryptoSigner(self._read(name)).public_key.keyid[:8]
        except Refused:  # another passphrase, say: it is kept whatever it is
            mark = "unreadable"
        place = self.folder / "retired"
        place.mkdir(mode=0o700, exist_ok=True)
        self._path(name).replace(place / f"{name}-{mark}.pem")
        return place / f"{name}-{mark}.pem"

    def _without_root(self, here: int, threshold: int) -> Refused:
        return Refused(
            f"{self.folder} has {here} of the {threshold} root keys that the root needs, and customers accept no root "
            "that is signed with fewer. Without them no key can be changed, and nothing renews the root: once it ends, "
            "customers get no more updates; what runs at theirs keeps running. Nothing was changed.",
            f"Restore {' and '.join(f'{name}.pem' for name in ROOT)} from your backup. If they are lost for good, "
            "publish at another address with new keys (discode release init); customers uninstall, which keeps their "
            "data, and install from there.",
            key="root-key-missing",
        )

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
