"""A request through the proxy as a user's would go, and what it says of what it saw."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from discode.adapters.kamal_proxy.probe import Entrance, probe
from discode.core.installation import Route
from rig import web
from rig.certificates import server_context

from .origins import Origins, origins


@pytest.fixture
def made() -> Iterator[Origins]:
    with origins() as found:
        yield found


@pytest.mark.parametrize(("status", "ok"), [(200, True), (204, True), (301, False), (404, False), (503, False)])
def test_only_2xx_is_ok(made: Origins, status: int, ok: bool) -> None:
    port = made.new(status=status).endpoint.port
    for address in ("127.0.0.1", "0.0.0.0"):
        seen = probe(Entrance(address, port, port), Route(), "/up", 60.0)
        assert (seen.ok, seen.detail, seen.status) == (ok, f"{status} at /up", status)


def test_it_asks_for_the_path_below_the_prefix() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        route = Route(hosts=("*.app.test", "b.test"), path_prefix="/docs/")
        assert not probe(Entrance("127.0.0.1", server.getsockname()[1], 0), route, "/up", 0.1).ok
        connection, _ = server.accept()
        with connection:
            head = connection.recv(4096).decode()
    assert head.startswith("GET /docs/up HTTP/1.1\r\n")
    assert "Host: probe.app.test\r\n" in head


def test_failures_are_told_in_words(made: Origins) -> None:
    origin = made.new()
    seen = probe(Entrance("127.0.0.1", origin.endpoint.port, 0), Route(), "/slow", 0.1)
    assert (seen.ok, seen.detail) == (False, "no answer within 100ms at /slow")
    port = origin.endpoint.port
    origin.close()
    made.made.remove(origin)
    assert "refused" in probe(Entrance("127.0.0.1", port, 0), Route(), "/up", 60.0).detail


class Sending(web.Handler):
    """Sends on to where `Host` says, by HTTPS."""

    def do_GET(self) -> None:
        self.reply(301, headers=[("Location", f"https://{self.headers['Host']}{self.path}")])


class Secret(web.Handler):
    def do_GET(self) -> None:
        self.reply(200 if self.path == "/up" and self.headers["Host"] == "app.test" else 503)


@pytest.fixture
def entrance() -> Iterator[Entrance]:
    """Plain HTTP sends on to HTTPS, with a certificate that nobody trusts, for another name."""
    plain, secure = web.Web(Sending), web.Web(Secret, server_context("elsewhere.test"))
    yield Entrance("127.0.0.1", plain.port, secure.port)
    plain.close()
    secure.close()


def test_what_is_sent_to_https_is_asked_there_whoever_signed_its_certificate(entrance: Entrance) -> None:
    seen = probe(entrance, Route(hosts=("app.test",), tls="auto"), "/up", 60.0)
    assert (seen.ok, seen.detail) == (True, "200 at /up")
    seen = probe(entrance, Route(hosts=("app.test",), tls="auto"), "/other", 60.0)
    assert (seen.ok, seen.detail, seen.status) == (False, "503 at /other", 503)


def test_a_redirect_to_where_there_is_no_https_is_no_answer(entrance: Entrance, made: Origins) -> None:
    plain = made.new().endpoint.port
    seen = probe(Entrance("127.0.0.1", entrance.http_port, plain), Route(hosts=("app.test",), tls="own"), "/up", 60.0)
    assert (seen.ok, seen.detail) == (False, f"301 at /up, to HTTPS: no TLS handshake at port {plain}")


def test_a_redirect_elsewhere_is_not_followed(made: Origins) -> None:
    class Away(web.Handler):
        def do_GET(self) -> None:
            self.reply(302, headers=[("Location", "https://login.example.com/up")])

    server = web.Web(Away)
    seen = probe(Entrance("127.0.0.1", server.port, 0), Route(hosts=("app.test",), tls="auto"), "/up", 60.0)
    server.close()
    assert (seen.ok, seen.detail, seen.status) == (False, "302 at /up", 302)
