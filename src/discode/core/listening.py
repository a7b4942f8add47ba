"""Where a proxy listens. Pure.

`bind` is an address, or several with commas between them. `::` means every address of the machine, IPv4 and IPv6, as it
does to Linux; `0.0.0.0` means every IPv4 address and no other.
"""

from __future__ import annotations

EVERYWHERE = "::"
IPV4 = "0.0.0.0"


def addresses(bind: str) -> tuple[str, ...]:
    """Those that sockets are opened at, each once, without brackets. What one of them covers is left out."""
    named = tuple(dict.fromkeys(part.strip().strip("[]") for part in bind.split(",") if part.strip()))
    if EVERYWHERE in named or not named:
        return IPV4, EVERYWHERE
    if IPV4 in named:
        return IPV4, *(one for one in named if ":" in one)
    return named


def joined(address: str, port: int) -> str:
    """As in an address of the web: `10.0.0.1:80`, `[::1]:80`."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def reached_at(bind: str) -> str:
    """An address at which this machine itself reaches what listens there."""
    first = addresses(bind)[0]
    return "127.0.0.1" if first == IPV4 else first
