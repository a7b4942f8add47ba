"""Which releases of an index are offered to one installation: those that their rollouts have brought to it. Pure.

The hub can hold a rollout back (`held` of the index). It cannot push one: nothing that it says moves an installation
on.
"""

from __future__ import annotations

from .release import Index, IndexEntry
from .rollout import place_of


def is_in(entry: IndexEntry, seed: str, now: float) -> bool:
    return entry.rollout is None or place_of(seed, entry.key) < entry.rollout.share(now)


def offered_here(index: Index, seed: str, now: float, *, ahead: bool = False) -> Index:
    """The index without the releases whose rollout has not reached this installation, or is held back.

    `ahead`: the user does not wait for the ramp; what is held back stays so.
    """
    entries = [
        entry for entry in index.releases if entry.key not in index.held and (ahead or is_in(entry, seed, now))
    ]  # fmt: skip
    return index.changed(releases=tuple(entries))


def why_not_yet(index: Index, newest: IndexEntry, now: float) -> str:
    """A sentence about a release that `offered_here` left out."""
    if newest.key in index.held:
        return f"The rollout of {newest.version} is halted while the vendor looks into it."
    share = newest.rollout.share(now) if newest.rollout else 100.0
    return (
        f"{newest.version} is being rolled out to {share:g}% of all installations so far, and this one is not "
        f"included. To update anyway: discode update {index.app} --now"
    )
