"""What `discode doctor` says of the networks that apps have for themselves in Docker."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError
from .finding import Finding

if TYPE_CHECKING:
    from .wiring_host import Host


def examine_networks(host: Host, apps: Collection[str]) -> Iterator[Finding]:
    """`apps`: all of this machine. What is as it should be is not told; what has no engine to ask, neither."""
    from .wiring_host import app_networks

    try:
        found = app_networks(host)
    except DiscodeError:
        return
    for one in found:
        if one.app in apps and not one.is_joined:
            yield _apart(host, one.name, one.app)
        if one.app not in apps and not one.is_used:
            yield _left(host, one.name, one.app)


def _apart(host: Host, name: str, app: str) -> Finding:
    detail = f"{name}: the proxy's container is not in it, so requests may not reach {app}"
    return Finding(
        "network", False, detail, f"discode settle {app}", lambda: _join(host), "Put it in there?"
    )  # fmt: skip


def _left(host: Host, name: str, app: str) -> Finding:
    detail = f"{name} is left over, and takes one of Docker's subnets: no app {app} is installed here"
    leave = f"docker network disconnect -f {name} {host.config.proxy_container}; "
    step = f"{leave if host.config.proxy == 'docker' else ''}docker network rm {name}"
    return Finding("network", True, detail, step, warns=True)


def _join(host: Host) -> str:
    host.container().ensure()
    return "The proxy's container is in the networks of all apps."
