"""The vendor's flows: publish a release, take one back. Keys and bytes are the repository's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from ..core import platform
from ..core.artifact import Archive, Image
from ..core.errors import Refused, UsageError
from ..core.manifest import WITH_ACCESSORIES, WITH_DOORS, WITH_ENTRYPOINT, Manifest, release_key
from ..core.names import check_channel
from ..core.release import Index, IndexEntry, manifest_path
from ..core.rollout import Rollout
from ..core.started import check_started
from ..core.vendor_file import VendorFile, parse_vendor_file
from ..core.version import parse_version
from ..ports.images import ImageRegistry, Resolved
from ..ports.repository import Repository
from .publish_accessories import Accompanied, accompanied, must_be_unmoved


@dataclass(frozen=True)
class Published:
    """`is_new` is false when the same release was there already. `note` is a sentence, or empty."""

    entry: IndexEntry
    app: str
    is_new: bool
    note: str = ""


@dataclass(frozen=True)
class Marks:
    """For hosts that update by themselves, see `IndexEntry`. None: as it is."""

    urgent: bool | None = None
    needs_consent: bool | None = None

    def changes(self) -> dict[str, bool]:
        told = {"urgent": self.urgent, "needs_consent": self.needs_consent}
        return {name: value for name, value in told.items() if value is not None}


@dataclass(frozen=True)
class Offer:
    """To whom a release is offered, and what they are told. `published` is ISO 8601."""

    channels: tuple[str, ...]
    notes: str
    published: str
    rollout: Rollout | None
    another_kind: bool = False  # than the releases before, whose customers cannot update to it
    marks: Marks = Marks()


def publish(
    repository: Repository,
    registry: ImageRegistry,
    file: Path,
    *,
    version: str | None,
    image: str | None = None,
    channels: Sequence[str],
    notes: str,
    now: str,
    rollout: Rollout | None = None,
    another_kind: bool = False,
    marks: Marks = Marks(),
) -> Published:
    """Publish what `file`, a discode.yml, describes; `image` instead of the one in it. The same release again is a
    no-op. `another_kind`: an image after archives, or the other way round, is what the vendor wants.

    The vendor's root is renewed first when that is due. Raises ManifestError, UsageError, or Refused when another
    release has the version already, when the image is not what the file promises, when no customer could update to it,
    or when the root has ended and its keys are not at hand.
    """
    spec, offer = _read(file), Offer(tuple(map(check_channel, channels)), notes, now, rollout, another_kind, marks)
    wanted = _version(spec, version)
    repository.renew_root()
    if spec.archive is not None:
        beside = accompanied(registry, spec, (), ())
        done = _publish_archive(repository, registry, spec, file.parent / spec.archive, wanted, offer, beside)
        return _noted(done, beside.notes)
    reference = _reference(image or spec.image or "", wanted)
    resolved = registry.resolve(reference)
    told, promised = [_told_of(spec, resolved), check_image(spec, resolved)], _promised(spec)
    artifact = resolved.image.changed(platforms=promised or resolved.image.platforms)
    beside = accompanied(registry, spec, promised, artifact.platforms)
    manifest = _manifest(spec, wanted, artifact, beside)

    def unmoved() -> None:
        must_be_unmoved(registry, spec, beside)
        if registry.resolve(reference).image.digest != artifact.digest:
            raise Refused(
                f"{reference} was moved to another image during the publish. Nothing was published.",
                "Find out who pushes to it, then publish again.",
                key="tag-moved",
            )

    done = _publish(repository, offer, manifest, {}, unmoved)
    return _noted(done, (*told, *beside.notes))


def _noted(done: Published, notes: Sequence[str]) -> Published:
    return done if done.note else replace(done, note=" ".join(filter(None, notes)))


def check_image(spec: VendorFile, resolved: Resolved) -> str:
    """What the vendor should know of it, or an empty text. Raises Refused when a promised platform is not there, the
    port is none that the image declares, or the file's commands would not be run."""
    absent = [name for name in _promised(spec) if name not in resolved.image.platforms]
    if absent:
        raise Refused(
            f"The image lacks {', '.join(absent)}; it has {', '.join(resolved.image.platforms)}. "
            "Nothing was published.",
            "Build it for all platforms of the file (docker buildx build --platform …), push, and publish again.",
            key="platform-missing",
        )
    if resolved.ports and spec.port not in resolved.ports:
        raise Refused(
            f"The image declares port {', '.join(map(str, resolved.ports))}, but the file says port: {spec.port}. "
            "Nothing was published.",
            "Fix port: in the file, or EXPOSE in the image.",
            key="port-mismatch",
        )
    return check_started(spec, resolved.started)


def _promised(spec: VendorFile) -> tuple[str, ...]:
    """In the spelling that images have: `linux/arm64/v8` is `linux/arm64`."""
    return tuple(dict.fromkeys(str(platform.of(text)) for text in spec.platforms))


def _told_of(spec: VendorFile, resolved: Resolved) -> str:
    lost = [path for path in resolved.volumes if path not in spec.volume_paths.values()]
    if not lost:
        return ""
    return (
        f"The image declares VOLUME {', '.join(lost)}, which volumes: in the file does not have: "
        "what the app writes there is gone with the next update."
    )


def _reference(image: str, version: str) -> str:
    """Without a tag, the version is the tag. Raises UsageError for a version that cannot be one."""
    last = image.rpartition("/")[2]
    if ":" in last or "@" in last:
        return image
    if "+" in version:
        raise UsageError(
            f"The version {version} has a plus, and an image's tag cannot have one. Nothing was published.",
            f"Give the tag: image: {image}:{version.replace('+', '-')} in the file, or --image.",
            key="invalid-version",
        )
    return f"{image}:{version}"


def _publish_archive(
    repository: Repository,
    registry: ImageRegistry,
    spec: VendorFile,
    source: Path,
    version: str,
    offer: Offer,
    beside: Accompanied,
) -> Published:
    artifact, packed = repository.pack(spec.app, source)
    try:
        manifest = _manifest(spec, version, artifact, beside)
        files: dict[str, bytes | Path] = {artifact.path: packed}
        unmoved = partial(must_be_unmoved, registry, spec, beside)
        return _publish(repository, offer, manifest, files, unmoved)
    finally:
        packed.unlink(missing_ok=True)


def _publish(
    repository: Repository,
    offer: Offer,
    manifest: Manifest,
    files: dict[str, bytes | Path],
    last_look: Callable[[], None],
) -> Published:
    """`last_look` raises when what is published has changed meanwhile."""
    before, entry = repository.index(manifest.app), _entry(manifest, offer)
    if (there := before.entry(entry.version)) is not None:
        return _published_before(manifest.app, there, entry)
    _is_no_other_spelling(manifest.app, entry.version, before)
    if not offer.another_kind:
        _is_of_the_same_kind(repository, manifest, before)
    last_look()
    repository.publish(
        manifest.app, {manifest_path(manifest.app, entry.key): manifest.canonical(), **files}, _adding(entry)
    )
    return Published(entry, manifest.app, True, _note(before, entry.version))


def withdraw(repository: Repository, app: str, version: str, reason: str) -> IndexEntry:
    """Nobody is offered the release any more; who has it keeps it. Raises Refused when there is none."""
    return _change_entry(repository, app, version, lambda entry: entry.changed(yanked=reason))


def promote(repository: Repository, app: str, version: str, channels: Sequence[str], *, only: bool) -> IndexEntry:
    """The release is offered in `channels` too, or in these alone. Raises Refused when there is none."""

    def change(entry: IndexEntry) -> IndexEntry:
        names = dict.fromkeys([*(() if only else entry.channels), *map(check_channel, channels)])
        return entry.changed(channels=tuple(names))

    return _change_entry(repository, app, version, change)


def set_rollout(repository: Repository, app: str, version: str, rollout: Rollout | None) -> IndexEntry:
    """Another ramp, or the next step by hand; None: everybody. Raises Refused when there is no such release."""
    return _change_entry(repository, app, version, lambda entry: entry.changed(rollout=rollout))


def mark(repository: Repository, app: str, version: str, marks: Marks) -> IndexEntry:
    """Raises Refused when there is no such release."""
    return _change_entry(repository, app, version, lambda entry: entry.changed(**marks.changes()))


def _change_entry(
    repository: Repository, app: str, version: str, change_one: Callable[[IndexEntry], IndexEntry]
) -> IndexEntry:
    def change(index: Index) -> Index:
        if index.entry(version) is None:
            raise Refused(f"{app} has no release {version}. Nothing was changed.", "See: discode release list")
        releases = [change_one(entry) if entry.version == version else entry for entry in index.releases]
        return index.changed(releases=tuple(releases))

    repository.renew_root()
    entry = repository.publish(app, {}, change).entry(version)
    assert entry is not None
    return entry


def _read(file: Path) -> VendorFile:
    try:
        text = file.read_text()
    except UnicodeDecodeError:
        raise UsageError(f"{file} is not text. Nothing was published.", "Save it as UTF-8.") from None
    except OSError as error:
        raise UsageError(
            f"{file} cannot be read: {error.strerror}. Nothing was published.",
            "Give the app's file with --file; `discode release publish --help` shows one.",
        ) from None
    return parse_vendor_file(text, file.name)


def _version(spec: VendorFile, given: str | None) -> str:
    wanted = given or spec.version
    if wanted is None:
        raise UsageError(
            "The release has no version. Nothing was published.", "Add version: 1.0.0 to the file, or give --version."
        )
    try:
        parse_version(wanted)
    except ValueError as error:
        raise UsageError(f"{error}. Nothing was published.", "Fix the version.", key="invalid-version") from None
    return wanted


def _manifest(spec: VendorFile, version: str, artifact: Archive | Image, beside: Accompanied) -> Manifest:
    fields = {name: getattr(spec, name) for name in spec.__struct_fields__ if name in Manifest.__struct_fields__}
    own = {"manifest_schema": _schema(spec), "version": version, "artifact": artifact, "volumes": spec.volume_paths}
    parts = {"processes": spec.commands, "doors": spec.doors, "accessories": beside.accessories}
    return Manifest.checked(**{**fields, **own, **parts})


def _schema(spec: VendorFile) -> int:
    """The least that knows all that the file says: customers with an older Discode get what they can run."""
    if spec.accessories:
        return WITH_ACCESSORIES
    if spec.doors:
        return WITH_DOORS
    return 1 if spec.entrypoint is None else WITH_ENTRYPOINT


def _entry(manifest: Manifest, offer: Offer) -> IndexEntry:
    return IndexEntry(
        version=manifest.version,
        key=release_key(manifest.canonical()),
        channels=offer.channels,
        requires=manifest.requires,
        irreversible=manifest.irreversible,
        notes=offer.notes,
        published=offer.published,
        rollout=offer.rollout,
        urgent=bool(offer.marks.urgent),
        needs_consent=bool(offer.marks.needs_consent),
    )


def _is_no_other_spelling(app: str, version: str, before: Index) -> None:
    """Raises Refused: customers on the one would never be offered the other."""
    same = [entry.version for entry in before.releases if parse_version(entry.version) == parse_version(version)]
    if same:
        raise Refused(
            f"{version} is the same version as {same[0]}, which is already published of {app}. Nothing was published.",
            "Give the release a new version: a higher number, not another spelling.",
            key="version-taken",
        )


def _is_of_the_same_kind(repository: Repository, manifest: Manifest, before: Index) -> None:
    """Raises Refused: an update to it would be refused on every customer's machine, see `core.plan.check_kind`."""
    offered = [entry for entry in before.releases if entry.yanked is None]
    earlier = [one for one in offered if parse_version(one.version) < parse_version(manifest.version)]
    if not earlier:
        return
    last = repository.release(manifest.app, max(earlier, key=lambda entry: parse_version(entry.version)))
    was, is_now = last.manifest.artifact.kind, manifest.artifact.kind
    if was == is_now:
        return
    kinds = {"archive": "an archive", "image": "an image"}
    raise Refused(
        f"{manifest.app} {last.version} is {kinds[was]}, and {manifest.version} is {kinds[is_now]}: no customer could "
        "update to it, for their data would not come along. Nothing was published.",
        "Publish it as another app, with a slug of its own. If your customers are to move by hand, with uninstall and "
        "install: --another-kind",
        key="another-kind",
    )


def _published_before(app: str, there: IndexEntry, entry: IndexEntry) -> Published:
    if there.key != entry.key:
        raise Refused(
            f"{app} {there.version} is already published with different content. Nothing was published.",
            "Give the release a new version: customers may run the published one.",
            key="version-taken",
        )
    return Published(there, app, False, f"{app} {there.version} is already published, with the same content.")


def _adding(entry: IndexEntry) -> Callable[[Index], Index]:
    return lambda index: index.changed(releases=(*index.releases, entry))


def _note(before: Index, version: str) -> str:
    newest = max((parse_version(entry.version) for entry in before.releases), default=None)
    if newest is None or parse_version(version) > newest:
        return ""
    return f"{version} is older than {newest}, which is already published: customers on {newest} will not update to it."
