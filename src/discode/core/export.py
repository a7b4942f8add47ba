"""The head of an exported file: what is in it, readable by everybody who has the file. The rest is encrypted."""

from __future__ import annotations

from .fields import Slug
from .model import Model

SCHEMA = 1
LEAST = 8  # characters of a passphrase


class ExportHead(Model, frozen=True, kw_only=True):
    """`taken`: Unix time; `size`: bytes of the repository in it; `discode`: the version that made it."""

    export_schema: int = SCHEMA
    app: Slug
    version: str
    taken: float
    size: int
    discode: str
