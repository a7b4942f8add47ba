"""The chain of roots for a vendor who has only the keys left: from whoever has seen it, and believed once verified.

A mirror has `metadata/`, in a folder or on the web. A customer's machine has `apps/<app>/trust/<source>/` below
Discode's home, with every root since the first and the newest targets that it has seen.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from tuf.api.metadata import Snapshot, Timestamp

from ...core.ends import DAY
from ...core.errors import Refused, TrustError
from ...ports.repository import Imported
from ..hub_api import HubApi
from .chain import MOST_ROOTS, Chain, Kept, parsed, roots_in
from .keys import ROOT, TARGETS, Keys
from .roots import DAYS


def import_chain(source: str, keys: Path) -> Imported:
    """Keep the longest chain that is found in `source`, and the newest targets, beside the keys. Raises Refused for
    another vendor's, or for none; then nothing was changed."""
    found, own = _found(source), Keys(keys)
    if not found:
        raise Refused(
            f"{source} has no chain of roots that begins with the first. Nothing was changed.",
            "Give a mirror's address or folder, or the folder apps/APP/trust of a customer's Discode home.",
            key="no-chain",
        )
    kept = Kept(keys)
    chains = [(Chain(roots), targets) for roots, targets in found]
    ours = [(chain, targets) for chain, targets in chains if _is_ours(chain, own)]
    if not ours:
        earlier = [chain for chain, _ in chains if own.files().keys() & chain.newest.keys.keys()]
        raise _too_short(source, max(chain.version for chain in earlier)) if earlier else _of_another(source, keys)
    for chain, targets in ours:
        _take(chain, targets, kept, source)
    if kept.trouble:
        raise Refused(kept.trouble, "Give a folder that you can write to: --keys DIR", key="no-permission")
    kept_chain = kept.chain()
    assert kept_chain is not None
    ends = kept_chain.newest.expires.timestamp()
    return Imported(kept_chain.fingerprint, kept_chain.version, kept.targets_version, ends - DAYS["root"] * DAY)


def _too_short(source: str, version: int) -> Refused:
    return Refused(
        f"The chain of roots in {source} is yours, but it ends with root {version}, which does not name the keys that "
        "you have now: a later one does. Nothing was changed.",
        "Bring it from a mirror, or from a customer who has looked for updates since you changed a key.",
        key="chain-too-short",
    )


def _of_another(source: str, keys: Path) -> Refused:
    return Refused(
        f"The chain of roots in {source} is not the one of your keys in {keys}. Nothing was changed.",
        "Give another copy, or the folder with the keys that it was made with: --keys DIR",
        key="root-unknown",
    )


def _take(chain: Chain, targets: bytes | None, kept: Kept, source: str) -> None:
    ours = None
    with contextlib.suppress(TrustError):  # a damaged one is replaced
        ours = kept.chain()
    if ours and not (chain.continues(ours) or ours.continues(chain)):
        raise _of_another(source, kept.folder.parent)
    longest = ours if ours is not None and ours.continues(chain) else chain
    if targets is not None:
        with contextlib.suppress(TrustError):
            chain.targets(targets)
            kept.keep(longest, targets)
    kept.keep(longest)


def _is_ours(chain: Chain, keys: Keys) -> bool:
    """The keys that are at hand are those that the newest root names."""
    names = {"root": ROOT, "targets": TARGETS}
    signers = [(role, keys.signers(role)) for role, files in names.items() if keys.there(files) == list(files)]
    named = {role: chain.newest.roles[role].keyids for role in names}
    return bool(signers) and all(one.public_key.keyid in named[role] for role, found in signers for one in found)


def _found(source: str) -> list[tuple[list[bytes], bytes | None]]:
    """Chains, each with the newest targets beside it."""
    if source.startswith(("http://", "https://")):
        return _on_the_web(source)
    found = []
    for first in sorted(Path(source).expanduser().rglob("1.root.json")):
        place = first.parent.parent if first.parent.name == "root_history" else first.parent
        found.append((roots_in(first.parent), _newest_targets(place)))
    return found


def _newest_targets(folder: Path) -> bytes | None:
    """Of a repository's `metadata/`, or of a customer's cache."""
    with contextlib.suppress(OSError):
        return (folder / "targets.json").read_bytes()
    numbered = [path for path in folder.glob("*.targets.json") if path.name.partition(".")[0].isdecimal()]
    newest = max(numbered, key=lambda path: int(path.name.partition(".")[0]), default=None)
    return newest.read_bytes() if newest else None


def _on_the_web(source: str) -> list[tuple[list[bytes], bytes | None]]:
    api = HubApi(source)
    roots: list[bytes] = []
    while len(roots) < MOST_ROOTS and (data := api.fetch(f"/metadata/{len(roots) + 1}.root.json")) is not None:
        roots.append(data)
    targets = None
    with contextlib.suppress(TrustError, KeyError):
        snapshot = parsed(api.fetch("/metadata/timestamp.json") or b"", Timestamp).signed.snapshot_meta.version
        names = parsed(api.fetch(f"/metadata/{snapshot}.snapshot.json") or b"", Snapshot).signed.meta
        targets = api.fetch(f"/metadata/{names['targets.json'].version}.targets.json")
    return [(roots, targets)] if roots else []
