"""The chain of roots, which customers walk from the one that they trust to the newest, and the vendor's copy of it.

Each root is signed with the keys of the one before and with its own (TUF specification 5.3). A hub or a folder that is
lost can be made again from the keys only with all of the chain: another first root is to every customer a stranger's.
So what is public is kept beside the keys, in `chain/`:

<n>.root.json    every root, as it was published
targets.json     the newest targets that were published: customers refuse lower versions
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from ...core.errors import TrustError
from ...disk.whole import write_whole

Role = TypeVar("Role", Root, Snapshot, Targets, Timestamp)
MOST_ROOTS = 1024  # of a chain: one a year, and one for each key that is changed


def above_all_seen(known: int, now: datetime) -> int:
    """A version for what goes on where something was lost, above all that anybody can have seen or cached: nobody
    publishes once a minute since 1970. `known` is the highest that is known here, which others may have passed."""
    return max(known + 1, int(now.timestamp() // 60))


class Chain:
    """All roots from the first on, each verified against the one before it. Raises TrustError when one is not."""

    def __init__(self, roots: Iterable[bytes]):
        self.roots = tuple(roots)
        self.newest = _walked(self.roots)

    @property
    def version(self) -> int:
        return self.newest.version

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the first root, by which a customer can know it."""
        return hashlib.sha256(self.roots[0]).hexdigest()

    def continues(self, other: Chain) -> bool:
        """Whether who trusts `other` comes to believe this one."""
        return self.roots[: len(other.roots)] == other.roots

    def and_then(self, root: bytes) -> Chain:
        return Chain([*self.roots, root])

    def targets(self, data: bytes) -> Targets:
        """Raises TrustError for what the newest root's keys did not sign."""
        metadata = parsed(data, Targets)
        self.verify("targets", metadata)
        return metadata.signed

    def verify(self, role: str, metadata: Metadata[Any]) -> None:
        """Raises TrustError for what the newest root's keys did not sign."""
        try:
            self.newest.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        except (RepositoryError, ValueError) as error:
            raise _not_signed(f"The {role} metadata is") from error


class Kept:
    """The vendor's copy. `trouble` is a sentence once it could not be written: what was to be published is, all the
    same."""

    def __init__(self, keys: Path):
        self.folder, self.trouble = keys / "chain", ""

    def chain(self) -> Chain | None:
        """Raises TrustError for what is no chain."""
        roots = roots_in(self.folder)
        try:
            return Chain(roots) if roots else None
        except TrustError as error:
            raise TrustError(
                f"The chain of roots in {self.folder} is damaged. Nothing was signed.",
                "Bring it from a mirror or a customer: discode release chain import SOURCE --keys "
                f"{self.folder.parent}",
                key="chain-damaged",
            ) from error

    def targets(self) -> Targets | None:
        """As they were published. Customers may know later ones, if another machine publishes too."""
        with contextlib.suppress(OSError, TrustError):
            return parsed((self.folder / "targets.json").read_bytes(), Targets).signed
        return None

    @property
    def targets_version(self) -> int:
        known = self.targets()
        return known.version if known else 0

    def keep(self, chain: Chain, targets: bytes | None = None) -> None:
        """Every root that is not there yet, and the targets if they are newer."""
        try:
            self._keep(chain, targets)
        except OSError as error:
            self.trouble = (
                f"{self.folder} cannot be written: {error.strerror or error}. If the hub or the folder is lost, the "
                "chain of roots has to come from a mirror or a customer."
            )

    def _keep(self, chain: Chain, targets: bytes | None) -> None:
        for number, root in enumerate(chain.roots, 1):
            path = self.folder / f"{number}.root.json"
            if not path.exists() or path.read_bytes() != root:
                write_whole(path, root, folder_mode=0o700)
        if targets is not None and parsed(targets, Targets).signed.version > self.targets_version:
            write_whole(self.folder / "targets.json", targets, folder_mode=0o700)


def roots_in(folder: Path) -> list[bytes]:
    """From 1.root.json on, as long as there is a next one."""
    found: list[bytes] = []
    with contextlib.suppress(OSError):
        while True:
            found.append((folder / f"{len(found) + 1}.root.json").read_bytes())
    return found


def lost_apps(before: Targets | None, now: Targets) -> tuple[str, ...]:
    """The apps of which something was published that is not there any more."""
    names = set(before.targets if before else ()) - set(now.targets)
    return tuple(sorted({name.partition("/")[0] for name in names}))


def parsed(data: bytes, kind: type[Role]) -> Metadata[Role]:
    """Raises TrustError."""
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except (DeserializationError, RecursionError, ValueError) as error:
        raise TrustError(
            "The metadata cannot be read. Nothing was signed.", "Take it from another copy.", key="metadata-invalid"
        ) from error
    if not isinstance(metadata.signed, kind):
        raise TrustError(
            "The metadata is for another role. Nothing was signed.",
            "Take it from another copy.",
            key="metadata-invalid",
        )
    return metadata


def _walked(roots: tuple[bytes, ...]) -> Root:
    before: Root | None = None
    for number, data in enumerate(roots, 1):
        metadata = parsed(data, Root)
        root = metadata.signed
        try:
            for verifier in filter(None, (before, root)):
                verifier.verify_delegate("root", metadata.signed_bytes, metadata.signatures)
        except (RepositoryError, ValueError) as error:
            raise _not_signed(f"Root {number} is") from error
        if root.version != number:
            raise _not_signed(f"Root {number} says that it is {root.version}, and is")
        before = root
    assert before is not None
    return before


def _not_signed(what: str) -> TrustError:
    return TrustError(
        f"{what} not signed by the keys of the roots before. Nothing was signed.",
        "Somebody else may have made it. Take the chain from another copy: discode release chain import --help",
        key="signature-invalid",
    )
