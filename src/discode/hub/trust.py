"""What the hub requires of a vendor's metadata before it signs. Pure; installations check everything again.

The order of loading: first the vendor's root (each signed by the previous one), then the targets, against the root and
against the previous targets. After that the hub's own key signs the metadata that refers to them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, Targets
from tuf.api.serialization import DeserializationError

from ..core.release import target_app
from .errors import BadRequest, Conflict

_Role = TypeVar("_Role", Root, Targets)
SHORTEST_LIFE = timedelta(days=1)  # of published metadata; less means that the vendor's clock is wrong
MOST_TARGETS = 100_000


def check_root(data: bytes, before: Root | None, online_key: str, now: datetime) -> Root:
    """The vendor's first or next root. Raises BadRequest, or Conflict for a skipped version."""
    metadata = _parsed(data, Root)
    root = metadata.signed
    wanted = before.version + 1 if before else 1
    if root.version != wanted:
        raise Conflict(
            f"The root has version {root.version}, but {wanted} is expected. Nothing was changed.",
            "Fetch the current root and sign the next one.",
            key="root-version",
        )
    for verifier in filter(None, (before, root)):
        _verify(verifier, "root", metadata)
    _not_expired(root, "root", now)
    for role in ("snapshot", "timestamp"):
        if root.roles[role].keyids != [online_key] or root.roles[role].threshold != 1:
            raise BadRequest(
                f"The root does not delegate {role} to this hub's online key alone. Nothing was changed.",
                "Make it with: discode release init --hub URL",
                key="online-key",
            )
    if not root.consistent_snapshot:
        raise BadRequest("The root does not use consistent snapshots.", "Make it with: discode release init --hub URL")
    return root


def check_targets(data: bytes, root: Root, before: Targets | None, now: datetime) -> Targets:
    """The next targets: signed by the vendor, with the next version, and nothing published removed or altered.

    Raises BadRequest, or Conflict.
    """
    metadata = _parsed(data, Targets)
    targets = metadata.signed
    _verify(root, "targets", metadata)
    _not_expired(targets, "targets", now)
    if targets.delegations is not None or len(targets.targets) > MOST_TARGETS:
        raise BadRequest(
            "The targets metadata has delegations, or too many targets. Nothing was changed.",
            "Remove the delegations, or publish fewer targets.",
        )
    wanted = before.version + 1 if before else 1
    if targets.version != wanted:
        raise Conflict(
            f"The targets have version {targets.version}, but {wanted} is expected: somebody else published in the "
            "meantime. Nothing was changed.",
            "Publish again: it starts from the current state.",
            key="version-passed",
        )
    for name, target in targets.targets.items():
        if target_app(name) is None or name != target.path or set(target.hashes) != {"sha256"}:
            raise BadRequest(f"A target has an unexpected name or unexpected hashes: {name[:80]!r}.", key="target-name")
        if len(target.hashes["sha256"]) != 64 or not set(target.hashes["sha256"]) <= set("0123456789abcdef"):
            raise BadRequest("A target has an invalid SHA-256.", key="target-name")
    _keeps(targets, before)
    return targets


def as_role(data: bytes, kind: type[_Role]) -> _Role:
    """Metadata that this hub has accepted or signed before."""
    return _parsed(data, kind).signed


def _keeps(targets: Targets, before: Targets | None) -> None:
    for name, old in before.targets.items() if before else ():
        new = targets.targets.get(name)
        if new is None or (not name.endswith("/index.json") and new != old):
            raise Conflict(
                f"{name} is already published and would be {'altered' if new else 'removed'}. Nothing was changed.",
                "Publish a new version. To withdraw a bad release: discode release yank",
                key="published-already",
            )


def _parsed(data: bytes, kind: type[_Role]) -> Metadata[_Role]:
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except (DeserializationError, RecursionError, ValueError) as error:
        raise BadRequest("The metadata cannot be read. Nothing was changed.", key="metadata-malformed") from error
    if not isinstance(metadata.signed, kind):
        raise BadRequest("The metadata is for another role. Nothing was changed.", key="metadata-malformed")
    return metadata


def _verify(verifier: Root, role: str, metadata: Metadata[Any]) -> None:
    try:
        verifier.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
    except (RepositoryError, ValueError) as error:
        raise BadRequest(
            f"The {role} metadata is not signed by the vendor's keys. Nothing was changed.",
            "Sign with the keys that the root names: --keys DIR",
            key="signature-invalid",
        ) from error


def _not_expired(signed: Signed, role: str, now: datetime) -> None:
    if signed.expires <= now + SHORTEST_LIFE:
        raise BadRequest(
            f"The {role} metadata ends at {signed.expires:%Y-%m-%d %H:%M} UTC; it must be valid for at least a day. "
            "Nothing was changed.",
            "Check the clock of the machine that signs.",
            key="metadata-expired",
        )
