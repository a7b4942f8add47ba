"""What the vendor says of a release. The release key is computed from it, so it never changes once published."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from .names import SLUG
from .quantity import parse_duration, parse_size
from .version import parse_requirement, parse_version

SCHEMA = 1  # raised when an older Discode could misread a manifest; it then refuses the release


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


def _slug(value: str) -> str:
    if not SLUG.fullmatch(value):
        raise ValueError("1 to 40 lowercase letters, digits and dashes, starting with a letter")
    return value


def _version(value: str) -> str:
    parse_version(value)
    return value


def _requirement(value: str) -> str:
    parse_requirement(value)
    return value


def _variable(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError(f"{value!r} is not a valid name for an environment variable")
    if value == "PORT" or value.startswith("DISCODE_"):
        raise ValueError(f"{value} is set by Discode")
    return value


def _url_path(value: str) -> str:
    if not re.fullmatch(r"/[\x21-\x7e]*", value):
        raise ValueError("a path within the app, starting with /")
    return value


Slug = Annotated[str, AfterValidator(_slug)]
VersionText = Annotated[str, AfterValidator(_version)]
Requirement = Annotated[str, AfterValidator(_requirement)]
Variable = Annotated[str, AfterValidator(_variable)]
UrlPath = Annotated[str, AfterValidator(_url_path)]
Seconds = Annotated[float, BeforeValidator(_duration), Field(ge=0, le=86400)]
Bytes = Annotated[int, BeforeValidator(_size), Field(gt=0)]
Command = Annotated[list[Annotated[str, Field(min_length=1)]], Field(min_length=1)]
# As the registry's API takes it: <https://github.com/opencontainers/distribution-spec>; the host may have a port.
_REPOSITORY = r"^[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*$"
Repository = Annotated[str, Field(pattern=_REPOSITORY, max_length=255)]
Platform = Annotated[str, Field(pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?$")]  # os/architecture[/variant], as Docker
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """Frozen and strict about unknown fields: a vendor's typing error must not pass as a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Health(Part):
    """GET `path` has to answer 2xx within `timeout`; a new instance has `deadline` to get there."""

    path: UrlPath = "/up"
    timeout: Seconds = 5.0
    deadline: Seconds = 60.0


class EnvVar(Part):
    """One of: a fixed `value`, a secret to `generate` once per installation, a question to `ask` the customer."""

    value: str | None = None
    generate: Literal["hex32", "hex64", "hex128"] | None = None
    ask: str | None = None
    optional: bool = False

    @model_validator(mode="before")
    @classmethod
    def _plain_value(cls, data: Any) -> Any:
        if isinstance(data, bool):
            raise ValueError("put it in quotes: YAML reads it as true or false")
        return {"value": str(data)} if isinstance(data, str | int | float) else data

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if sum(part is not None for part in (self.value, self.generate, self.ask)) != 1:
            raise ValueError("give exactly one of: a fixed value, generate, ask")
        if self.optional and self.ask is None:
            raise ValueError("optional needs ask")
        return self


class UpdatePolicy(Part):
    """Seconds: `confirm` after the switch, `drain` of the old one, `stop` before SIGKILL, longest `hold`."""

    strategy: Literal["overlap", "hold"] = "overlap"
    confirm: Seconds = 10.0
    drain: Seconds = 30.0
    stop: Seconds = 10.0
    hold: Seconds = 30.0


class Resources(Part):
    memory: Bytes | None = None
    cpus: Annotated[float, Field(gt=0, le=1024)] | None = None


class Archive(Part):
    """A tar archive, by content. `path` is its name among the TUF targets."""

    kind: Literal["archive"] = "archive"
    path: str
    sha256: Sha256
    length: Annotated[int, Field(gt=0)]
    unpacked: Annotated[int, Field(ge=0)]  # bytes of all files together: the bound that a bomb breaks


class Image(Part):
    """A container image, by digest: `registry.example.com/acme/myapp@sha256:…`."""

    kind: Literal["image"] = "image"
    repository: Repository
    digest: Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]
    platforms: tuple[Platform, ...] = ()  # those that the vendor promises; empty: not known
    length: Annotated[int, Field(ge=0)] = 0  # bytes of the layers of the largest platform, as they are transferred

    @property
    def reference(self) -> str:
        return f"{self.repository}@{self.digest}"


def _volume_path(value: str) -> str:
    path = PurePosixPath(value)
    if value in ("", ".", "/") or ".." in path.parts:
        raise ValueError("a folder inside the app, without ..")
    return value


class AppSpec(Part):
    """What a vendor's file and a manifest have in common."""

    app: Slug
    command: Command | None = None
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    health: Health = Health()
    volumes: dict[Slug, Annotated[str, AfterValidator(_volume_path)]] = {}
    env: dict[Variable, EnvVar] = {}
    release_command: Command | None = None
    processes: dict[Slug, Command] = {}
    update: UpdatePolicy = UpdatePolicy()
    requires: Requirement | None = None
    irreversible: bool = False
    resources: Resources = Resources()


class Manifest(AppSpec):
    """A published release."""

    # Fields that a later Discode adds are ignored here; what must not be ignored raises `manifest_schema`.
    model_config = ConfigDict(frozen=True, extra="ignore")

    manifest_schema: Annotated[int, PlainSerializer(int)] = SCHEMA
    version: VersionText
    artifact: Annotated[Archive | Image, Field(discriminator="kind")]

    def canonical(self) -> bytes:
        """The bytes that are hashed and signed: JSON with sorted keys and no blanks."""
        return json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def release_key(canonical: bytes) -> str:
    """The first 12 hex digits of the SHA-256 of a manifest's bytes."""
    return hashlib.sha256(canonical).hexdigest()[:12]
