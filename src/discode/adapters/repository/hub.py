"""HubRepository: signs here, with the vendor's keys, and uploads to a hub.

The hub is not trusted with what is signed: targets that it gives back are taken up only when they carry this vendor's
own signature and are not older than what was published from here (`hub.json` and `chain/` beside the keys). Otherwise
whoever has the hub could have the vendor sign a release of theirs. Nor is it believed about its root: what it has must
go on from the chain that the customers trust.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, TargetFile, Targets, Timestamp

from ...core.artifact import Archive
from ...core.ends import End, read_end
from ...core.errors import Refused, TrustError
from ...core.hub_answers import About, Blob, Ends, OnlineKey, Version
from ...core.release import Index, IndexEntry, Release, index_path, manifest_path, read_manifest
from ...disk.whole import write_whole
from ...ports.repository import Begun, KeyRole, Rotated, Trusted
from ..hub_api import HubApi
from .chain import MOST_ROOTS, Chain, above_all_seen, lost_apps, parsed
from .keys import ROOT, TARGETS, Keys
from .packing import pack
from .roots import Clock, Roots, all_named, apps_of, names_of, now

_MINE = "Nothing was signed. Somebody else may control the hub: check it before you publish."


class HubRepository:
    def __init__(self, url: str, token: str, keys: Path, clock: Clock = now):
        self._api = HubApi(url, f"Bearer {token}")
        self._keys = Keys(keys)
        options = f"--hub {self._api.url} --keys {keys}"
        self._roots = Roots(self._keys, self._api.url, options, f"discode release init {options}", clock)
        self._floor_path = keys / "hub.json"

    def init(self, *, new_root: bool = False) -> Begun:
        online = self._online_key()
        ours = self._roots.kept.chain()
        if (theirs := self._their_chain(ours)) is not None:
            return self._bring_up_to_date(ours, theirs)
        if ours is not None:
            return self._go_on(ours, online)
        if not self._keys.there([*ROOT, *TARGETS]):
            self._keys.make(online=False)
        elif not new_root:
            raise self._roots.without_a_chain()
        chain = self._roots.sign_first(online)
        self._roots.kept.keep(chain)  # first: should it not arrive, the next try goes on from it
        return self._begun(chain, chain.roots, self._empty(1), None)

    def fingerprint(self) -> str:
        return self._chain().fingerprint

    def index(self, app: str) -> Index:
        return self._index(self._current(), app)

    def release(self, app: str, entry: IndexEntry) -> Release:
        return read_manifest(app, entry, self._target(self._current(), manifest_path(app, entry.key)) or b"")

    def apps(self) -> list[str]:
        return apps_of(self._current())

    def pack(self, app: str, source: Path) -> tuple[Archive, Path]:
        return pack(app, source)

    def publish(self, app: str, files: dict[str, bytes | Path], change: Callable[[Index], Index]) -> Index:
        chain = self._chain()
        targets = self._current(chain)
        index = change(self._index(targets, app))
        targets.version += 1
        self._publish(chain, targets, {**files, index_path(app): index.to_sign()})
        return index

    def renew(self) -> None:
        self.renew_root()
        chain = self._chain()
        targets = self._current(chain)
        targets.version += 1
        self._publish(chain, targets, {})

    def renew_root(self) -> bool:
        chain = self._chain()
        if (renewed := self._roots.renewed(chain)) is None:
            return False
        self._send(renewed, renewed.roots[-1:])
        return True

    def rotate(self, role: KeyRole) -> Rotated:
        pending = self._keys.pending(names_of(role))
        chain = self._chain()
        if (done := self._roots.finished(pending, role, chain)) is not None:
            return done
        targets = self._current(chain)
        self._roots.signers(chain)  # before anything is made: without them it comes to nothing
        prepared = [] if role == "online" else self._keys.prepare(names_of(role))
        keys: list[Key] = [signer.public_key for signer in prepared] or [self._online_key(chain)]
        renewed = self._roots.next(chain, all_named(role, keys), prepared if role == "root" else ())
        if role == "targets":
            targets.version += 1
            self._send(renewed, renewed.roots[-1:], self._signed_targets(targets, prepared))
        else:
            self._send(renewed, renewed.roots[-1:])
        retired = self._keys.settle(renewed.newest.keys)
        return Rotated(role, renewed.version, tuple(key.keyid for key in keys), tuple(retired))

    def trusted(self) -> Trusted:
        chain = self._chain()
        targets = self._current(chain)
        self._signs_with_what_the_root_names(chain)
        own = self._roots.end(chain), self._roots.targets_end(targets.expires)
        told = [end for end in self._ends_at_the_hub() if end.what not in {one.what for one in own}]
        trouble = self._roots.kept.trouble
        return Trusted(chain.fingerprint, chain.version, self._roots.keys_of(chain), (*own, *told), trouble)

    def _signs_with_what_the_root_names(self, chain: Chain) -> None:
        data = self._api.fetch("/metadata/timestamp.json")
        try:
            chain.verify("timestamp", parsed(data or b"", Timestamp))
        except TrustError as error:
            raise TrustError(
                f"{self._api.url} signs with another key than the root names, so customers refuse what it signs. "
                "Nothing was changed.",
                "Its keys were lost or restored from elsewhere. Name the key that it has: "
                f"discode release key rotate online {self._roots.options}",
                key="online-key",
            ) from error

    def _ends_at_the_hub(self) -> list[End]:
        """Of what the hub makes by itself, by its word; an earlier version of it says nothing."""
        data = self._api.fetch("/api/v1/ends", Ends)
        with contextlib.suppress(ValueError, KeyError, TypeError):
            return [read_end(one) for one in json.loads(data or b"")["ends"]]
        return []

    def _go_on(self, ours: Chain, online: Key) -> Begun:
        """On an empty hub, where there was one before that customers know."""
        known = self._known_version()
        names_it = ours.newest.roles["timestamp"].keyids == [online.keyid]
        if not known and names_it and not self._roots.is_due(ours):  # an earlier try, in which nothing was published
            return self._begun(ours, ours.roots, self._empty(1), None)
        before = self._roots.kept.targets()
        renewed = self._roots.next(ours, all_named("online", [self._online_key(ours)]))
        begun = self._begun(renewed, renewed.roots, self._empty(above_all_seen(known, self._roots.clock())), None)
        return Begun(begun.fingerprint, begun.root, True, tuple(apps_of(before)) if before else ())

    def _bring_up_to_date(self, ours: Chain | None, theirs: Chain) -> Begun:
        """A hub that is of an earlier time, as after a restore. Raises Refused for any other that has a root."""
        if ours is not None and not (theirs.continues(ours) or ours.continues(theirs)):
            raise self._roots.unknown()
        data = self._api.fetch("/api/v1/targets")
        targets = theirs.targets(data) if data is not None else self._empty(0)
        known, current = self._known_version(), targets.version
        if ours is None or (theirs.continues(ours) and current >= known and data is not None):
            raise Refused(
                f"{self._api.url} already has a root. Nothing was changed.",
                "Publish with the keys that it was made with: --keys DIR",
                key="repository-exists",
            )
        chain = ours if ours.continues(theirs) else theirs
        # Another online key: customers have seen later timestamps than a hub of an earlier time can sign next.
        renewed = self._roots.next(chain, all_named("online", [self._online_key(chain)]))
        lost = lost_apps(self._roots.kept.targets(), targets)
        targets.version = above_all_seen(max(known, current), self._roots.clock())
        begun = self._begun(renewed, renewed.roots[theirs.version :], targets, current)
        return Begun(begun.fingerprint, begun.root, True, lost)

    def _begun(self, chain: Chain, roots: tuple[bytes, ...], targets: Targets, base: int | None) -> Begun:
        targets.expires = self._roots.expiry("targets")
        self._send(chain, roots, self._signed_targets(targets, self._keys.signers("targets")), base)
        return Begun(chain.fingerprint, chain.version)

    def _send(
        self, chain: Chain, roots: tuple[bytes, ...], targets: bytes | None = None, base: int | None = None
    ) -> None:
        given = {
            "roots": [base64.b64encode(root).decode() for root in roots], "base": base,
            "targets": None if targets is None else base64.b64encode(targets).decode(),
        }  # fmt: skip
        self._api.call("POST", "/api/v1/roots", Version, json=given)
        self._remember(chain, targets)

    def _publish(self, chain: Chain, targets: Targets, files: dict[str, bytes | Path]) -> None:
        for name, content in files.items():
            targets.targets[name] = self._upload(name, content)
        targets.expires = self._roots.expiry("targets")
        data = self._signed_targets(targets, self._keys.signers("targets"))
        self._api.call("POST", "/api/v1/publish", Version, content=data)
        self._remember(chain, data)

    def _remember(self, chain: Chain, targets: bytes | None) -> None:
        self._roots.kept.keep(chain, targets)
        if targets is not None:
            floor = {"url": self._api.url, "targets": parsed(targets, Targets).signed.version}
            with contextlib.suppress(OSError):  # `chain/` says the same, and that it could not be written
                write_whole(self._floor_path, json.dumps(floor).encode())

    def _signed_targets(self, targets: Targets, signers: list[Any]) -> bytes:
        metadata: Metadata[Any] = Metadata(targets)
        for signer in signers:
            metadata.sign(signer, append=True)
        return metadata.to_bytes()

    def _empty(self, version: int) -> Targets:
        return Targets(version=max(version, 1), expires=self._roots.expiry("targets"))

    def _upload(self, name: str, content: bytes | Path) -> TargetFile:
        known = (
            TargetFile.from_data(name, content, ["sha256"])
            if isinstance(content, bytes)
            else TargetFile.from_file(name, str(content), ["sha256"])
        )
        path = f"/api/v1/blobs/{known.hashes['sha256']}"
        if self._api.fetch(path, Blob) is None:
            if isinstance(content, bytes):
                self._api.call("PUT", path, Blob, content=content)
            else:
                self._api.send_file(path, content, Blob)
        return known

    def _first_root(self, online: dict[str, Any]) -> Root:
        return self._roots.first(_key(online))

    def _online_key(self, chain: Chain | None = None) -> Key:
        """The one that the hub signs with next; with a chain, another than this one's newest root names."""
        if chain is None:
            return _key(self._api.call("GET", "/api/v1/hub", About)["online_key"])
        body = {"other_than": chain.newest.roles["timestamp"].keyids[0]}
        return _key(dict(self._api.call("POST", "/api/v1/online-key", OnlineKey, json=body)))

    def _chain(self) -> Chain:
        ours = self._roots.kept.chain()
        if (theirs := self._their_chain(ours)) is None:
            raise self._nothing_yet(ours)
        return self._roots.agreed(theirs)

    def _their_chain(self, ours: Chain | None) -> Chain | None:
        """None for a hub without a root. Not fetched from its beginning when it has the newest that we know."""
        roots = list(ours.roots) if ours and self._root(ours.version) == ours.roots[-1] else []
        while (data := self._root(len(roots) + 1)) is not None:
            roots.append(data)
        try:
            return Chain(roots) if roots else None
        except TrustError as error:
            raise TrustError(f"{self._api.url} returned roots that do not follow on each other. {_MINE}",
                             key=error.name) from error  # fmt: skip

    def _root(self, version: int) -> bytes | None:
        if version > MOST_ROOTS:
            raise TrustError(f"{self._api.url} shows more than {MOST_ROOTS} roots. {_MINE}", key="metadata-invalid")
        return self._api.fetch(f"/metadata/{version}.root.json")

    def _current(self, chain: Chain | None = None) -> Targets:
        """Raises Refused when nothing was published, TrustError when the targets are not this vendor's newest."""
        chain = chain or self._chain()
        data = self._api.fetch("/api/v1/targets")
        if data is None:
            raise self._nothing_yet(chain)
        try:
            targets = chain.targets(data)
        except TrustError as error:
            raise TrustError(
                f"{self._api.url} returned metadata that your keys did not sign. {_MINE}", key=error.name
            ) from error
        if targets.version < self._known_version():
            raise TrustError(
                f"{self._api.url} returned older targets than were published with your keys. {_MINE}",
                f"If it was restored from a backup, bring it up to date: {self._roots.init}",
                key="metadata-rollback",
            )
        return targets

    def _known_version(self) -> int:
        """Of the newest targets that were published with these keys, as far as this machine knows."""
        known = self._roots.kept.targets_version
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self._floor_path.read_bytes())
            if kept["url"] == self._api.url:
                return max(known, int(kept["targets"]))
        return known

    def _index(self, targets: Targets, app: str) -> Index:
        data = self._target(targets, index_path(app))
        return Index(app=app) if data is None else Index.read_json(data)

    def _target(self, targets: Targets, name: str) -> bytes | None:
        """None when it was never published. Raises TrustError when it is not what was."""
        known = targets.targets.get(name)
        if known is None:
            return None
        sha256, (folder, _, last) = known.hashes["sha256"], name.rpartition("/")
        data = self._api.fetch(f"/targets/{folder}/{sha256}.{last}", dict)
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise TrustError(f"{self._api.url} returned an altered {name}. {_MINE}", key="content-altered")
        return data

    def _nothing_yet(self, ours: Chain | None) -> Refused:
        lost = "" if ours is None else " It is not the one that your customers know, or it was made anew."
        return Refused(
            f"{self._api.url} has none of your releases yet.{lost} Nothing was changed.",
            f"{'Start with' if ours is None else 'Go on from what they trust'}: {self._roots.init}",
            key="no-repository",
        )


def _key(told: dict[str, Any]) -> Key:
    fields = dict(told)
    return Key.from_dict(str(fields.pop("keyid")), fields)


def _signed(metadata: Metadata[Any], keys: Keys, role: str) -> bytes:
    for signer in keys.signers(role):
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
