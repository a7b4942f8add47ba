"""Addresses and networks as a person lists them: `192.0.2.7,10.0.0.0/8`. Pure."""

from __future__ import annotations

from ipaddress import IPv6Network, ip_network

from .errors import UsageError


def networks(text: str) -> tuple[str, ...]:
    """Each as a network, an address as one of its own; empty for an empty text. IPv4 that is written as IPv6 is IPv4.

    Raises ValueError for what is none, for one with more bits than its mask has, and for everybody (`0.0.0.0/0`).
    """
    found = [_network(one.strip()) for one in text.split(",")] if text.strip() else []
    return tuple(dict.fromkeys(found))


def check_networks(text: str) -> str:
    """The same, as it is kept. Raises UsageError."""
    try:
        return ",".join(networks(text))
    except ValueError as error:
        raise UsageError(
            f"{str(error).removesuffix('.')}. Nothing was changed.",
            "Give IP addresses and networks with commas between them: --trusted-proxies 192.0.2.7,10.0.0.0/8",
            key="invalid-setting",
        ) from None


def _network(text: str) -> str:
    network = ip_network(text)
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        network = ip_network(f"{network.network_address.ipv4_mapped}/{network.prefixlen - 96}")
    if network.prefixlen == 0:
        raise ValueError(f"{text} is everybody")
    if "%" in text:
        raise ValueError(f"{text} has a zone, which is this machine's own")
    return str(network)
