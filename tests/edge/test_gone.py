"""Clients that leave before they have their answer: the app learns it at once, however they had asked."""

import socket
import struct
from pathlib import Path

import pytest
from conftest_edge import requests_under_way
from long_app import LongApp
from raw_app import RawApp
from test_https import http2_frame
from test_long import WebSocket

from rig.wait import wait_for

ASKING = {
    "GET": b"GET /wait HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "HTTP/1.0": b"GET /wait HTTP/1.0\r\nHost: a.test\r\n\r\n",
    "POST": b"POST /wait HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
    "half of an upload": b"POST /wait HTTP/1.1\r\nHost: a.test\r\nContent-Length: 50\r\n\r\nhello",
    "an event stream": b"GET /wait HTTP/1.1\r\nHost: a.test\r\nAccept: text/event-stream\r\n\r\n",
    "the long way": b"GET /wait HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: mine\r\n\r\n",
}


@pytest.fixture
def app():
    made = RawApp()
    yield made
    made.close()


@pytest.fixture
def waited(edge, app):
    """The target timeout, with which every app learns it, is minutes away."""
    edge.ok("deploy", "a", "--target", app.target, "--host", "a.test", "--target-timeout", "10m")
    return edge


def connected(edge, data):
    connection = socket.create_connection(("127.0.0.1", edge.port), 240)
    connection.sendall(data)
    return connection


def test_three_closed_tabs_free_the_app(waited, app):
    """Without an order of the clients' own: FIN, or RST."""
    for count, (asking, is_reset) in enumerate([(one, reset) for one in ASKING.values() for reset in (False, True)], 1):
        client = connected(waited, asking)
        wait_for(lambda count=count: app.waiting == count)
        if is_reset:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        wait_for(lambda count=count: app.left == count, what=f"{asking!r} is told")


def test_a_client_of_http_2_takes_one_request_back(https_edge, app, pair):
    https_edge.start()
    good = pair("good", "a.test")
    flags = ("--host", "a.test", "--tls", *good.flags, "--target-timeout", "10m")
    https_edge.ok("deploy", "a", "--target", app.target, *flags)
    with https_edge.connect("a.test", good.certificate, ["h2"]) as secure:
        # By HPACK's table: GET, https, /wait, a.test; RFC 7541, appendix A.
        head = b"\x82\x87\x04\x05/wait\x41\x06a.test"
        secure.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"") + http2_frame(1, 5, 1, head))
        wait_for(lambda: app.waiting == 1)
        secure.sendall(http2_frame(3, 0, 1, b"\0\0\0\x08"))  # RST_STREAM, CANCEL
        wait_for(lambda: app.left == 1)


def test_who_leaves_a_paused_service_costs_it_nothing_later(waited, app):
    waited.ok("pause", "a")
    client = connected(waited, ASKING["GET"])
    wait_for(lambda: requests_under_way(waited) == 1)
    client.close()
    waited.ok("resume", "a")
    assert waited.get("a.test")[0] == 200
    wait_for(lambda: requests_under_way(waited) == 0)
    assert app.waiting == app.left


def test_a_worker_that_a_reload_has_left_tells_it_too(waited, app):
    """Its next request goes through the newest worker."""
    client = connected(waited, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    client.recv(65536)
    waited.ok("deploy", "b", "--target", app.target, "--host", "b.test")
    client.sendall(ASKING["GET"])
    wait_for(lambda: app.waiting == 1)
    client.close()
    wait_for(lambda: app.left == 1)


def test_a_half_closed_client_is_answered_as_by_kamal_proxy(waited, app):
    """Until something is sent to it, it looks like one that has left; so does it to kamal-proxy, nginx and Envoy."""
    client = connected(waited, ASKING["GET"])
    wait_for(lambda: app.waiting == 1)
    client.shutdown(socket.SHUT_WR)
    assert client.makefile("rb").readline().startswith(b"HTTP/1.1 499 ")
    client.close()


def test_a_target_that_fails_is_not_blamed_on_a_client_that_waits(waited, app):
    app.answers["/fail"] = lambda *_: False
    for method in (b"GET", b"POST"):
        client = connected(waited, method + b" /fail HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n")
        assert client.makefile("rb").readline().startswith(b"HTTP/1.1 502 ")
        client.close()


def test_silent_connections_are_looked_after_on_both_sides(edge):
    """The kernel asks every half minute whether anybody is there, not every two hours; proc(5), `tcp`."""
    app = LongApp("one")
    edge.ok("deploy", "a", "--target", app.target, "--host", "a.test")
    client = WebSocket(edge)
    ours, theirs = f":{edge.port:04X}", f":{int(app.target.split(':')[1]):04X}"

    def timers():
        """Another one is on while something that was sent is not acknowledged yet."""
        rows = [row.split() for row in Path("/proc/net/tcp").read_text().splitlines()[1:]]
        found = [row[5] for row in rows if row[3] == "01" and (row[1][8:] == ours or row[2][8:] == theirs)]
        return found if all(timer.startswith("02:") for timer in found) and len(found) == 2 else []

    assert all(int(timer[3:], 16) <= 3000 for timer in wait_for(timers))
    client.close()
    app.close()
