"""The host's own settings: `config.toml` in Discode's home. A file that is not there means the defaults.

proxy = "docker"           # the container of kamal-proxy, or "edge": the edge as a program of this machine
docker_host = "unix:///var/run/docker.sock"
http_port = 80
https_port = 443
bind = "::"                # where the proxy listens: every address, IPv4 and IPv6; "0.0.0.0": IPv4 alone
trusted_proxies = "192.0.2.7,10.0.0.0/8"   # in front of this one: what they say of clients is believed
proxy_image = "basecamp/kamal-proxy:v0.9.2"
proxy_container = "discode-proxy"
proxy_network = "discode"
source = "https://hub.example.com"   # where `install` looks without --from
acme_directory = "https://ca.example.com/acme/directory"   # the CA of automatic certificates, not Let's Encrypt
acme_email = "admin@example.com"
acme_eab_kid = "kid-1"     # external account binding; its key is a secret, see `secret`
acme_ca_bundle = "/etc/ssl/our-ca.pem"
acme_staging = true        # Let's Encrypt's staging
dns_provider = "cloudflare"   # proves names by records there; what it asks for is in the file of the next line
dns_credentials = "/etc/discode/dns"
dns_names = "all"          # or "wildcards": the others by port 80
dns_wait = 120             # seconds
dns_timeout = 60
dns_resolvers = "192.0.2.53"

What each takes, and from when it counts, is in `core/host_settings.py`. Secrets are files of mode 0600 in `secrets/`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UsageError
from ..core.host_settings import SETTINGS, contradiction
from ..core.listening import EVERYWHERE
from ..disk import whole
from .files.disk import reading, write_whole, writing
from .files.home import close_home

FILE = "config.toml"
SECRETS = "secrets"


@dataclass(frozen=True)
class HostConfig:
    """`proxy`: empty until the first install chooses. `docker_host`: empty means $DOCKER_HOST, or Docker's own socket.
    `proxy_image` and `proxy_container` count for the proxy `docker` alone; `proxy_network` is that of the apps.
    `acme_directory`: empty means Let's Encrypt. `acme_ca_bundle`: a file of PEM, or empty."""

    proxy: Literal["", "edge", "docker"] = ""
    docker_host: str = ""
    http_port: int = 80
    https_port: int = 443
    bind: str = EVERYWHERE
    trusted_proxies: str = ""
    proxy_image: str = "basecamp/kamal-proxy:v0.9.2"
    proxy_container: str = "discode-proxy"
    proxy_network: str = "discode"
    source: str = ""
    acme_directory: str = ""
    acme_email: str = ""
    acme_eab_kid: str = ""
    acme_ca_bundle: str = ""
    acme_staging: bool = False
    dns_provider: str = ""
    dns_credentials: str = ""
    dns_names: str = "all"
    dns_wait: int = 120
    dns_timeout: int = 60
    dns_resolvers: str = ""


def load(home: Path) -> HostConfig:
    """Raises UsageError that names the file and the key."""
    path = file(home)
    try:
        with reading(path):
            data = path.read_bytes()
    except FileNotFoundError:
        return HostConfig()
    return _parse(path, data)


def file(home: Path) -> Path:
    return home / FILE


def check(home: Path, config: HostConfig) -> None:
    """Raises UsageError for values that `load` would refuse."""
    _checked(file(home), _chosen(config))


def save(home: Path, config: HostConfig, drop: Iterable[str] = ()) -> None:
    """Writes what differs from the defaults or is in the file already; comments and order stay. `drop`: settings that
    are taken out of the file.

    Raises UsageError for a value that `load` would refuse, or a file that it refuses now.
    """
    check(home, config)
    path, chosen = file(home), _chosen(config)
    try:
        with reading(path):
            data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    _parse(path, data)
    close_home(home)
    write_whole(path, _edited(data.decode(), asdict(config), chosen, set(drop)).encode())


def secret(home: Path, name: str) -> str:
    """The value of a secret setting; empty when there is none. Raises Refused."""
    path = _secret(home, name)
    try:
        with reading(path):
            return path.read_text().strip()
    except FileNotFoundError:
        return ""


def keep_secret(home: Path, name: str, value: str) -> None:
    """Empty: it is removed. Raises PreflightError."""
    close_home(home)
    path = _secret(home, name)
    with writing(path):
        if value:
            whole.write_whole(path, f"{value}\n".encode(), 0o600, folder_mode=0o700)
        else:
            path.unlink(missing_ok=True)


def _secret(home: Path, name: str) -> Path:
    return home / SECRETS / name


def _chosen(config: HostConfig) -> dict[str, Any]:
    defaults = asdict(HostConfig())
    return {key: value for key, value in asdict(config).items() if value != defaults[key]}


def _edited(text: str, wanted: dict[str, Any], chosen: dict[str, Any], drop: set[str]) -> str:
    import tomlkit  # here: reading, which each command does, is tomllib's

    document = tomlkit.parse(text)
    for key, value in wanted.items():
        if value == "" or key in drop:  # not chosen: the file has no notation for that
            document.pop(key, None)
        elif key in document and document[key] != value:
            document[key] = value
    for key, value in chosen.items():
        if key not in drop:
            document.setdefault(key, value)
    return tomlkit.dumps(document)


def _parse(path: Path, data: bytes) -> HostConfig:
    try:
        raw = tomllib.loads(data.decode())
    except ValueError as error:  # of both: bytes that are no UTF-8, and text that is no TOML
        raise UsageError(
            f"{path} cannot be read: {error}. Nothing was changed.", "Fix the file.", key="config-file"
        ) from None
    return _checked(path, raw)


def _checked(path: Path, raw: dict[str, Any]) -> HostConfig:
    for key, value in raw.items():
        _check(path, key, value)
    config = HostConfig(**raw)
    if (wrong := contradiction(asdict(config))) is not None:
        raise _wrong(path, *wrong)
    return config


def _check(path: Path, key: str, value: Any) -> None:
    row = SETTINGS.get(key)
    if row is None:
        names = ", ".join(name for name, one in SETTINGS.items() if not one.is_secret)
        raise _wrong(path, key, "is not a setting", f"one of {names}")
    if row.is_secret:
        raise UsageError(
            f"{path}: {key} is a secret, and has no place in this file. Nothing was changed.",
            f"Take it out, then: discode proxy config set {key}",
            key="config-file",
        )
    if not row.holds(value):
        raise _wrong(path, key, f"is {value!r}", row.expected)


def _wrong(path: Path, key: str, what: str, expected: str) -> UsageError:
    return UsageError(
        f"{path}: {key} {what}. Nothing was changed.",
        f"Write {expected}, then run the command again.",
        key="config-file",
    )
