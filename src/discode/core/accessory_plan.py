"""Which accessories one release may have after another: none that would lose its data, or could not read it."""

from __future__ import annotations

from collections.abc import Mapping

from .accessory import Accessory
from .accessory_kinds import is_older
from .errors import Refused
from .external import options, variables_of, wanted_accessories
from .installation import Installation
from .release import Release


def check_accessories(
    installation: Installation, release: Release, now: Mapping[str, str], then: Mapping[str, str]
) -> None:
    """Raises Refused for a database that is older in `release`, and for another thing under the name of one. `now` and
    `then` are the settings: what the customer has elsewhere is theirs, and is not left for an empty one."""
    here, after = wanted_accessories(installation.release.manifest, now), wanted_accessories(release.manifest, then)
    for name in installation.release.manifest.accessories:
        if name in after and name not in here:
            raise _elsewhere(installation, release, name)
    for name, before in here.items():
        if name in after and (why := unreadable(name, before, after[name])):
            raise Refused(
                f"{installation.app} cannot go from {installation.version} to {release.version}: {why}. "
                "Nothing was changed.",
                _next_step(installation, release, name),
                key="accessory-data",
            )


def unreadable(name: str, before: Accessory, after: Accessory) -> str | None:
    """Why `after` cannot go on with the data of `before`, in words that follow a colon."""
    if before.kind != after.kind:
        return f"{name} is {before.product} here and {after.product} there, which cannot read its data"
    if before.kind is not None and is_older(before.kind, after.version, before.version):
        return f"{name} is {before.product} here, and {after.product}, which is older, cannot read its data"
    return None


def _elsewhere(installation: Installation, release: Release, name: str) -> Refused:
    variables = variables_of(release.manifest, name)
    told = f"is told of it by {', '.join(variables)}" if variables else "cannot be told of it"
    return Refused(
        f"{installation.app} uses the {name} at your address, and {release.version} {told}: it would begin with an "
        "empty one. Nothing was changed.",
        f"Run the command again with: {options(variables)}" if variables else "Ask the vendor.",
        key="accessory-elsewhere",
    )


def _next_step(installation: Installation, release: Release, name: str) -> str:
    if installation.is_newer_than(release):
        return "Go forward to a newer release, or restore a backup from before."
    return f"Ask the vendor for a release that keeps {name} as it is, or has the new one under another name."
