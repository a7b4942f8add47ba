"""What the hub requires of an app's signed index and manifests. Pure: files are passed in as bytes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tuf.api.metadata import Targets

from ..core.artifact import Archive
from ..core.errors import DiscodeError
from ..core.release import Index, IndexEntry, index_path, manifest_path, read_index, read_manifest
from ..core.version import parse_version
from .errors import BadRequest, Conflict

LONGEST = 16 * 1024 * 1024  # bytes of an index or a manifest
_MAY_CHANGE = {"channels", "yanked", "notes", "rollout", "urgent", "needs_consent"}
Reader = Callable[[str], bytes]  # by SHA-256


@dataclass(frozen=True)
class Parts:
    """Of a release: the archive's target (None: an image), and the repositories of its accessories' images."""

    archive: str | None
    beside: frozenset[str]


def check_index(app: str, targets: Targets, before: Index, read: Reader) -> tuple[Index, dict[str, Parts]]:
    """The app's new index, and what each release is made of, by its key. Raises BadRequest or Conflict."""
    known = targets.targets.get(index_path(app))
    if known is None:
        raise BadRequest(f"{app} has targets but no index. Nothing was changed.", key="index-missing")
    if known.length > LONGEST:
        raise BadRequest(f"The index of {app} is longer than {LONGEST} bytes. Nothing was changed.")
    try:
        index = read_index(app, read(known.hashes["sha256"]))
    except DiscodeError as error:
        raise BadRequest(error.sentence, key=error.name) from error
    _versions_are_unique(index)
    _nothing_is_taken_away(index, before)
    return index, {entry.key: _parts_of(app, entry, targets, read) for entry in index.releases}


def _versions_are_unique(index: Index) -> None:
    versions = [parse_version(entry.version) for entry in index.releases]
    keys = [entry.key for entry in index.releases]
    if len(set(versions)) != len(versions) or len(set(keys)) != len(keys):
        raise BadRequest(
            f"A version of {index.app} appears twice in its index. Nothing was changed.", key="version-twice"
        )


def _fixed(entry: IndexEntry) -> dict[str, Any]:
    return {name: value for name, value in entry.as_dict().items() if name not in _MAY_CHANGE}


def _nothing_is_taken_away(index: Index, before: Index) -> None:
    for old in before.releases:
        new = index.entry(old.version)
        if new is None or _fixed(new) != _fixed(old):
            raise Conflict(
                f"{index.app} {old.version} is already published with different content. Nothing was changed.",
                "Give the release a new version. To withdraw a bad one: discode release yank APP VERSION --reason TEXT",
                key="version-taken",
            )
        if old.yanked is not None and new.yanked is None:
            raise Conflict(f"{index.app} {old.version} was withdrawn for good.", "Publish a new version.")


def _parts_of(app: str, entry: IndexEntry, targets: Targets, read: Reader) -> Parts:
    known = targets.targets.get(manifest_path(app, entry.key))
    if known is None or known.length > LONGEST:
        raise BadRequest(f"{app} {entry.version} has no manifest. Nothing was changed.", key="manifest-missing")
    try:
        manifest = read_manifest(app, entry, read(known.hashes["sha256"])).manifest
    except DiscodeError as error:
        raise BadRequest(error.sentence, key=error.name) from error
    beside = frozenset(one.image.repository for one in manifest.accessories.values())
    if not isinstance(manifest.artifact, Archive):
        return Parts(None, beside)
    archive = targets.targets.get(manifest.artifact.path)
    named = (manifest.artifact.length, manifest.artifact.sha256)
    if archive is None or (archive.length, archive.hashes["sha256"]) != named:
        raise BadRequest(f"{app} {entry.version} lacks the archive that it names.", key="archive-missing")
    return Parts(manifest.artifact.path, beside)
