"""What a release is made of, and what it may use: an archive or an image, memory and CPUs."""

from __future__ import annotations

from typing import Annotated, Literal

from .fields import Bytes, Part, Platform, Repository, Sha256
from .model import Meta

KINDS: tuple[Literal["archive", "image"], ...] = ("archive", "image")


class Archive(Part, frozen=True, kw_only=True, tag_field="kind", tag="archive"):
    """A tar archive, by content. `path` is its name among the TUF targets."""

    path: str
    sha256: Sha256
    length: Annotated[int, Meta(gt=0)]
    unpacked: Annotated[int, Meta(ge=0)]  # bytes of all files together: the bound that a bomb breaks

    @property
    def kind(self) -> Literal["archive"]:
        return "archive"


class Image(Part, frozen=True, kw_only=True, tag_field="kind", tag="image"):
    """A container image, by digest: `registry.example.com/acme/myapp@sha256:…`."""

    repository: Repository
    digest: Annotated[str, Meta(pattern=r"^sha256:[0-9a-f]{64}\Z")]
    platforms: tuple[Platform, ...] = ()  # those that the vendor promises; empty: not known
    length: Annotated[int, Meta(ge=0)] = 0  # bytes of the layers of the largest platform, as they are transferred

    @property
    def kind(self) -> Literal["image"]:
        return "image"

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"


class Resources(Part, frozen=True, kw_only=True):
    memory: Bytes | None = None
    cpus: Annotated[float, Meta(gt=0, le=1024)] | None = None
