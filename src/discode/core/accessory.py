"""What an app needs beside it and what outlives its releases: a database, a cache, a server of somebody else's."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from .artifact import Image, Resources
from .fields import Command, Entrypoint, Part, Port, Seconds, Slug, UrlPath, Variable, VolumePath
from .model import Check, Meta
from .names import KEY

Kind = Literal["postgres", "mariadb", "redis", "valkey"]
Form = Literal["url", "host", "port", "user", "password", "database"]  # what an app is told of one
PASSWORD = "password"  # what `${password}` in an accessory's variables stands for
Signal = Annotated[str, Meta(pattern=r"^SIG[A-Z]{2,10}[0-9]{0,2}\Z")]
# Numbers of a version that a new volume comes with: a later one reads the data of an earlier one by dump and restore.
GENERATION: dict[str, int] = {"postgres": 1, "mariadb": 2, "redis": 1, "valkey": 1}


def _name(value: str) -> str:
    if not _NAME.fullmatch(value):
        raise ValueError("1 to 20 lowercase letters and digits, starting with a letter: it is a host name for the app")
    if KEY.fullmatch(value):
        raise ValueError("a name that cannot be taken for a release's key")
    return value


# Without a dash: `a-b` beside `c` and `a` beside `b-c` would be one container. With the longest slug and a dash before
# it, it is a host name.
_NAME = re.compile(r"[a-z][a-z0-9]{0,19}")
AccessoryName = Annotated[str, Meta(pattern=rf"^{_NAME.pattern}\Z"), Check(_name)]


class AccessoryHealth(Part, frozen=True, kw_only=True):
    """A `command` in it that exits with 0, or GET `path` that answers 2xx; neither: a TCP connection to its port.
    Within `timeout`; a new one has `deadline` to get there."""

    command: Command | None = None
    path: UrlPath | None = None
    timeout: Seconds = 5.0
    deadline: Seconds = 120.0

    def __post_init__(self) -> None:
        if self.command is not None and self.path is not None:
            raise ValueError("give at most one of: command, path")


class Accessory(Part, frozen=True, kw_only=True):
    """As a release says it, whole: of a known `kind` the publish has filled in what the vendor need not say.

    `version`: of a known kind, as the vendor wrote it. `env`: texts that may be made of the app's settings and of
    `${password}`, which is generated once per installation. `stop`: seconds before SIGKILL. `stop_signal`: None for the
    image's own.
    """

    LATER: ClassVar[frozenset[str]] = frozenset()

    kind: Kind | None = None
    version: str = ""
    image: Image
    port: Port
    entrypoint: Entrypoint | None = None
    command: Command | None = None
    volumes: dict[Slug, VolumePath] = {}
    env: dict[Variable, str] = {}
    health: AccessoryHealth = AccessoryHealth()
    resources: Resources = Resources()
    stop: Seconds = 30.0
    stop_signal: Signal | None = None

    def __post_init__(self) -> None:
        if (self.kind is None) != (self.version == ""):
            raise ValueError("a known kind has a version, and nothing else has")

    @property
    def product(self) -> str:
        """What it is, for people."""
        return f"{self.kind} {self.version}" if self.kind else self.image.repository

    @property
    def generation(self) -> str:
        """Of its data: what a new major version of a database cannot read has another. Empty: there is one alone."""
        return ".".join(self.version.split(".")[: GENERATION.get(self.kind or "", 0)])


def volume_of(name: str, accessory: Accessory, volume: str) -> str:
    """What a volume of an accessory is called among the app's; a dot cannot stand in the name of one of the app's."""
    return ".".join(filter(None, (name, volume, accessory.generation)))
