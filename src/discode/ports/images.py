"""The vendor's image registry: what a tag stands for, at the moment of publishing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..core.manifest import Image


@dataclass(frozen=True)
class Resolved:
    """What a reference stands for now. `ports` and `volumes` are those that the image itself declares."""

    image: Image
    ports: tuple[int, ...] = ()
    volumes: tuple[str, ...] = ()


class ImageRegistry(Protocol):
    def resolve(self, reference: str) -> Resolved:
        """`repository:tag`, `repository@digest` or both. Raises Refused (there is none, no right to see it, the tag
        is not that digest), UsageError (no reference), SourceUnreachable."""
