"""No two apps of this host get the same requests."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.clash import clash, taken_over, told
from ..core.errors import Refused, StateError
from ..core.installation import Installation, Route
from .world import World


def must_be_free(world: World, app: str, route: Route, *, is_new: bool = True) -> None:
    """Raises Refused when another app has one of the route's names at its path. Not `is_new`: the app is installed, and
    asks for other addresses."""
    for other in _others(world, app):
        if taken := clash(route, other.route):
            raise Refused(
                f"{other.app} already uses {told(taken)}{_below(route)} on this machine. Nothing was changed.",
                f"Give {app} a host of its own: --host {app}.example.com" if is_new else _instead(other.app, taken),
                key="host-taken",
            )


def tell_what_is_taken_over(world: World, app: str, route: Route) -> None:
    """No clash, for the whole name goes before a wildcard, but a change for the app that has the wildcard."""
    for other in _others(world, app):
        if names := taken_over(route, other.route):
            world.report.note(f"{other.app} answers for {told(names)} by a wildcard; {app} takes that over.")


def _instead(other: str, taken: tuple[str, ...]) -> str:
    names = " ".join(filter(None, taken))
    give_up = f", or take it from {other} first: discode domain remove {other} {names}" if names else ""
    return f"Choose another name{give_up}"


def _below(route: Route) -> str:
    return "" if route.path_prefix == "/" else f" at {route.path_prefix}"


def _others(world: World, app: str) -> Iterator[Installation]:
    """Another app's damaged file is no reason to refuse this one: the proxy knows which hosts are taken."""
    for name in world.store.apps():
        if name == app:
            continue
        try:
            other = world.store.installation(name)
        except StateError:
            continue
        if other is not None:
            yield other
