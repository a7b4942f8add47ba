"""The settings of a host: what each is for, which values it takes, and when a change counts. Pure.

A row here, and a field of the same name in `adapters/hostconfig.HostConfig`, is a setting of `config.toml` that
`discode proxy config` shows and changes. A secret has no field: its value is in a file of its own.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from .errors import UsageError
from .listening import addresses
from .networks import networks
from .resolvers import address_and_port

# For whom a setting counts, and from when:
#   new apps      the next install
#   proxy         at once for an edge on the machine; for a container from `discode proxy update`
#   container     from `discode proxy update`
#   certificates  at once, for the edge in both its forms
#   requests      the same
Counts = Literal["new apps", "proxy", "container", "certificates", "requests"]
EAB_KEY = "acme_eab_key"


@dataclass(frozen=True)
class HostSetting:
    """`holds`: whether it takes a value that has the type of config.toml; `expected`: its values in words. `read`: what
    is typed, as such a value; raises ValueError. `is_fixed`: not to be changed while apps are installed. `is_file`: the
    path of one."""

    name: str
    help: str
    holds: Callable[[Any], bool]
    expected: str
    counts: Counts
    read: Callable[[str], Any] = str
    is_fixed: bool = False
    is_secret: bool = False
    is_file: bool = False


def _is_whole(value: Any, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_port(value: Any) -> bool:
    return _is_whole(value, 1, 65535)


def _is_bind(value: Any) -> bool:
    try:
        return isinstance(value, str) and value != "" and all(map(ipaddress.ip_address, addresses(value)))
    except ValueError:
        return False


def _are_networks(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(networks(value))
    except ValueError:
        return False


def _is_name(value: Any) -> bool:
    """A name of Docker's: of a container, a network or an image with its tag."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*", value) is not None


def _is_engine(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"(unix|tcp|ssh|http|https)://[!-~]+", value) is not None


def _is_https(value: Any) -> bool:
    """An ACME directory is at an https address (RFC 8555, 6.1). No login: what is typed can be seen by others."""
    try:
        parts = urlsplit(value) if isinstance(value, str) and re.fullmatch(r"[!-~]+", value) else None
        return parts is not None and parts.scheme == "https" and bool(parts.hostname) and parts.username is None \
            and (parts.port is None or parts.port > 0)  # fmt: skip
    except ValueError:
        return False


def _is_email(value: Any) -> bool:
    return isinstance(value, str) and re.fullmatch(r"[^\s@,:<>]+@[^\s@,:<>.]+(\.[^\s@,:<>.]+)+", value) is not None


def _is_key(value: Any) -> bool:
    """base64url of at least 16 bytes, as CAs hand it out."""
    return isinstance(value, str) and re.fullmatch(r"[A-Za-z0-9_-]{22,1000}=*", value) is not None


def _is_line(value: Any) -> bool:
    return isinstance(value, str) and value != "" and value.isprintable()


def _is_path(value: Any) -> bool:
    return _is_line(value) and str(value).startswith("/")


def _is_switch(value: Any) -> bool:
    return isinstance(value, bool)


def _is_wait(value: Any) -> bool:
    return _is_whole(value, 0, 3600)


def _are_resolvers(value: Any) -> bool:
    try:
        return isinstance(value, str) and value != "" and all(map(address_and_port, value.split(",")))
    except ValueError:
        return False


def _number(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,6}", text) is None:
        raise ValueError(text)
    return int(text)


def _switch(text: str) -> bool:
    if (value := {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}.get(text)) is None:
        raise ValueError(text)
    return value


_PORT, _DOCKER_NAME = "a port from 1 to 65535", "a valid Docker name"
ROWS = (
    HostSetting(
        "proxy", "edge: a program of this machine; docker: a container", lambda value: value in ("edge", "docker"),
        "edge or docker", "new apps", is_fixed=True,
    ),
    HostSetting(
        "docker_host", "the Docker engine of this machine's apps", _is_engine,
        "an address in the form of $DOCKER_HOST: unix:///var/run/docker.sock", "new apps", is_fixed=True,
    ),
    HostSetting("http_port", "the port for HTTP", _is_port, _PORT, "proxy", _number),
    HostSetting("https_port", "the port for HTTPS", _is_port, _PORT, "proxy", _number),
    HostSetting(
        "bind", "where the proxy listens", _is_bind,
        "IP addresses with commas between them, :: for all, 0.0.0.0 for all of IPv4", "proxy",
    ),
    HostSetting(
        "trusted_proxies", "proxies in front of this one: what they say of clients is believed, and of nobody else",
        _are_networks, "IP addresses and networks with commas between them: 192.0.2.7,10.0.0.0/8", "requests",
        lambda text: ",".join(networks(text)),
    ),
    HostSetting("proxy_image", "the image of the proxy's container", _is_name, _DOCKER_NAME, "container"),
    HostSetting(
        "proxy_container", "the name of the proxy's container", _is_name, _DOCKER_NAME, "new apps", is_fixed=True
    ),
    HostSetting(
        "proxy_network", "Docker's network of apps and proxy", _is_name, _DOCKER_NAME, "new apps", is_fixed=True
    ),
    HostSetting(
        "source", "where install looks without --from",
        lambda value: isinstance(value, str) and value.isprintable(), "the address of a hub", "new apps",
    ),
    HostSetting(
        "acme_directory", "the CA of automatic certificates; without it Let's Encrypt", _is_https,
        "the https address of an ACME directory, without a login", "certificates",
    ),
    HostSetting(
        "acme_email", "where the CA may write to", _is_email, "an e-mail address: admin@example.com", "certificates"
    ),
    HostSetting(
        "acme_eab_kid", "external account binding: the key's id at the CA", _is_line, "the id from the CA",
        "certificates",
    ),
    HostSetting(
        EAB_KEY, "external account binding: the HMAC key", _is_key, "the key from the CA, in base64url",
        "certificates", lambda text: text.strip().translate(str.maketrans("+/", "-_")), is_secret=True,
    ),
    HostSetting(
        "acme_ca_bundle", "certificates in PEM that are trusted besides the system's: for a CA of your own", _is_path,
        "the path of a file", "certificates", is_file=True,
    ),
    HostSetting(
        "acme_staging", "Let's Encrypt's staging: to try things out, no browser trusts it", _is_switch, "true or false",
        "certificates", _switch,
    ),
    HostSetting(
        "dns_provider", "proves names by records at your DNS provider: wildcards, machines that nobody reaches",
        lambda value: isinstance(value, str) and re.fullmatch(r"[a-z0-9]+", value) is not None,
        "a provider's name: discode proxy dns providers", "certificates", str.lower,
    ),
    HostSetting(
        "dns_credentials", "a file of mode 0600 with what the provider asks for, as NAME=value lines", _is_path,
        "the path of a file", "certificates", is_file=True,
    ),
    HostSetting(
        "dns_names", "which names are proved so: all, or wildcards alone", lambda value: value in ("all", "wildcards"),
        "all or wildcards", "certificates",
    ),
    HostSetting(
        "dns_wait", "seconds until all servers of a zone must have a record", _is_wait, "seconds, up to 3600",
        "certificates", _number,
    ),
    HostSetting(
        "dns_timeout", "seconds that the provider may take for one answer", lambda value: _is_whole(value, 1, 3600),
        "seconds, from 1 to 3600", "certificates", _number,
    ),
    HostSetting(
        "dns_resolvers", "who is asked for names and zones, instead of this machine's resolvers", _are_resolvers,
        "IP addresses with commas between them, each with or without :PORT", "certificates",
    ),
)  # fmt: skip
SETTINGS: Mapping[str, HostSetting] = {row.name: row for row in ROWS}


def contradiction(values: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """A setting that does not go with another one: its name, what is wrong and what is expected. `values` has all, for
    a secret whether there is one."""
    if values["http_port"] == values["https_port"]:
        return "https_port", "is the same as http_port", "a port other than http_port"
    if values["acme_staging"] and values["acme_directory"]:
        return "acme_staging", "is Let's Encrypt's, and acme_directory is another CA", "one of the two alone"
    return None


def one_port_for_both(port: int, http: bool, https: bool, file: str) -> UsageError:
    """Of options of an install, with where the other value is from. `http`, `https`: which of them was given; `file` is
    that of this host's settings."""
    if http and https:
        return _one_port(f"--http-port and --https-port are both {port}", "Choose another port for one of them.")
    given, other, name = ("--http-port", "HTTPS", "https-port") if http else ("--https-port", "HTTP", "http-port")
    is_default = port == (443 if http else 80)
    whence = "unless told otherwise" if is_default else f"by {name.replace('-', '_')} in {file}"
    return _one_port(
        f"{given} {port} is the port for {other}, {whence}", f"Choose another one for {other}: --{name} PORT"
    )


def _one_port(what: str, step: str) -> UsageError:
    return UsageError(f"{what}. Nothing was changed.", step, key="invalid-setting")


def only_for_an_edge(values: Mapping[str, Any]) -> tuple[str, ...]:
    """The settings of automatic certificates that are there, and that kamal-proxy cannot go by: it knows Let's Encrypt
    alone, without an account of one's own, and proves names on ports 80 and 443."""
    names = ("acme_directory", "acme_email", "acme_eab_kid", "dns_provider")
    return tuple(name for name in names if values[name])


def half_provider(values: Mapping[str, Any]) -> str:
    """As `half_binding`, for the DNS provider and its credentials."""
    return _half(values, "dns_provider", "dns_credentials")


def half_binding(values: Mapping[str, Any]) -> str:
    """The part that an external account binding lacks; empty when both are there, or none."""
    return _half(values, "acme_eab_kid", EAB_KEY)


def _half(values: Mapping[str, Any], one: str, other: str) -> str:
    return "" if bool(values[one]) == bool(values[other]) else other if values[one] else one
