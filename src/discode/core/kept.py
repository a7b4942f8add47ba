"""What an app that is not installed has left on this host: its data and settings, for the next install or a purge."""

from __future__ import annotations

from typing import Literal

from .fields import Slug
from .model import Model

SCHEMA = 1


class Kept(Model, frozen=True, kw_only=True):
    """`kind` says where its data is; None, and no version nor source, when no file tells."""

    kept_schema: int = SCHEMA
    app: Slug
    kind: Literal["archive", "image"] | None = None
    version: str | None = None
    source: str | None = None
