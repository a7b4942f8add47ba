"""Where the flows meet the world: the only file of the command line, with its siblings, that knows the adapters."""

from __future__ import annotations

import os
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import RuntimeUnreachable, UsageError
from ..core.names import check_port
from ..flows.world import Engine, World
from .reports import report_for

if TYPE_CHECKING:
    from ..adapters.kamal_proxy import EdgeProcess
    from ..adapters.source import Licences
    from ..ports.proxy import Proxy


def home() -> Path:
    """$DISCODE_HOME, or /var/lib/discode as root, or discode below $XDG_STATE_HOME."""
    if given := os.environ.get("DISCODE_HOME"):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/discode")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "discode"


def world(as_json: bool, command: str, *, pin: str | None = None) -> World:
    """All ports over this host. `command` is what the user runs; `pin` the fingerprint of the only root to trust."""
    from ..adapters.files import FileStore
    from ..adapters.source import FileSources
    from ..adapters.system import RealClock, RealHost

    place = home()
    report = report_for(as_json)
    sources = FileSources(place, pin=pin, note=report.note)
    return World(FileStore(place, command), sources, HostEngines(place), RealHost(place), RealClock(), report)


def licences() -> Licences:
    """The licences of this machine."""
    from ..adapters.source import Licences

    return Licences(home())


class HostEngines:
    """Archives run as processes behind the local edge."""

    def __init__(self, place: Path):
        self._home = place

    def engine(self, kind: Literal["archive", "image"]) -> Engine:
        from ..adapters.process import ProcessRuntime

        if kind == "image":
            raise RuntimeUnreachable(
                "This release is a container image, and this build of Discode runs archives. Nothing was changed.",
                "Ask the vendor for an archive release.",
            )
        return Engine(ProcessRuntime(self._home), proxy())


@cache
def edge_process() -> EdgeProcess:
    """The edge proxy of this machine, as its config.toml has it."""
    from ..adapters import hostconfig
    from ..adapters.kamal_proxy import EdgeProcess

    config = hostconfig.load(home())
    return EdgeProcess(home() / "edge", config.http_port, config.https_port, config.bind)


def proxy() -> Proxy:
    from ..adapters import hostconfig
    from ..adapters.kamal_proxy import KamalProxy

    config, edge = hostconfig.load(home()), edge_process()
    address = "127.0.0.1" if config.bind in ("0.0.0.0", "::") else config.bind
    return KamalProxy(edge.socket, edge, config.http_port, address)


def proxy_state() -> dict[str, Any]:
    from ..adapters import hostconfig

    config = hostconfig.load(home())
    return {"proxy": config.proxy, "http_port": config.http_port, "pid": edge_process().running()}


def choose_http_port(port: int | None) -> None:
    """Keep the port for the whole machine. Raises UsageError while the proxy listens on another."""
    from ..adapters import hostconfig

    if port is None:
        return
    config = hostconfig.load(home())
    if config.http_port == check_port(port, "HTTP port"):
        return
    if edge_process().running():
        raise UsageError(
            f"The proxy of this machine listens on port {config.http_port}, for all apps. Nothing was changed.",
            "Leave --http-port away, or stop it first (no app can be reached meanwhile): discode proxy stop",
            key="other-port",
        )
    hostconfig.save(home(), replace(config, http_port=port))
    edge_process.cache_clear()


def absolute(source: str) -> str:
    """A folder's path counts from anywhere; an address stays as it is."""
    return source if "://" in source else str(Path(source).absolute())
