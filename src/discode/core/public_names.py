"""Which host names a public CA can certify, and so what an install does about HTTPS when nobody says. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import ip_address
from typing import Literal

from .errors import Refused

Tls = Literal["auto", "own", "off"]

# Reserved for use inside a machine or a network: RFC 6761 (localhost, test, example, invalid), RFC 6762 (local),
# RFC 8375 (home.arpa), RFC 7686 (onion), RFC 9476 (alt), and ICANN's resolution of 2024-07-29 (internal).
# `example` and `invalid` are no places for apps either, but nobody gets a certificate for them.
PRIVATE = ("localhost", "local", "internal", "test", "home.arpa", "example", "invalid", "onion", "alt")


def default_tls(hosts: Iterable[str], *, wildcards: bool = False) -> Tls:
    """`auto` when one of the hosts at least is a public name: the others are served as before. `off` without any.

    `wildcards`: whether this machine can get certificates for wildcard names, which takes DNS-01. Without it one
    wildcard among the hosts means `off`, for a proxy asks for certificates for all of a route or for none.
    """
    names = list(hosts)
    if not wildcards and any(is_wildcard(name) for name in names):
        return "off"
    return "auto" if any(map(is_public, names)) else "off"


def wildcard_without_dns(host: str) -> Refused:
    """Why a wildcard has no automatic certificate (RFC 8555, 7.1.3), and what there is to do."""
    return Refused(
        f"A certificate for {host} takes a record at your DNS provider as proof, and no provider is set. "
        "Nothing was changed.",
        "Set it, on a machine whose proxy is the edge: discode proxy config set dns_provider=NAME dns_credentials=FILE "
        "(docs/https.md). Or give your own certificate, with --certificate and --private-key, or go without: --tls off",
        key="wildcard-without-dns",
    )


def is_wildcard(host: str) -> bool:
    return host.startswith("*.")


def covered(host: str, label: str = "probe") -> str:
    """A name that a wildcard covers, by which it can be tried; any other host is its own."""
    return f"{label}{host[1:]}" if is_wildcard(host) else host


def is_public(host: str) -> bool:
    """Whether the name can have a certificate of a public CA by its form; a wildcard counts as its domain.

    Not an IP address, not a single label, nothing in a domain that is reserved for private use.
    """
    name = host.lower().rstrip(".").removeprefix("*.")
    labels = name.split(".")
    if len(labels) < 2 or not all(labels) or _is_address(name):
        return False
    return not any(name == domain or name.endswith(f".{domain}") for domain in PRIVATE)


def _is_address(name: str) -> bool:
    """Also one in brackets, and what browsers take for IPv4: a last label that is a number (WHATWG URL, 4.5)."""
    try:
        ip_address(name.strip("[]"))
    except ValueError:
        last = name.rpartition(".")[2]
        return last.isdigit() or last.startswith("0x")
    return True
