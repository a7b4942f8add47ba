"""Who is asked for a name, where that is not the system's resolvers. Pure."""

from __future__ import annotations

import ipaddress

PORT = 53


def address_and_port(text: str) -> tuple[str, int]:
    """`192.0.2.1`, `192.0.2.1:5353`, `2001:db8::1`, `[2001:db8::1]:5353`. Raises ValueError."""
    address, colon, port = text.strip().rpartition(":")
    if not colon or (text.count(":") > 1 and not address.endswith("]")):
        address, port = text.strip(), str(PORT)
    number = int(port)
    if not 1 <= number <= 65535:
        raise ValueError(f"{port} is not a port")
    return str(ipaddress.ip_address(address.removeprefix("[").removesuffix("]"))), number
