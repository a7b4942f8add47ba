"""Of what a vendor's file and a manifest are made: the types of their fields, and a part's rules."""

from __future__ import annotations

import re
from pathlib import PurePosixPath
from typing import Annotated, Any, ClassVar

from .address import HOST_HEADER, URL_PATH
from .model import Check, Meta, Model, Parse
from .names import SLUG
from .quantity import parse_duration, parse_size
from .version import parse_requirement, parse_version


def check_versions(version: str | None, requires: str | None) -> None:
    """Raises ValueError. None: not given."""
    if version is not None:
        parse_version(version)
    if requires is not None:
        parse_requirement(requires)


def _duration(value: Any) -> Any:
    return parse_duration(value) if isinstance(value, str) else value


def _size(value: Any) -> Any:
    return parse_size(value) if isinstance(value, str) else value


def _response(value: float) -> float:
    if not 1 <= value <= 86400:
        raise ValueError("a time from 1s to 24h")
    return value


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
    """As both proxies take it: kamal-proxy asks for `/up%3Fa=1` where `/up?a=1` is meant."""
    if not URL_PATH.fullmatch(value):
        raise ValueError("a path within the app, starting with /, without a query (?…) or a fragment (#…)")
    return value


def _host_name(value: str) -> str:
    if not HOST_HEADER.fullmatch(value):
        raise ValueError("a host name such as app.example.com, with :PORT or without")
    return value


def _without_last_slash(value: Any) -> Any:
    return value.rstrip("/") if isinstance(value, str) else value


def _door_path(value: str) -> str:
    """Of the unreserved signs alone (RFC 3986, 2.3): every proxy takes them for what they are."""
    if not DOOR_PATH.fullmatch(value) or len(value) > LONGEST_DOOR_PATH or {".", ".."} & set(value.split("/")):
        raise ValueError("a path below the app's own /, such as /api/v1/streaming, of letters, digits and - . _ ~")
    return value


def check_volume_path(value: str) -> str:
    """The path itself. Raises ValueError."""
    path = PurePosixPath(value)
    if value in ("", ".", "/") or ".." in path.parts:
        raise ValueError("a folder inside the app, without ..")
    return value


def _backup_path(value: str) -> str:
    """A volume, or what is in one: the name of a volume begins it, not a slash."""
    volume, *parts = value.rstrip("/").split("/")
    if not SLUG.fullmatch(volume) or not {"", ".", ".."}.isdisjoint(parts) or not value.isprintable():
        raise ValueError("a volume's name, with a path in it or without: storage/tmp")
    return value.rstrip("/")


Slug = Annotated[str, Meta(pattern=rf"^(?:{SLUG.pattern})\Z"), Check(_slug)]
VersionText = Annotated[str, Check(_version)]  # see `check_versions`
Requirement = Annotated[str, Check(_requirement)]
Variable = Annotated[str, Meta(pattern=r"^(?!PORT\Z|DISCODE_)[A-Za-z_][A-Za-z0-9_]*\Z"), Check(_variable)]
HostName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.:\[\]-]+\Z"), Check(_host_name)]
UrlPath = Annotated[str, Meta(pattern=r"^/[\x21-\x7e]*\Z"), Check(_url_path)]
VolumePath = Annotated[str, Check(check_volume_path)]
BackupPath = Annotated[str, Meta(pattern=rf"^(?:{SLUG.pattern})(?:/.+)?\Z", max_length=1000), Check(_backup_path)]
DOOR_PATH = re.compile(r"(?:/[A-Za-z0-9._~-]+)+")
LONGEST_DOOR_PATH = 200  # characters
DoorPath = Annotated[
    str,
    Meta(pattern=rf"^{DOOR_PATH.pattern}\Z", max_length=LONGEST_DOOR_PATH),
    Parse(_without_last_slash),
    Check(_door_path),
]
Port = Annotated[int, Meta(ge=1, le=65535)]
Seconds = Annotated[float, Meta(ge=0, le=86400), Parse(_duration)]
ResponseSeconds = Annotated[float, Meta(ge=1, le=86400), Parse(_duration), Check(_response)]
Bytes = Annotated[int, Meta(gt=0), Parse(_size)]
Command = Annotated[list[Annotated[str, Meta(min_length=1)]], Meta(min_length=1)]
Entrypoint = list[Annotated[str, Meta(min_length=1)]]  # empty: none, whatever the image has
# As the registry's API takes it: <https://github.com/opencontainers/distribution-spec>; the host may have a port.
_REPOSITORY = r"^[a-z0-9]+([.-][a-z0-9]+)*(:[0-9]+)?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*\Z"
Repository = Annotated[str, Meta(pattern=_REPOSITORY, max_length=255)]
Platform = Annotated[str, Meta(pattern=r"^[a-z0-9]+/[a-z0-9]+(/[a-z0-9]+)?\Z")]  # os/architecture[/variant], as Docker
Sha256 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Part(Model, frozen=True, forbid_unknown_fields=True):
    """Strict about unknown fields: a vendor's typing error must not pass as a default.

    `LATER` are fields that were added once manifests had been published. At its default such a field is not in the
    bytes that are signed: a release keeps its key, and an older Discode, which does not know the field, reads it.
    """

    LATER: ClassVar[frozenset[str]] = frozenset()
