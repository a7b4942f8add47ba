"""The metrics port: kamal-proxy's names, counted by a Lua script in HAProxy, and HAProxy's own beside them."""

from __future__ import annotations

from collections.abc import Iterable

from .binds import bind_line


def metrics_section(addresses: Iterable[str], port: int) -> str:
    if not port:
        return ""
    return f"""\
frontend metrics from base
{bind_line(addresses, port)}    http-request use-service lua.metrics if {{ path /metrics }}
    http-request use-service prometheus-exporter if {{ path /metrics/haproxy }}
    http-request return status 404
"""
