"""Staged rollouts: the vendor signs a ramp, each installation decides for itself. Pure.

An installation has a private random seed that never leaves it. With the release's key that gives it a place between 0
and 100, the same at every look, another for each release; it is in when the ramp's share has reached its place.
"""

from __future__ import annotations

import hashlib
import re
from typing import Annotated

from .errors import UsageError
from .model import Meta, Model
from .quantity import parse_duration

Percent = Annotated[float, Meta(ge=0, le=100)]
_STAGE = re.compile(r"(\d+(?:\.\d+)?)%(?:@(\S+))?")


class Stage(Model, frozen=True, kw_only=True):
    """From `after` seconds on, `share` percent of the installations."""

    after: Annotated[float, Meta(ge=0, le=400 * 86400)]
    share: Percent


class Rollout(Model, frozen=True, kw_only=True):
    """`started` is Unix time. It halts by itself when more than `halt_at` percent of the installations that reported
    failed, once `halt_reports` have; None: never."""

    started: float
    stages: Annotated[tuple[Stage, ...], Meta(min_length=1, max_length=50)]
    halt_at: Percent | None = None
    halt_reports: Annotated[int, Meta(ge=1, le=1_000_000)] = 20

    def __post_init__(self) -> None:
        pairs = [(stage.after, stage.share) for stage in self.stages]
        if pairs != sorted(pairs) or [share for _, share in pairs] != sorted(share for _, share in pairs):
            raise ValueError("a ramp only grows: list its stages in order of time and share")

    def share(self, now: float) -> float:
        """Percent of the installations at `now`, Unix time; a clock that is behind sees the first stage at most."""
        reached = [stage.share for stage in self.stages if stage.after <= now - self.started]
        return reached[-1] if reached else 0.0


def place_of(seed: str, key: str) -> float:
    """Where an installation stands in the rollout of a release: from 0 to just under 100, evenly spread."""
    digest = hashlib.sha256(f"{key}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64 * 100


def must_halt(rollout: Rollout, failed: int, reported: int) -> bool:
    """By the numbers of installations that reported, and of those among them that failed; each counts once."""
    if rollout.halt_at is None or reported < rollout.halt_reports:
        return False
    return failed * 100 > rollout.halt_at * reported


def parse_ramp(text: str, started: float, halt_at: float | None, halt_reports: int) -> Rollout:
    """`5%,25%@24h,100%@72h`: shares, each from a time after the begin on. Raises UsageError."""
    matches = [_STAGE.fullmatch(part.strip()) for part in text.split(",")]
    try:
        stages = [{"after": parse_duration(m[2]) if m[2] else 0.0, "share": float(m[1])} for m in matches if m]
        if len(stages) != len(matches):
            raise ValueError("each stage is a share and a time")
        return Rollout.checked(started=started, stages=stages, halt_at=halt_at, halt_reports=halt_reports)
    except ValueError:
        raise UsageError(
            f"{text!r} is not a ramp. A ramp is a list of growing shares, each with the time it starts. "
            "Nothing was published.",
            "For example: --ramp 5%,25%@24h,100%@72h",
            key="invalid-ramp",
        ) from None
