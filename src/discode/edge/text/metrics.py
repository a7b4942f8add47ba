"""The metrics port: kamal-proxy's names, counted by a Lua script in HAProxy, and HAProxy's own beside them."""

from __future__ import annotations


def metrics_section(bind: str, port: int) -> str:
    if not port:
        return ""
    return f"""\
frontend metrics from base
    bind {bind}:{port}
    http-request use-service lua.metrics if {{ path /metrics }}
    http-request use-service prometheus-exporter if {{ path /metrics/haproxy }}
    http-request return status 404
"""
