"""The network that an app has for itself: `discode.myapp` beside the proxy's `discode`. The proxy's container joins it.

What a container publishes, Docker leads through that of its networks whose name is first in the alphabet. For the proxy
this is its own, before whose name the others only go on: to join or leave an app's network cuts nobody's connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from .engine import Engine
from .names import APP, PROXY, ROLE
from .network import NETWORK, Network


@dataclass(frozen=True)
class Seen:
    """A network of an app's that is there. `is_joined`: the proxy's container is in it, should there be one; `is_used`:
    another container is."""

    name: str
    app: str
    is_joined: bool
    is_used: bool


def of_app(engine: Engine, shared: str, app: str) -> Network:
    """`shared`: the proxy's network."""
    return Network(engine, f"{shared}.{app}", app)


def of_all_apps(engine: Engine, shared: str) -> Iterator[Network]:
    """Those that are there. A trial's name is none of an app's: see `Network`."""
    for one in engine.api.networks(filters={"label": [f"{ROLE}={NETWORK}", APP]}):
        app = str(one["Labels"][APP])
        if one["Name"] == f"{shared}.{app}":
            yield Network(engine, one["Name"], app)


def proxies(name: str) -> tuple[str, str]:
    """The proxy's container, and the one that takes its place while it is replaced."""
    return name, f"{name}-next"


def ensure(engine: Engine, network: Network, through: str) -> None:
    """It is there, and the proxy's container is in it; `through` is empty for a proxy that is none. Raises Refused."""
    network.ensure()
    for proxy in proxies(through) if through else ():
        join(engine, proxy, [network])


def join(engine: Engine, container: str, networks: Iterable[Network]) -> None:
    """A container of a proxy's, that runs or not; none: nothing."""
    import docker.errors

    try:
        told = engine.api.inspect_container(container)
    except docker.errors.NotFound:
        return
    if (told["Config"]["Labels"] or {}).get(ROLE) != PROXY:
        return
    for network in networks:
        if network.name not in told["NetworkSettings"]["Networks"]:
            _connect(engine, told["Id"], network.name)


def _connect(engine: Engine, container: str, network: str) -> None:
    import docker.errors

    try:
        engine.api.connect_container_to_network(container, network)
    except docker.errors.APIError:
        # Another command was first, or has removed the one or the other.
        if _lacks(engine, container, network):
            raise


def _lacks(engine: Engine, container: str, network: str) -> bool:
    import docker.errors

    try:
        engine.api.inspect_network(network)
        return network not in engine.api.inspect_container(container)["NetworkSettings"]["Networks"]
    except docker.errors.NotFound:
        return False


def has_lost_one(engine: Engine, told: dict[str, Any]) -> bool:
    """Of an inspected container that does not run: whether a network of it is gone, without which it does not start;
    one with the same name is another. `docker network prune` takes those that no running container is in."""
    import docker.errors

    for name, one in told["NetworkSettings"]["Networks"].items():
        try:
            engine.api.inspect_network(one.get("NetworkID") or name)
        except docker.errors.NotFound:
            return True
    return False


def give_up(engine: Engine, network: Network, through: str) -> None:
    """The app is gone. As long as another container than the proxy's is in its network: nothing."""
    import docker.errors

    members = network.members()
    if set(members) - set(proxies(through)):
        return
    for one in members:
        try:
            engine.api.disconnect_container_from_network(one, network.name)
        except docker.errors.NotFound:
            continue
    network.remove()


def look(engine: Engine, shared: str, through: str) -> list[Seen]:
    """At the networks of all apps. Raises RuntimeUnreachable."""
    with engine.errors("list its networks"):
        has_proxy = bool(engine.api.containers(all=True, filters={"name": f"^/{through}$"}))
        found = [(network, network.members()) for network in of_all_apps(engine, shared)]
    return [
        Seen(one.name, one.app, not has_proxy or through in members, bool(set(members) - set(proxies(through))))
        for one, members in found
    ]
