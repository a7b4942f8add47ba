"""Which release comes next for an installation, by the signed index. Pure: the index was verified before."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from .address import without_login
from .errors import Refused
from .installation import BadRelease, Installation
from .offer import offered_here, why_not_yet
from .release import Index, IndexEntry, Release
from .version import parse_version, satisfies


@dataclass(frozen=True)
class NothingToDo:
    """`reason` is a sentence for people."""

    reason: str


@dataclass(frozen=True)
class Step:
    """The release to go to now. `target` is where the steps end: another entry where intermediate ones are due."""

    entry: IndexEntry
    target: IndexEntry


def withdrawn(installation: Installation, index: Index) -> str | None:
    """Why the vendor took back the release that serves, in the vendor's words; None: it was not taken back."""
    entry = index.entry(installation.version)
    if entry is None or entry.key != installation.release.key or entry.yanked is None:
        return None
    return " ".join(entry.yanked.split()) or "no reason given"


def warning_of(installation: Installation, reason: str | None) -> str:
    """What is said of a release that serves and was taken back; empty when it was not."""
    if reason is None:
        return ""
    back = f" To go back: discode rollback {installation.app}" if installation.previous else ""
    return f"The vendor withdrew {installation.version}, which is installed here: {reason.rstrip('.')}.{back}"


def newest(index: Index, channel: str, avoid: Collection[str] = ()) -> IndexEntry | None:
    """The highest version of a channel that is not yanked and whose key is not in `avoid`."""
    offered = [entry for entry in _offered(index, channel) if entry.key not in avoid]
    return max(offered, key=lambda entry: parse_version(entry.version), default=None)


def plan_install(index: Index, channel: str, to: str | None, seed: str = "", now: float = 0.0) -> IndexEntry:
    """The release that a new installation begins with; `seed` and `now` as in rollouts. Raises Refused.

    Where every release is still being rolled out, the newest that is not held back: something has to be the first.
    """
    if to is not None:
        return _named(index, to)
    here, soon = offered_here(index, seed, now), offered_here(index, seed, now, ahead=True)
    entry = newest(here, channel) or newest(soon, channel)
    if entry is None:
        channels = sorted({name for release in index.releases for name in release.channels})
        raise Refused(
            f"{index.app} has no release in the channel {channel}. Nothing was installed.",
            f"Choose one with --channel: {', '.join(channels)}." if channels else "Ask the vendor for a release.",
            key="no-release",
        )
    return entry


def plan_update(
    installation: Installation,
    index: Index,
    to: str | None,
    avoid: Mapping[str, BadRelease] = {},
    now: float = 0.0,
    ahead: bool = False,
) -> NothingToDo | Step:
    """The next step towards `to`, or towards the newest release of the channel but those in `avoid`.

    `now` is Unix time, for rollouts; `ahead`: do not wait for them. Raises Refused.
    """
    everything, index = index, offered_here(index, installation.seed, now, ahead=ahead or to is not None)
    target = _named(everything, to) if to is not None else newest(index, installation.channel, avoid)
    if target is None or not _is_ahead(target, installation):
        waiting = newest(everything, installation.channel, avoid)
        if to is None and waiting is not None and _is_ahead(waiting, installation):
            return NothingToDo(f"{why_not_yet(everything, waiting, now)} {index.app} stays at {installation.version}.")
        return _nothing(installation, index, to, target, avoid)
    return Step(_reachable(installation, index, target), target)


def plan_rollback(installation: Installation, to: str | None) -> Release:
    """The release to go back to: `to`, or the newest kept one that is older, or else the one before.

    Raises Refused when there is none, or when the way back is closed.
    """
    kept = [release for release in installation.previous if to in (None, release.version)]
    if not kept:
        names = ", ".join(release.version for release in installation.previous) or "none"
        raise Refused(
            f"{installation.app} has no earlier release{f' {to}' if to else ''} to go back to. Nothing was changed.",
            f"Kept for a rollback: {names}.",
            key="nothing-to-roll-back-to",
        )
    release = next((release for release in kept if installation.is_newer_than(release)), kept[0])
    if installation.is_newer_than(release) and installation.release.manifest.irreversible:
        raise Refused(
            f"{installation.app} {installation.version} changed the data in a way that {release.version} cannot "
            "read, says the vendor. Nothing was changed.",
            "Go forward to a newer release, or restore a backup.",
            key="irreversible",
        )
    return release


def past_migrations(installation: Installation, release: Release) -> tuple[str, ...]:
    """The versions between, the one that serves among them, whose release commands have changed the data since
    `release` ran: it may not be able to read it any more."""
    since = parse_version(release.version)
    crossed = [one for one in (installation.release, *installation.previous) if parse_version(one.version) > since]
    return tuple(one.version for one in crossed if one.manifest.release_command is not None)


def check_kind(installation: Installation, release: Release) -> None:
    """Raises Refused for a release of the other kind: its data would be elsewhere, and what runs it may be, too."""
    is_now, would_be = installation.kind, release.manifest.artifact.kind
    if is_now == would_be:
        return
    app, kinds = installation.app, {"archive": "an archive (plain processes)", "image": "a container image (Docker)"}
    raise Refused(
        f"{app} {release.version} is {kinds[would_be]}, and {installation.version}, which is serving, is "
        f"{kinds[is_now]}: an update cannot take its data along. Nothing was changed.",
        f"Ask the vendor for a release of the same kind. To change over: save the app's data, discode uninstall {app}, "
        f"discode install {app} --from {without_login(installation.source)}, then put the data into its new volumes.",
        key="another-kind",
    )


def _is_ahead(target: IndexEntry, installation: Installation) -> bool:
    return parse_version(target.version) > parse_version(installation.version)


def _nothing(
    installation: Installation, index: Index, to: str | None, target: IndexEntry | None, avoid: Mapping[str, BadRelease]
) -> NothingToDo:
    """Why there is nothing to do. Raises Refused when the user named an older release."""
    if to is not None and target is not None and target.key != installation.release.key:
        raise Refused(
            f"{to} is older than {installation.version}, which is installed. Nothing was changed.",
            f"To go back, use: discode rollback {index.app} --to {to}",
            key="older-version",
        )
    best = newest(index, installation.channel)
    if best is not None and best.key in avoid and _is_ahead(best, installation):
        return NothingToDo(_why_avoided(avoid[best.key], installation))
    if best is None:
        return NothingToDo(f"{index.app} has no release in the channel {installation.channel}.")
    if best.key == installation.release.key or to is not None:
        return NothingToDo(f"{index.app} {installation.version} is up to date.")
    return NothingToDo(f"{index.app} {installation.version} is newer than any release on offer.")


def _why_avoided(bad: BadRelease, installation: Installation) -> str:
    app, stays = installation.app, f"{installation.app} stays at {installation.version}"
    if bad.was_left:
        return (
            f"You went back from {bad.version}, so updates skip it. {stays}; "
            f"to return: discode update {app} --to {bad.version}"
        )
    return f"{bad.version} failed here before: {bad.reason} {stays}; to try again: discode update {app} --retry"


def _offered(index: Index, channel: str) -> list[IndexEntry]:
    return [entry for entry in index.releases if channel in entry.channels and entry.yanked is None]


def _named(index: Index, version: str) -> IndexEntry:
    entry = index.entry(version)
    if entry is None:
        raise Refused(
            f"{index.app} has no release {version}. Nothing was changed.",
            f"To see what is available: discode update {index.app} --check",
            key="no-such-version",
        )
    if entry.key in index.held:
        raise Refused(
            f"The rollout of {index.app} {version} is halted. Nothing was changed.",
            "Wait until the vendor resumes it, or ask the vendor.",
            key="rollout-halted",
        )
    if entry.yanked is not None:
        raise Refused(
            f"The vendor withdrew {index.app} {version}: {entry.yanked}. Nothing was changed.",
            f"Update to the newest release instead: discode update {index.app}",
            key="yanked",
        )
    return entry


def _reachable(installation: Installation, index: Index, target: IndexEntry) -> IndexEntry:
    """The target, or the newest release on the way to it that this installation satisfies."""
    wanted = target
    for _ in index.releases:
        if satisfies(installation.version, wanted.requires):
            return wanted
        step = _step_before(installation, index, wanted)
        if step is None:
            break
        wanted = step
    raise Refused(
        f"{index.app} {target.version} requires {wanted.requires}; {installation.version} is installed, and "
        "no release bridges the two. Nothing was changed.",
        "Ask the vendor which release to install first.",
        key="requires",
    )


def _step_before(installation: Installation, index: Index, wanted: IndexEntry) -> IndexEntry | None:
    """The newest release between here and `wanted` from which `wanted` can be reached."""
    here, there = parse_version(installation.version), parse_version(wanted.version)
    between = [
        entry
        for entry in _offered(index, installation.channel)
        if here < parse_version(entry.version) < there and satisfies(entry.version, wanted.requires)
    ]
    return max(between, key=lambda entry: parse_version(entry.version), default=None)
