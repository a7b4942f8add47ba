"""`discode hub serve`: the web application under uvicorn."""

from __future__ import annotations

import logging

import uvicorn

from . import room
from .app import make_app
from .connections import Connection
from .frame import log_to_stderr
from .hub import Hub
from .installer import builds
from .listening import sockets
from .proxies import Proxies

_log = logging.getLogger("discode.hub")
SLOWEST_REQUEST_END = 30  # seconds that requests in progress have at shutdown


def server_for(hub: Hub, host: str, port: int, trusted_proxies: str = "") -> uvicorn.Server:
    """`trusted_proxies`: addresses whose X-Forwarded-For is trusted, separated by commas."""

    class Bounded(Connection):
        most = room.connections(hub.config.connections)

    app = make_app(hub)
    config = uvicorn.Config(
        Proxies(app, trusted_proxies, app.state.unnamed_proxies), host=host, port=port,
        log_config=None, access_log=False,
        server_header=False, proxy_headers=False, http=Bounded, ws="none", backlog=max(room.WAITING, Bounded.most // 4),
        timeout_graceful_shutdown=SLOWEST_REQUEST_END,
    )  # fmt: skip
    return uvicorn.Server(config)


def serve(hub: Hub, host: str, port: int, trusted_proxies: str = "") -> None:
    """Until SIGTERM or SIGINT. Raises UsageError or Refused when it cannot listen there."""
    server, listening = server_for(hub, host, port, trusted_proxies), sockets(host, port)
    log_to_stderr()
    if not builds(hub):
        _log.warning(
            "customers cannot install Discode from this hub: it has no build of it",
            extra={"fields": {"next": "bin/build, in the folder of Discode's source; then: discode hub build FILE"}},
        )
    server.run(listening)
