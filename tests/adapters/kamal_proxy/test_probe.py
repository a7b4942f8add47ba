"""A request through the proxy as a user's would go, and what it says of what it saw."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from discode.adapters.kamal_proxy.probe import probe
from discode.core.installation import Route

from .origins import Origins, origins


@pytest.fixture
def made() -> Iterator[Origins]:
    with origins() as found:
        yield found


@pytest.mark.parametrize(("status", "ok"), [(200, True), (204, True), (301, False), (404, False), (503, False)])
def test_only_2xx_is_ok(made: Origins, status: int, ok: bool) -> None:
    port = made.new(status=status).endpoint.port
    for address in ("127.0.0.1", "0.0.0.0"):
        seen = probe(address, port, Route(), "/up", 60.0)
        assert (seen.ok, seen.detail) == (ok, f"{status} at /up")


def test_it_asks_for_the_path_below_the_prefix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        route = Route(hosts=("*.app.test", "b.test"), path_prefix="/docs/")
        assert not probe("127.0.0.1", server.getsockname()[1], route, "/up", 0.1).ok
        connection, _ = server.accept()
        with connection:
            head = connection.recv(4096).decode()
    assert head.startswith("GET /docs/up HTTP/1.1\r\n")
    assert "Host: probe.app.test\r\n" in head


def test_failures_are_told_in_words(made: Origins) -> None:
    origin = made.new()
    seen = probe("127.0.0.1", origin.endpoint.port, Route(), "/slow", 0.1)
    assert (seen.ok, seen.detail) == (False, "no answer within 100ms at /slow")
    port = origin.endpoint.port
    origin.close()
    made.made.remove(origin)
    assert "refused" in probe("127.0.0.1", port, Route(), "/up", 60.0).detail
