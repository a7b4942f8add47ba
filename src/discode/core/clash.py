"""Two apps that ask the proxy for the same requests. Pure; the rule is the proxies' own: a name and a path below it
belong to one service, the whole name goes before a wildcard, the longer path before the shorter one."""

from __future__ import annotations

from collections.abc import Iterable

from .installation import Route
from .public_names import is_wildcard

EVERY_HOST = ""  # what a route without hosts asks for


def clash(one: Route, other: Route) -> tuple[str, ...]:
    """Names that both ask for at the same path, in `one`'s order; `EVERY_HOST` where both have no hosts. Names that are
    sent on to another host are asked for, too."""
    if one.path_prefix != other.path_prefix:
        return ()
    taken = set(_asked(other))
    return tuple(name for name in _asked(one) if name in taken)


def taken_over(one: Route, other: Route) -> tuple[str, ...]:
    """Names of `one` that `other` answers by its wildcard as long as nobody asks for them whole."""
    wild = {name for name in _asked(other) if is_wildcard(name)}
    return tuple(name for name in _asked(one) if not is_wildcard(name) and _above(name) in wild)


def told(names: Iterable[str]) -> str:
    """For a sentence."""
    return ", ".join(name or "every host" for name in names)


def _asked(route: Route) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*(route.hosts or (EVERY_HOST,)), *route.redirects]))


def _above(name: str) -> str:
    return f"*.{name.partition('.')[2]}"
