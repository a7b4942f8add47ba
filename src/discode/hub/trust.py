"""What the hub requires of a vendor's metadata before it signs. Pure; installations check everything again.

The order of loading: first the vendor's root (each signed by the previous one), then the targets, against the root and
against the previous targets. After that the hub's own key signs the metadata that refers to them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, TypeVar

from tuf.api.exceptions import RepositoryError
from tuf.api.metadata import Metadata, Root, Signed, Snapshot, Targets, Timestamp
from tuf.api.serialization import DeserializationError

from ..core.release import target_app
from .errors import BadRequest, Conflict

_Role = TypeVar("_Role", Root, Snapshot, Targets, Timestamp)
SHORTEST_LIFE = timedelta(days=1)  # of published metadata; less means that the vendor's clock is wrong
MOST_TARGETS = 100_000
HIGHEST = 2**31 - 1  # version, as the database can hold it


def check_roots(
    given: Sequence[bytes],
    known: Callable[[int], bytes | None],
    before: Root | None,
    is_ours: Callable[[str], bool],
    now: datetime,
) -> list[tuple[Root, bytes]]:
    """Of the roots that the vendor sends, oldest first, those that are new here: each signed by the one before it, too.

    The last one is the one that counts. Earlier ones may have ended, and may name the online key of a hub that is gone:
    customers walk through them. `known` has the bytes of a version that is here already, `before` is the newest of
    them, `is_ours` knows the ids of this hub's online keys. Raises BadRequest, or Conflict for a version that is
    skipped or differs.
    """  # fmt: skip
    new: list[tuple[Root, bytes]] = []
    for data in given:
        metadata = _parsed(data, Root)
        if known(metadata.signed.version) == data:
            continue
        before = _next_root(metadata, before)
        new.append((before, data))
    if new:
        _may_count(new[-1][0], is_ours, now)
    return new


def _next_root(metadata: Metadata[Root], before: Root | None) -> Root:
    root, wanted = metadata.signed, before.version + 1 if before else 1
    if root.version != wanted or wanted > HIGHEST:
        raise Conflict(
            f"The root has version {root.version}, but {wanted} is expected. Nothing was changed.",
            "Run the command again: it goes on from the current root.",
            key="root-version",
        )
    for verifier in filter(None, (before, root)):
        _verify(verifier, "root", metadata)
    return root


def _may_count(root: Root, is_ours: Callable[[str], bool], now: datetime) -> None:
    _not_expired(root, "root", now)
    for role in ("snapshot", "timestamp"):
        keys = root.roles[role].keyids
        if len(keys) != 1 or not is_ours(keys[0]) or root.roles[role].threshold != 1:
            raise BadRequest(
                f"The root does not delegate {role} to this hub's online key alone. Nothing was changed.",
                "Make it with: discode release init --hub URL",
                key="online-key",
            )
    if not root.consistent_snapshot:
        raise BadRequest("The root does not use consistent snapshots.", "Make it with: discode release init --hub URL")


def check_still_signed(data: bytes, root: Root) -> None:
    """What is published already, under a new root. Raises Conflict: customers would refuse all of it."""
    try:
        _verify(root, "targets", _parsed(data, Targets))
    except BadRequest:
        raise Conflict(
            "The published releases are not signed by the keys that this root names: customers would refuse them. "
            "Nothing was changed.",
            "Change the key with: discode release key rotate targets, which signs the releases anew with it.",
            key="targets-key",
        ) from None


def must_not_have_ended(root: Root, now: datetime) -> None:
    """Raises Conflict: whatever is published under it, customers refuse."""
    if root.expires <= now:
        raise Conflict(
            f"The root ended on {root.expires:%Y-%m-%d}, so customers refuse whatever is published. "
            "Nothing was changed.",
            "Sign the next one, with the folder of your root keys: discode release renew --hub URL --keys DIR",
            key="root-expired",
        )


def check_targets(data: bytes, root: Root, before: Targets | None, now: datetime, base: int | None = None) -> Targets:
    """The next targets: signed by the vendor, with the next version, and nothing published removed or altered.

    The first targets may have any version: customers may know later ones, from a hub that is gone. So may those that
    name the version they begin at, `base`. Raises BadRequest, or Conflict.
    """  # fmt: skip
    metadata = _parsed(data, Targets)
    targets = metadata.signed
    _verify(root, "targets", metadata)
    _not_expired(targets, "targets", now)
    if targets.delegations is not None or len(targets.targets) > MOST_TARGETS:
        raise BadRequest(
            "The targets metadata has delegations, or too many targets. Nothing was changed.",
            "Remove the delegations, or publish fewer targets.",
        )
    last = before.version if before else 0
    follows = targets.version == last + 1 or (last < targets.version <= HIGHEST and last in (0, base))
    if not follows:
        raise Conflict(
            f"The targets have version {targets.version}, but {last + 1} is expected: somebody else published in the "
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
                "Publish a new version. To withdraw a bad release: discode release yank APP VERSION --reason TEXT",
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
