"""References to images as people write them: `registry.example.com/acme/myapp:1.2.0`, `myapp@sha256:…`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import UsageError

HUB, HUB_API = ("docker.io", "index.docker.io"), "registry-1.docker.io"
_NAME = r"(?P<name>[a-z0-9][a-z0-9._/:-]*?[a-z0-9])"
_TAG = r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127}))?"
_REFERENCE = re.compile(rf"{_NAME}{_TAG}(?:@(?P<digest>sha256:[0-9a-f]{{64}}))?")


@dataclass(frozen=True)
class Reference:
    """`repository` is as it was written; `host` and `path` are where the registry's API has it."""

    repository: str
    tag: str | None
    digest: str | None

    @property
    def host(self) -> str:
        first = self.repository.partition("/")[0]
        named = "/" in self.repository and ("." in first or ":" in first or first == "localhost")
        return first if named and first not in HUB else HUB_API

    @property
    def path(self) -> str:
        first, _, rest = self.repository.partition("/")
        if self.host != HUB_API:
            return rest
        path = rest if first in HUB else self.repository
        return path if "/" in path else f"library/{path}"

    def __str__(self) -> str:
        tag, digest = f":{self.tag}" if self.tag else "", f"@{self.digest}" if self.digest else ""
        return f"{self.repository}{tag}{digest}"


def parse(text: str) -> Reference:
    """Raises UsageError."""
    match = _REFERENCE.fullmatch(text)
    # A colon that is followed by a slash belongs to the registry's port, which the pattern's greed may not see.
    if match is None or match["name"].endswith("/"):
        raise UsageError(
            f"{text!r} is not an image reference. Nothing was published.",
            "For example: image: registry.example.com/acme/myapp:1.2.0",
            key="invalid-image",
        )
    return Reference(match["name"], match["tag"], match["digest"])
