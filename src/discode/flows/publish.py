"""The vendor's flows: publish a release, take one back. Keys and bytes are the repository's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..core.errors import Refused, UsageError
from ..core.manifest import Archive, Manifest, release_key
from ..core.names import check_channel
from ..core.release import Index, IndexEntry, manifest_path
from ..core.vendor_file import VendorFile, parse_vendor_file
from ..core.version import parse_version
from ..ports.repository import Repository


@dataclass(frozen=True)
class Published:
    """`is_new` is false when the same release was there already. `note` is a sentence, or empty."""

    entry: IndexEntry
    app: str
    is_new: bool
    note: str = ""


def publish(
    repository: Repository, file: Path, *, version: str | None, channels: Sequence[str], notes: str, now: str
) -> Published:
    """Publish what `file`, a discode.yml, describes. The same release again is a no-op.

    Raises ManifestError, UsageError, or Refused when another release has the version already.
    """
    spec = _read(file)
    wanted = _version(spec, version)
    artifact, packed = repository.pack(spec.app, file.parent / (spec.archive or ""))
    try:
        manifest = _manifest(spec, wanted, artifact)
        entry = _entry(manifest, channels, notes, now)
        before = repository.index(spec.app)
        if (there := before.entry(wanted)) is not None:
            return _published_before(spec.app, there, entry)
        files: dict[str, bytes | Path] = {manifest_path(spec.app, entry.key): manifest.canonical()}
        files[artifact.path] = packed
        repository.publish(spec.app, files, _adding(entry))
    finally:
        packed.unlink(missing_ok=True)
    return Published(entry, spec.app, True, _note(before, wanted))


def withdraw(repository: Repository, app: str, version: str, reason: str) -> IndexEntry:
    """Nobody is offered the release any more; who has it keeps it. Raises Refused when there is none."""
    return _change_entry(repository, app, version, lambda entry: entry.model_copy(update={"yanked": reason}))


def promote(repository: Repository, app: str, version: str, channels: Sequence[str], *, only: bool) -> IndexEntry:
    """The release is offered in `channels` too, or in these alone. Raises Refused when there is none."""

    def change(entry: IndexEntry) -> IndexEntry:
        names = dict.fromkeys([*(() if only else entry.channels), *map(check_channel, channels)])
        return entry.model_copy(update={"channels": tuple(names)})

    return _change_entry(repository, app, version, change)


def _change_entry(
    repository: Repository, app: str, version: str, change_one: Callable[[IndexEntry], IndexEntry]
) -> IndexEntry:
    def change(index: Index) -> Index:
        if index.entry(version) is None:
            raise Refused(f"{app} has no release {version}. Nothing was changed.", "See: discode release list")
        releases = [change_one(entry) if entry.version == version else entry for entry in index.releases]
        return index.model_copy(update={"releases": tuple(releases)})

    entry = repository.publish(app, {}, change).entry(version)
    assert entry is not None
    return entry


def _read(file: Path) -> VendorFile:
    try:
        text = file.read_text()
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not text. Nothing was published.", "Write it in UTF-8.") from None
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}. Nothing was published.",
            "Name the app's file with --file; `discode release publish --help` shows one.",
        ) from None
    spec = parse_vendor_file(text, file.name)
    if spec.image is not None:
        raise UsageError(
            "Releases that are images cannot be published to a folder yet. Nothing was published.",
            "Use archive: for the process runtime.",
            key="image-release",
        )
    return spec


def _version(spec: VendorFile, given: str | None) -> str:
    wanted = given or spec.version
    if wanted is None:
        raise UsageError(
            "The release has no version. Nothing was published.", "Write version: 1.0.0 into the file, or --version."
        )
    try:
        parse_version(wanted)
    except ValueError as error:
        raise UsageError(f"{error}. Nothing was published.", "Correct the version.", key="invalid-version") from None
    return wanted


def _manifest(spec: VendorFile, version: str, artifact: Archive) -> Manifest:
    fields = {name: getattr(spec, name) for name in type(spec).model_fields if name in Manifest.model_fields}
    return Manifest(**{**fields, "version": version, "artifact": artifact})


def _entry(manifest: Manifest, channels: Sequence[str], notes: str, now: str) -> IndexEntry:
    return IndexEntry(
        version=manifest.version,
        key=release_key(manifest.canonical()),
        channels=tuple(map(check_channel, channels)),
        requires=manifest.requires,
        irreversible=manifest.irreversible,
        notes=notes,
        published=now,
    )


def _published_before(app: str, there: IndexEntry, entry: IndexEntry) -> Published:
    if there.key != entry.key:
        raise Refused(
            f"{app} {there.version} is published already, with other content. Nothing was published.",
            "Give the release a new version: customers may run the published one.",
            key="version-taken",
        )
    return Published(there, app, False, f"{app} {there.version} is published already, exactly like this.")


def _adding(entry: IndexEntry) -> Callable[[Index], Index]:
    return lambda index: index.model_copy(update={"releases": (*index.releases, entry)})


def _note(before: Index, version: str) -> str:
    newest = max((parse_version(entry.version) for entry in before.releases), default=None)
    if newest is None or parse_version(version) > newest:
        return ""
    return f"{version} is older than {newest}, which is published: customers on that will not go to it."
