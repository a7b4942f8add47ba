"""Whether a container engine can make one more network: a subnet of its pools that nobody has. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network

# Of an engine that was told of no pools: <https://github.com/moby/libnetwork>, ipamutils/utils.go.
DEFAULT_POOLS = (
    *((f"172.{second}.0.0/16", 16) for second in (17, 18, 19)),
    *((f"172.{second}.0.0/14", 16) for second in (20, 24, 28)),
    ("192.168.0.0/16", 20),
)


def has_room(pools: Sequence[tuple[str, int]], taken: Iterable[str]) -> bool:
    """`pools`: each with the prefix length of the subnets that it is cut into, IPv4; none: the engine's own.
    `taken`: networks in any notation; what is no IPv4 network takes nothing."""
    others = [network for text in taken if (network := _ipv4(text)) is not None]
    wanted = [(network, size) for base, size in pools or DEFAULT_POOLS if (network := _ipv4(base)) is not None]
    return any(_has_free(pool, size, others) for pool, size in wanted)


def _has_free(pool: IPv4Network, size: int, taken: list[IPv4Network]) -> bool:
    """By halves: a pool can have millions of subnets, and few of them are taken."""
    near = [one for one in taken if one.overlaps(pool)]
    if not near:
        return True
    if pool.prefixlen >= size or any(pool.subnet_of(one) for one in near):
        return False
    return any(_has_free(half, size, near) for half in pool.subnets())


def _ipv4(text: str) -> IPv4Network | None:
    try:
        return IPv4Network(text, strict=False)
    except ValueError:
        return None
