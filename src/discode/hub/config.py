"""The hub's settings: `hub.toml` in its folder, readable only by its owner because a database URL contains a password.

url = "https://hub.example.com"        the address that customers use
vendor = "acme"                        the first part of the names of images
database = "sqlite:///hub.db"          relative to the folder; or postgresql://user:password@host/name
registry = "registry.example.com"      host of the image registry; empty: none
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import urlsplit

from ..core.errors import Refused, UsageError
from ..core.names import SLUG
from ..disk.whole import write_new

FILE = "hub.toml"
DATABASE_VARIABLE = "DISCODE_HUB_DATABASE"  # in the environment; takes precedence over the file
SQLITE = "sqlite:///hub.db"
_REGISTRY = re.compile(r"(?:[a-z0-9.-]{1,253}|\[[0-9a-f:]+\])(?::\d{1,5})?")


@dataclass(frozen=True)
class HubConfig:
    """`attempts`: how many requests in a minute a token may send, or each seat of a license. `failures`: how many wrong
    secrets an address may; they never count against right ones."""

    url: str
    vendor: str
    database: str = SQLITE
    registry: str = ""
    attempts: int = 1200
    failures: int = 20
    largest_upload: int = 4 * 1024**3  # bytes
    connections: int = 1000  # at once; fewer if the system allows the hub fewer open files

    def checked(self) -> HubConfig:
        """Raises UsageError."""
        address = urlsplit(self.url)
        if address.scheme not in ("http", "https") or not address.hostname or address.query or address.fragment:
            raise _wrong("url", self.url, "https://hub.example.com")
        if not SLUG.fullmatch(self.vendor):
            raise _wrong("vendor", self.vendor, "a short name of lowercase letters, digits and dashes, such as acme")
        if not self.database.startswith(("sqlite:///", "postgresql://")):
            raise _wrong("database", self.database.partition(":")[0], "sqlite:///hub.db or postgresql://user@host/name")
        if self.registry and not _REGISTRY.fullmatch(self.registry):
            raise _wrong("registry", self.registry, "a host name, with a port if it needs one")
        if min(self.attempts, self.failures, self.largest_upload, self.connections) < 1:
            raise _wrong("attempts, failures, largest_upload, connections", "0", "numbers greater than 0")
        return self

    @property
    def image_namespace(self) -> str:
        return f"{self.vendor}/"


def load(folder: Path) -> HubConfig:
    """Raises Refused when there is no hub, UsageError when the file is invalid."""
    path = folder / FILE
    try:
        raw = tomllib.loads(path.read_text())
        config = HubConfig(**raw)
    except FileNotFoundError:
        raise Refused(
            f"There is no hub in {folder}.",
            f"Create one: discode hub init {folder} --url https://hub.example.com --vendor NAME",
            key="no-hub",
        ) from None
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"{path} cannot be read: {error}.", "Fix the file.", key="config-file") from None
    if given := os.environ.get(DATABASE_VARIABLE):
        config = HubConfig(**{**asdict(config), "database": given})
    return config.checked()


def save(folder: Path, config: HubConfig) -> None:
    """Creates a file that only its owner can read. Raises FileExistsError."""
    defaults = {name: field.default for name, field in HubConfig.__dataclass_fields__.items()}
    chosen = {name: value for name, value in asdict(config).items() if value != defaults[name]}
    text = "".join(f"{name} = {json.dumps(value, ensure_ascii=False)}\n" for name, value in chosen.items())
    write_new(folder / FILE, text.encode(), mode=0o600)


def _wrong(name: str, value: str, expected: str) -> UsageError:
    return UsageError(f"{name} cannot be {value!r}.", f"Give {expected}.", key="hub-setting")
