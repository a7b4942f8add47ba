"""HubRepository: signs here, with the vendor's keys, and uploads to a hub.

The hub is not trusted with what is signed: targets that it gives back are taken up only when they carry this vendor's
own signature and are not older than what was published from here (`hub.json` beside the keys). Otherwise whoever has
the hub could have the vendor sign a release of theirs.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

from securesystemslib.exceptions import UnverifiedSignatureError, VerificationError
from securesystemslib.signer import Key
from tuf.api.metadata import Metadata, Root, TargetFile, Targets
from tuf.api.serialization import DeserializationError

from ...core.errors import Refused, TrustError
from ...core.manifest import Archive
from ...core.release import Index, index_path
from ..files.disk import write_whole
from ..hub_api import HubApi
from .keys import ROOT, TARGETS, Keys
from .packing import pack
from .repository import DAYS, expiry, now

_Role = TypeVar("_Role", Root, Targets)
_MINE = "Nothing was signed. Somebody else may control the hub: check it before you publish."


class HubRepository:
    def __init__(self, url: str, token: str, keys: Path):
        self._api = HubApi(url, f"Bearer {token}")
        self._keys = Keys(keys)
        self._floor_path = keys / "hub.json"

    def init(self) -> str:
        about = self._api.call("GET", "/api/v1/hub")
        if self._api.fetch("/metadata/1.root.json") is not None:
            raise Refused(
                f"{self._api.url} already has a root. Nothing was changed.",
                "Publish with the keys that it was made with: --keys DIR",
                key="repository-exists",
            )
        if not (self._keys.folder / f"{ROOT[0]}.pem").exists():  # an earlier try may have made them
            self._keys.make(online=False)
        self._send_root(self._first_root(about["online_key"]))
        self._publish(Targets(expires=expiry("targets")), {})
        return self.fingerprint()

    def fingerprint(self) -> str:
        """SHA-256 of the first root, by which a customer can know it."""
        return hashlib.sha256(self._fetch("1.root.json")).hexdigest()

    def index(self, app: str) -> Index:
        return self._index(self._current(), app)

    def apps(self) -> list[str]:
        names = self._current().targets
        return sorted(name.partition("/")[0] for name in names if name.endswith("/index.json"))

    def pack(self, app: str, source: Path) -> tuple[Archive, Path]:
        return pack(app, source)

    def publish(self, app: str, files: dict[str, bytes | Path], change: Callable[[Index], Index]) -> Index:
        targets = self._current()
        index = change(self._index(targets, app))
        targets.version += 1
        self._publish(targets, {**files, index_path(app): index.to_sign()})
        return index

    def renew(self) -> None:
        root = _parsed(self._newest_root(), Root).signed
        if root.expires < now() + timedelta(days=DAYS["root"] / 2):
            root.version, root.expires = root.version + 1, expiry("root")
            self._send_root(root)
        targets = self._current()
        targets.version += 1
        self._publish(targets, {})

    def _publish(self, targets: Targets, files: dict[str, bytes | Path]) -> None:
        for name, content in files.items():
            targets.targets[name] = self._upload(name, content)
        targets.expires = expiry("targets")
        data = _signed(Metadata(targets), self._keys, "targets")
        self._api.call("POST", "/api/v1/publish", content=data)
        floor = {"url": self._api.url, "targets": targets.version}
        write_whole(self._floor_path, json.dumps(floor).encode())

    def _upload(self, name: str, content: bytes | Path) -> TargetFile:
        known = (
            TargetFile.from_data(name, content, ["sha256"])
            if isinstance(content, bytes)
            else TargetFile.from_file(name, str(content), ["sha256"])
        )
        path = f"/api/v1/blobs/{known.hashes['sha256']}"
        if self._api.fetch(path) is None:
            if isinstance(content, bytes):
                self._api.call("PUT", path, content=content)
            else:
                self._api.send_file(path, content)
        return known

    def _first_root(self, online: dict[str, Any]) -> Root:
        root = Root(expires=expiry("root"), consistent_snapshot=True)
        for role, names in (("root", ROOT), ("targets", TARGETS)):
            for signer in self._keys.signers(role):
                root.add_key(signer.public_key, role)
            root.roles[role].threshold = len(names)
        identity = online.pop("keyid")
        for role in ("snapshot", "timestamp"):
            root.add_key(Key.from_dict(identity, dict(online)), role)
        return root

    def _send_root(self, root: Root) -> None:
        self._api.call("POST", "/api/v1/root", content=_signed(Metadata(root), self._keys, "root"))

    def _newest_root(self) -> bytes:
        version, newest = 1, self._fetch("1.root.json")
        while (data := self._api.fetch(f"/metadata/{version + 1}.root.json")) is not None:
            version, newest = version + 1, data
        metadata = _parsed(newest, Root)
        for signer in self._keys.signers("root"):
            self._must_be_signed(metadata, signer.public_key)
        return newest

    def _current(self) -> Targets:
        """Raises Refused when nothing was published, TrustError when the targets are not this vendor's newest."""
        data = self._api.fetch("/api/v1/targets")
        if data is None:
            raise self._nothing_yet()
        metadata = _parsed(data, Targets)
        for signer in self._keys.signers("targets"):
            self._must_be_signed(metadata, signer.public_key)
        if metadata.signed.version < self._floor():
            raise TrustError(
                f"{self._api.url} returned older targets than were published from here. {_MINE}",
                key="metadata-rollback",
            )
        return metadata.signed

    def _must_be_signed(self, metadata: Metadata[Any], key: Key) -> None:
        try:
            key.verify_signature(metadata.signatures[key.keyid], metadata.signed_bytes)
        except (KeyError, UnverifiedSignatureError, VerificationError) as error:
            raise TrustError(
                f"{self._api.url} returned metadata that your keys did not sign. {_MINE}", key="signature-invalid"
            ) from error

    def _floor(self) -> int:
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            kept = json.loads(self._floor_path.read_bytes())
            if kept["url"] == self._api.url:
                return int(kept["targets"])
        return 0

    def _index(self, targets: Targets, app: str) -> Index:
        known = targets.targets.get(index_path(app))
        if known is None:
            return Index(app=app)
        sha256 = known.hashes["sha256"]
        data = self._api.fetch(f"/targets/{app}/{sha256}.index.json")
        if data is None or hashlib.sha256(data).hexdigest() != sha256:
            raise TrustError(f"{self._api.url} returned an altered index of {app}. {_MINE}", key="content-altered")
        return Index.read_json(data)

    def _fetch(self, name: str) -> bytes:
        data = self._api.fetch(f"/metadata/{name}")
        if data is None:
            raise self._nothing_yet()
        return data

    def _nothing_yet(self) -> Refused:
        return Refused(
            f"{self._api.url} has none of your releases yet. Nothing was changed.",
            f"Start with: discode release init --hub {self._api.url} --keys KEYDIR",
            key="no-repository",
        )


def _parsed(data: bytes, kind: type[_Role]) -> Metadata[_Role]:
    try:
        metadata: Metadata[Any] = Metadata.from_bytes(data)
    except DeserializationError as error:
        raise TrustError(f"The hub returned metadata that cannot be read. {_MINE}", key="metadata-invalid") from error
    if not isinstance(metadata.signed, kind):
        raise TrustError(f"The hub returned metadata for another role. {_MINE}", key="metadata-invalid")
    return metadata


def _signed(metadata: Metadata[Any], keys: Keys, role: str) -> bytes:
    for signer in keys.signers(role):
        metadata.sign(signer, append=True)
    return metadata.to_bytes()
