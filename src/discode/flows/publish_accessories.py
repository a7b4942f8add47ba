"""What a release's accessories are made of: their images, by digest, looked at as the app's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from ..core.accessory import Accessory
from ..core.accessory_kinds import KINDS
from ..core.accessory_spec import AccessorySpec
from ..core.errors import DiscodeError, Refused, SourceUnreachable
from ..core.vendor_file import VendorFile
from ..ports.images import ImageRegistry, Resolved


@dataclass(frozen=True)
class Accompanied:
    """The accessories by name, and what the vendor should know of them."""

    accessories: dict[str, Accessory] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def accompanied(
    registry: ImageRegistry, spec: VendorFile, promised: Sequence[str], platforms: Sequence[str]
) -> Accompanied:
    """`promised` are the platforms that each image has to have; `platforms` those of the app's own. Raises Refused when
    one lacks such a platform, another port or another version; SourceUnreachable."""
    made, notes = {}, []
    for name, one in spec.accessories.items():
        resolved = _resolved(registry, name, one)
        _check(name, one, resolved, promised)
        image = resolved.image.changed(platforms=tuple(promised) or resolved.image.platforms)
        made[name] = one.released(image)
        notes += _notes(name, made[name], resolved, () if promised else platforms)
    return Accompanied(made, tuple(notes))


def must_be_unmoved(registry: ImageRegistry, spec: VendorFile, made: Accompanied) -> None:
    """Raises Refused when a tag stands for another image than before."""
    for name, one in spec.accessories.items():
        if _resolved(registry, name, one).image.digest != made.accessories[name].image.digest:
            raise Refused(
                f"{one.reference}, the image of {name}, was moved to another one during the publish. "
                "Nothing was published.",
                "Publish again.",
                key="tag-moved",
            )


def _resolved(registry: ImageRegistry, name: str, one: AccessorySpec) -> Resolved:
    try:
        return registry.resolve(one.reference)
    except DiscodeError as error:
        raise type(error)(
            f"The image of {name}, {one.reference}: {error.sentence}", _next_step(name, one, error), key=error.name
        ) from error


def _next_step(name: str, one: AccessorySpec, error: DiscodeError) -> str:
    if error.name not in (SourceUnreachable.key, "image-missing"):
        return error.next_step
    if one.kind is None or one.image is not None:
        return f"Check image: of {name} in the file, and the network."
    copy = f'{{{one.kind}: "{one.version}", image: registry.example.com/acme/{one.kind}:{one.version}}}'
    return f"Check the version and the network, or have a copy in a registry of your own: {name}: {copy}"


def _check(name: str, one: AccessorySpec, resolved: Resolved, promised: Sequence[str]) -> None:
    absent = [platform for platform in promised if platform not in resolved.image.platforms]
    if absent:
        raise Refused(
            f"The image of {name}, {one.reference}, lacks {', '.join(absent)}; it has "
            f"{', '.join(resolved.image.platforms)}. Nothing was published.",
            "Choose one that has all platforms of the file.",
            key="platform-missing",
        )
    port = KINDS[one.kind].port if one.kind else one.port
    if resolved.ports and port not in resolved.ports:
        fix = f"Give the image of a {one.kind}." if one.kind else f"Fix port: of {name} in the file, or EXPOSE in it."
        raise Refused(
            f"The image of {name}, {one.reference}, declares port {', '.join(map(str, resolved.ports))} and not "
            f"{port}. Nothing was published.",
            fix,
            key="port-mismatch",
        )
    _check_version(name, one, resolved)


def _check_version(name: str, one: AccessorySpec, resolved: Resolved) -> None:
    """By the variable that official images and those made from them have. The data is read by what is in the image."""
    said = resolved.env.get(KINDS[one.kind].says) if one.kind else None
    if said is None:
        return
    wanted, has = one.version.split("."), said.partition(":")[2] or said
    numbers = has.partition("-")[0].partition("+")[0].split(".")
    if any(ours != theirs for ours, theirs in zip(wanted, numbers, strict=False)):
        raise Refused(
            f"The image of {name}, {one.reference}, has {one.kind} {said}, but the file says {one.version}. "
            "Nothing was published.",
            f"Write the version that is in the image: {name}: {{{one.kind}: …}}",
            key="version-mismatch",
        )


def _notes(name: str, made: Accessory, resolved: Resolved, platforms: Sequence[str]) -> list[str]:
    notes = []
    if absent := [platform for platform in platforms if platform not in resolved.image.platforms]:
        notes.append(
            f"The image of {name} lacks {', '.join(absent)}, which the app's own has: customers with such a machine "
            "cannot install this release."
        )
    if lost := [path for path in resolved.volumes if path not in made.volumes.values()]:
        notes.append(
            f"The image of {name} declares VOLUME {', '.join(lost)}, which its volumes: in the file do not have: "
            "what it writes there is gone with its next change."
        )
    return notes
