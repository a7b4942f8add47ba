"""By which proxy an address is reached, as the environment says: as curl reads it, with networks in NO_PROXY. Pure.

Source of the names and of their order: curl(1), ENVIRONMENT.
"""

from __future__ import annotations

from collections.abc import Mapping
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from .errors import UsageError

_SCHEMES = ("http", "https", "socks5", "socks5h")
_PORTS = {"http": 80, "https": 443}


def proxy_for(url: str, environment: Mapping[str, str]) -> str | None:
    """The proxy's address, None for none. Raises UsageError for one that is no address, naming its variable."""
    address = urlsplit(url)
    host, port = (address.hostname or "").rstrip("."), address.port or _PORTS.get(address.scheme)
    if not host or _is_exempt(host, port, environment.get("no_proxy") or environment.get("NO_PROXY") or ""):
        return None
    names = [f"{address.scheme}_proxy", f"{address.scheme}_proxy".upper(), "all_proxy", "ALL_PROXY"]
    if "REQUEST_METHOD" in environment:  # a CGI's: there a client sets HTTP_PROXY, by a header (CVE-2016-5385)
        names = [name for name in names if name != "HTTP_PROXY"]
    for name in names:
        if proxy := environment.get(name, "").strip():
            return _checked(proxy if "://" in proxy else f"http://{proxy}", name)
    return None


def _checked(proxy: str, name: str) -> str:
    proxy = "socks5h" + proxy[6:] if proxy.startswith("socks5:") else proxy
    try:
        address = urlsplit(proxy)
        is_good = address.scheme in _SCHEMES and bool(address.hostname) and (address.port or 1) > 0
    except ValueError:
        is_good = False
    if not is_good:
        raise UsageError(
            f"${name} is no address of a proxy. Nothing was changed.",
            f"Set it to one like http://proxy.example.com:3128 or socks5://127.0.0.1:1080, or unset it: unset {name}",
            key="proxy-address",
        )
    return proxy


def _is_exempt(host: str, port: int | None, listed: str) -> bool:
    return any(_covers(word.strip().lower(), host.lower(), port) for word in listed.split(","))


def _covers(word: str, host: str, port: int | None) -> bool:
    """`*`, a name with all below it, an address or a network; each may have a port, an IPv6 address in brackets."""
    if word == "*":
        return True
    name, is_port = word, None
    if word.startswith("["):
        name, _, rest = word[1:].partition("]")
        is_port = rest.removeprefix(":") or None
    elif word.count(":") == 1:
        name, _, is_port = word.partition(":")
    if not name or (is_port is not None and is_port != str(port)):
        return False
    try:
        return ip_address(host) in ip_network(name, strict=False)
    except ValueError:
        name = name.removeprefix("*").strip(".")
        return host == name or host.endswith(f".{name}")
