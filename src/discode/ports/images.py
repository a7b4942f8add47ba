"""The vendor's image registry: what a tag stands for, at the moment of publishing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from ..core.artifact import Image
from ..core.started import Started


@dataclass(frozen=True)
class Resolved:
    """What a reference stands for now. The others are what the image itself declares."""

    image: Image
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()
    started: Started = field(default_factory=Started)
    env: dict[str, str] = field(default_factory=dict)


class ImageRegistry(Protocol):
    def resolve(self, reference: str) -> Resolved:
        """`repository:tag`, `repository@digest` or both. Raises Refused (there is none, no right to see it, the tag
        is not that digest), UsageError (no reference), SourceUnreachable."""
