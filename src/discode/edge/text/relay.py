"""The relay: a worker that a reload has left passes every new request on to the worker that took its place.

Such a worker still has its clients' connections, and a client sends one more request on each. It cannot serve them
as the new one does: in a worker that stops, HAProxy takes a new server and never sends it anything (seen with 2.6),
and it knows nothing of services that came after it. So it hands them on over a socket in the state folder, which is
always the newest worker's, with the client's address (PROXY protocol). Text of the configuration, pure.
"""

from __future__ import annotations

from pathlib import Path

NAME = "relay"
SERVER = f"{NAME}/next"
_TLS = f"{NAME}-tls"


def bind_lines(folder: Path) -> str:
    """For the frontend. What came over TLS has a socket of its own, for the PROXY protocol does not say so."""
    return "".join(
        f"    bind unix@{path} name {name} mode 600 accept-proxy\n" for name, path in _sockets(folder).items()
    )


# `sess.scheme` is there for what came over TLS.
CONNECTION_RULES = f"    tcp-request session set-var(sess.scheme) str(https) if {{ ssl_fc }} || {{ so_name {_TLS} }}\n"
# All rules after this one are the next worker's.
REQUEST_RULES = f"    http-request allow if {{ stopping }} {{ srv_is_up({SERVER}) }}\n"
# A request that was held meanwhile has come as far as this. Two rules, for `use_backend` comes after all others.
BACKEND_RULES = f"""\
    use_backend {_TLS} if {{ stopping }} {{ srv_is_up({SERVER}) }} {{ var(sess.scheme) -m found }}
    use_backend {NAME} if {{ stopping }} {{ srv_is_up({SERVER}) }}
"""


def sections(folder: Path) -> str:
    """The backends that requests are passed on to. The next worker has the limits, the log and the metrics."""
    return "".join(
        f"""\
backend {name} from base
    timeout server 24h
    http-request set-log-level silent
    http-request set-var(txn.unmetered) bool(1)
    server next unix@{path} send-proxy-v2
"""
        for name, path in _sockets(folder).items()
    )


def _sockets(folder: Path) -> dict[str, Path]:
    return {NAME: folder / "relay.sock", _TLS: folder / "relay.tls.sock"}
