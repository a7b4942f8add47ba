"""The host's own settings: `config.toml` in Discode's home. A file that is not there means the defaults.

proxy = "docker"           # the container of kamal-proxy, or "edge": the edge as a program of this machine
docker_host = "unix:///var/run/docker.sock"
http_port = 80
https_port = 443
bind = "::"                # where the proxy listens: every address, IPv4 and IPv6; "0.0.0.0": IPv4 alone
proxy_image = "basecamp/kamal-proxy:v0.9.2"
proxy_container = "discode-proxy"
proxy_network = "discode"
source = "https://hub.example.com"   # where `install` looks without --from
"""

from __future__ import annotations

import ipaddress
import re
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from ..core.errors import UsageError
from ..core.listening import EVERYWHERE, addresses
from .files.disk import reading, write_whole
from .files.home import close_home

FILE = "config.toml"
PROXIES = ("edge", "docker")


@dataclass(frozen=True)
class HostConfig:
    """`proxy`: empty until the first install chooses. `docker_host`: empty means $DOCKER_HOST, or Docker's own socket.
    `proxy_image` and `proxy_container` count for the proxy `docker` alone; `proxy_network` is that of the apps."""

    proxy: Literal["", "edge", "docker"] = ""
    docker_host: str = ""
    http_port: int = 80
    https_port: int = 443
    bind: str = EVERYWHERE
    proxy_image: str = "basecamp/kamal-proxy:v0.9.2"
    proxy_container: str = "discode-proxy"
    proxy_network: str = "discode"
    source: str = ""


def load(home: Path) -> HostConfig:
    """Raises UsageError that names the file and the key."""
    path = home / FILE
    try:
        with reading(path):
            data = path.read_bytes()
    except FileNotFoundError:
        return HostConfig()
    return _parse(path, data)


def save(home: Path, config: HostConfig) -> None:
    """Writes what differs from the defaults or is in the file already; comments and order stay.

    Raises UsageError for a value that `load` would refuse, or a file that it refuses now.
    """
    path = home / FILE
    defaults = asdict(HostConfig())
    chosen = {key: value for key, value in asdict(config).items() if value != defaults[key]}
    _checked(path, chosen)
    try:
        with reading(path):
            data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    _parse(path, data)
    close_home(home)
    write_whole(path, _edited(data.decode(), asdict(config), chosen).encode())


def _edited(text: str, wanted: dict[str, Any], chosen: dict[str, Any]) -> str:
    import tomlkit  # here: reading, which each command does, is tomllib's

    document = tomlkit.parse(text)
    for key, value in wanted.items():
        if value == "":  # not chosen: the file has no notation for that
            document.pop(key, None)
        elif key in document and document[key] != value:
            document[key] = value
    for key, value in chosen.items():
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
    if config.http_port == config.https_port:
        raise _wrong(path, "https_port", "is the same as http_port", "a port other than http_port")
    return config


def _check(path: Path, key: str, value: Any) -> None:
    if key not in _RULES:
        raise _wrong(path, key, "is not a setting", f"one of {', '.join(_RULES)}")
    holds, expected = _RULES[key]
    if not holds(value):
        raise _wrong(path, key, f"is {value!r}", expected)


def _wrong(path: Path, key: str, what: str, expected: str) -> UsageError:
    return UsageError(
        f"{path}: {key} {what}. Nothing was changed.",
        f"Write {expected}, then run the command again.",
        key="config-file",
    )


def _is_port(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 65535


def _is_bind(value: Any) -> bool:
    try:
        return isinstance(value, str) and value != "" and all(map(ipaddress.ip_address, addresses(value)))
    except ValueError:
        return False


def _is_name(value: Any) -> bool:
    """A name of Docker's: of a container, a network or an image with its tag."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", value) is not None


def _is_engine(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(unix|tcp|ssh|http|https)://[!-~]+", value) is not None


_PORT = (_is_port, "a port from 1 to 65535")
_NAME = (_is_name, "a valid Docker name")
_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "proxy": (lambda value: value in PROXIES, "edge or docker"),
    "docker_host": (_is_engine, "an address in the form of $DOCKER_HOST: unix:///var/run/docker.sock"),
    "http_port": _PORT,
    "https_port": _PORT,
    "bind": (_is_bind, "IP addresses with commas between them, :: for all, 0.0.0.0 for all of IPv4"),
    "proxy_image": _NAME,
    "proxy_container": _NAME,
    "proxy_network": _NAME,
    "source": (lambda value: isinstance(value, str) and value.isprintable(), "the address of a hub"),
}
