"""Which addresses of the network are this machine's own, and where a password may go. Pure: no name is looked up."""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv6Address, ip_address
from urllib.parse import SplitResult, urlsplit

URL_PATH = re.compile(r"/[A-Za-z0-9._~%+=@,:/-]*")  # what all proxies take, and what needs no quoting anywhere
HOST_HEADER = re.compile(r"[A-Za-z0-9_.:\[\]-]+")
_LOGIN = re.compile(r"(?<=://)[^/@\s]*@")


def is_loopback(host: str) -> bool:
    """A host, with its port or without: `localhost`, or an address of the loopback network that is written in full.

    `127.example.com` is a name like any other, and so is `127.1`, whatever a resolver makes of it.
    """
    name = _name(host)
    if name == "localhost":
        return True
    number = _number(name)
    return number is not None and number.is_loopback


def of_registry(host: str) -> str:
    """Where an image registry is asked: by plain HTTP on this machine alone, as Docker does it."""
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def may_ask_there(realm: str, registry: str) -> str | None:
    """What keeps a password from being sent to `realm`, which a registry has named for its tokens; None: nothing does.

    `registry` is that one's host. A registry elsewhere cannot send us to this machine's own network services.
    """
    try:
        address = urlsplit(realm)
        inside = _is_inside(address)
    except ValueError:
        return f"at {realm[:200]!r}, which is no address"
    if address.scheme not in ("http", "https") or not address.hostname:
        return f"at {realm[:200]!r}, which is no web address"
    if inside and not is_loopback(registry):
        return f"at {address.hostname}, which is an address of this machine"
    if address.scheme == "http" and not inside:
        return f"at {address.hostname} without encryption"
    return None


def without_login(text: str) -> str:
    """A text, without the name and the password of each address in it."""
    return _LOGIN.sub("", text)


def _is_inside(address: SplitResult) -> bool:
    host = address.hostname or ""
    address.port  # noqa: B018 - raises ValueError for a port that is none
    if is_loopback(f"[{host}]" if ":" in host else host):
        return True
    number = _number(host)
    return number is not None and (number.is_link_local or number.is_unspecified)


def _number(host: str) -> IPv4Address | IPv6Address | None:
    """An IPv4 address that is written as an IPv6 one is what it is."""
    try:
        number = ip_address(host)
    except ValueError:
        return None
    return getattr(number, "ipv4_mapped", None) or number


def _name(host: str) -> str:
    """Without the port, and without the brackets of an IPv6 address."""
    if host.startswith("["):
        return host[1:].partition("]")[0].lower()
    return host.partition(":")[0].rstrip(".").lower() if host.count(":") < 2 else host.lower()
