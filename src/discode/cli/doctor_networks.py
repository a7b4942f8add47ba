"""What `discode doctor` says of the networks that apps have for themselves in Docker."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, NamedTuple

from ..core.errors import DiscodeError
from .finding import Finding

if TYPE_CHECKING:
    from .wiring_host import Host


class AppNetwork(NamedTuple):
    """One that is there. `is_joined`: by the proxy's container, should there be one; `is_used`: by others."""

    name: str
    app: str
    is_joined: bool
    is_used: bool


def examine_networks(host: Host, apps: Collection[str]) -> Iterator[Finding]:
    """`apps`: all of this machine. What is as it should be is not told; what has no engine to ask, neither."""
    from .wiring_host import app_networks

    try:
        found = [AppNetwork(*one) for one in app_networks(host)]
    except DiscodeError:
        return
    for one in found:
        if one.app in apps and not one.is_joined:
            yield _apart(host, one)
        if one.app not in apps and not one.is_used:
            yield _left(host, one)


def _apart(host: Host, one: AppNetwork) -> Finding:
    detail = f"{one.name}: the proxy's container is not in it, so requests may not reach {one.app}"
    return Finding(
        "network", False, detail, f"discode settle {one.app}", lambda: _join(host), "Put it in there?"
    )  # fmt: skip


def _left(host: Host, one: AppNetwork) -> Finding:
    detail = f"{one.name} is left over, and takes one of Docker's subnets: no app {one.app} is installed here"
    leave = f"docker network disconnect -f {one.name} {host.config.proxy_container}; "
    step = f"{leave if host.config.proxy == 'docker' else ''}docker network rm {one.name}"
    return Finding("network", True, detail, step, warns=True)


def _join(host: Host) -> str:
    host.container().ensure()
    return "The proxy's container is in the networks of all apps."
