"""A release as an installation holds it: the manifest, and the key under which it was signed."""

from __future__ import annotations

import json
import re
from typing import Annotated

from .errors import Refused, TrustError
from .fields import Requirement, Slug, VersionText, check_versions
from .manifest import SCHEMA, Manifest, release_key
from .model import Meta, Model, ValidationError
from .names import SLUG
from .rollout import Rollout

INDEX_SCHEMA = 1
HELD = "x-discode-held"  # in the hub's timestamp: keys of releases, by app
_TARGET = re.compile(rf"({SLUG.pattern})/(?:index\.json|[0-9a-f]{{12}}\.json|archives/[0-9a-f]{{16}}\.tar)")
Key = Annotated[str, Meta(pattern=r"^[0-9a-f]{12}\Z")]


class Release(Model, frozen=True, kw_only=True):
    """`key` is that of the signed bytes, so that a Discode which knows fewer fields still names it alike.

    `product`: the vendor's name of the app, where it is installed under another one, which its manifest then has here;
    else empty.
    """

    key: Key
    manifest: Manifest
    product: str = ""

    @property
    def version(self) -> str:
        return self.manifest.version

    @property
    def vendors_name(self) -> str:
        return self.product or self.manifest.app

    def named(self, app: str) -> Release:
        """The same release, as it is installed under that name."""
        product = self.vendors_name
        return self.changed(manifest=self.manifest.changed(app=app), product=product if product != app else "")


class IndexEntry(Model, frozen=True, kw_only=True):
    """What the signed index says of a release; the manifest says the rest.

    Two marks are for hosts that update by themselves: `urgent` (they wait for no delay) and `needs_consent` (they tell,
    and a person updates). An earlier Discode reads over them.
    """

    version: VersionText
    key: Key
    channels: tuple[str, ...] = ("stable",)
    requires: Requirement | None = None
    irreversible: bool = False
    yanked: str | None = None
    notes: str = ""
    published: str = ""
    rollout: Rollout | None = None
    urgent: bool = False
    needs_consent: bool = False

    def __post_init__(self) -> None:
        check_versions(self.version, self.requires)


class Index(Model, frozen=True, kw_only=True):
    """All releases of an app, in the order of their publication."""

    index_schema: int = INDEX_SCHEMA
    app: Slug
    releases: tuple[IndexEntry, ...] = ()
    # Keys of releases that the hub holds back. Not of the vendor's signing: a source adds it, to what it has verified.
    held: frozenset[str] = frozenset()

    def to_sign(self) -> bytes:
        fields = self.as_dict()
        del fields["held"]
        return json.dumps(fields, indent=1, ensure_ascii=False).encode()

    def entry(self, version: str) -> IndexEntry | None:
        return next((entry for entry in self.releases if entry.version == version), None)


def index_path(app: str) -> str:
    """The name of an app's index among the TUF targets."""
    return f"{app}/index.json"


def manifest_path(app: str, key: str) -> str:
    """The name of a manifest among the TUF targets."""
    return f"{app}/{key}.json"


def target_app(name: str) -> str | None:
    """The app that a target belongs to, by its name; None for a name that no target of ours has."""
    match = _TARGET.fullmatch(name)
    return match[1] if match else None


def read_index(app: str, data: bytes) -> Index:
    """A verified index. Raises TrustError when it speaks of another app, Refused when it is newer than we are."""
    try:
        index = Index.read_json(data).changed(held=frozenset())
    except ValidationError as error:
        raise TrustError(
            f"The signed index of {app} cannot be read ({error}). Nothing was changed.",
            "Tell the vendor; your app was not touched.",
            key="index-malformed",
        ) from None
    if index.app != app:
        raise TrustError(
            f"The index served for {app} is signed for {index.app}. Nothing was changed.",
            "Tell the vendor; your app was not touched.",
            key="index-of-another-app",
        )
    if index.index_schema > INDEX_SCHEMA:
        raise _too_new(app)
    return index


def read_manifest(app: str, entry: IndexEntry, data: bytes) -> Release:
    """A verified manifest. Raises TrustError when it is not the one that the index names."""
    key = release_key(data)
    if key != entry.key:
        raise TrustError(
            f"The manifest of {app} {entry.version} has the key {key}, but the index says {entry.key}. "
            "Nothing was changed.",
            "Tell the vendor; your app was not touched.",
            key="manifest-mismatch",
        )
    if _schema_of(data) > SCHEMA:  # before it is read: it may say what has no place here
        raise _too_new(app)
    try:
        manifest = Manifest.read_json(data)
    except ValidationError as error:
        raise TrustError(
            f"The signed manifest of {app} {entry.version} cannot be read ({error}). Nothing was changed.",
            "Tell the vendor; your app was not touched.",
            key="manifest-malformed",
        ) from None
    if (manifest.app, manifest.version) != (app, entry.version):
        raise TrustError(
            f"The manifest served for {app} {entry.version} is for {manifest.app} {manifest.version}. "
            "Nothing was changed.",
            "Tell the vendor; your app was not touched.",
            key="manifest-mismatch",
        )
    return Release(key=key, manifest=manifest)


def _schema_of(manifest: bytes) -> int:
    """0 when it does not say."""
    try:
        told = json.loads(manifest)
    except (ValueError, RecursionError):
        return 0
    found = told.get("manifest_schema") if isinstance(told, dict) else None
    return found if isinstance(found, int) else 0


def _too_new(app: str) -> Refused:
    return Refused(
        f"This release of {app} was published for a newer Discode. Nothing was changed.",
        "Update Discode, then run the command again.",
        key="discode-too-old",
    )
