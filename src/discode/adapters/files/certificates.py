"""An app's own certificates: `tls/<revision>.crt` and `tls/<revision>.key`, readable by the owner alone.

The key is written first: where there is a certificate, there is its key.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...disk.folders import make_private
from .belongings import CERTIFICATES
from .disk import reading, write_whole, writing

if TYPE_CHECKING:
    from ...core.own_certificate import OwnCertificate

_NAME = re.compile(r"([1-9]\d*)\.(crt|key)")


@dataclass(frozen=True)
class OwnFiles:
    """Those of all apps of a home."""

    home: Path

    def of(self, app: str, revision: int) -> tuple[Path, Path]:
        """The chain and the key."""
        return files(self.home / "apps" / app, revision)

    def has_any(self, app: str) -> bool:
        return (self.home / "apps" / app / CERTIFICATES).is_dir()


def files(folder: Path, revision: int) -> tuple[Path, Path]:
    """Of a revision in an app's folder: the chain, and the key."""
    return folder / CERTIFICATES / f"{revision}.crt", folder / CERTIFICATES / f"{revision}.key"


def read(folder: Path, revision: int) -> OwnCertificate | None:
    from ...core.own_certificate import OwnCertificate  # late: every command has this file, and few have a certificate

    chain, key = files(folder, revision)
    try:
        with reading(chain):
            return OwnCertificate(chain.read_bytes(), key.read_bytes())
    except FileNotFoundError:
        return None


def write(folder: Path, revision: int, certificate: OwnCertificate) -> None:
    with writing(folder / CERTIFICATES):
        make_private(folder / CERTIFICATES)
    chain, key = files(folder, revision)
    write_whole(key, certificate.key, mode=0o600)
    write_whole(chain, certificate.chain, mode=0o600)


def latest(folder: Path) -> int:
    """0 when there is none."""
    return max((revision for revision, path in _all(folder) if path.suffix == ".crt"), default=0)


def drop(folder: Path, needed: Set[int]) -> None:
    """All but these. A file that cannot be deleted now stays for the next time."""
    try:
        for revision, path in sorted(_all(folder)):
            if revision not in needed:
                path.unlink(missing_ok=True)
        if not needed - {0}:
            (folder / CERTIFICATES).rmdir()
    except OSError:
        return


def _all(folder: Path) -> Iterator[tuple[int, Path]]:
    try:
        with reading(folder):
            paths = list((folder / CERTIFICATES).iterdir())
    except FileNotFoundError:
        return
    for path in paths:
        if match := _NAME.fullmatch(path.name):
            yield int(match[1]), path
