"""Clients far away: what takes a round trip here takes a tenth of a second there."""

import socket
import ssl
import threading

import pytest
from far import Far
from raw_app import RawApp
from test_https import http2_frame

from rig.wait import wait_for

ROUND_TRIP = 0.1
SIZE = 4_000_000


@pytest.fixture
def app():
    made = RawApp()
    yield made
    made.close()


class Upload:
    """`POST /` over HTTP/2 with a body of SIZE bytes, as fast as the other side's windows let it; RFC 9113, 6.9."""

    def __init__(self, connection, host):
        self._connection, self._stream = connection, connection.makefile("rb")
        self._windows, self._more, self.status = {0: 65535, 1: 65535}, threading.Condition(), b""
        head = b"\x83\x87\x84\x41" + bytes([len(host)]) + host  # POST, https, /, the host: RFC 7541, appendix A
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"") + http2_frame(1, 4, 1, head))
        for side in (self._read, self._send):
            threading.Thread(target=side, daemon=True).start()

    def _send(self):
        left = SIZE
        while left:
            with self._more:
                self._more.wait_for(lambda: min(self._windows.values()) > 0, 30)
                size = min(left, 16384, *self._windows.values())
                self._windows = {stream: window - size for stream, window in self._windows.items()}
            left -= size
            self._connection.sendall(http2_frame(0, not left, 1, bytes(size)))

    def _read(self):
        while not self.status:
            start = self._stream.read(9)
            payload, stream = self._stream.read(int.from_bytes(start[:3], "big")), start[8]
            with self._more:
                if start[3] == 4 and not start[4]:
                    settings = {payload[at : at + 2]: payload[at + 2 : at + 6] for at in range(0, len(payload), 6)}
                    self._windows[1] += int.from_bytes(settings.get(b"\0\4", b"\0\0\xff\xff"), "big") - 65535
                if start[3] == 8:
                    self._windows[stream] += int.from_bytes(payload, "big")
                if start[3] == 1:
                    self.status = payload[:1]
                self._more.notify_all()


def test_an_upload_over_http_2_does_not_wait_for_every_100_kb(https_edge, app, pair):
    """It takes what its bytes need on the way, and some round trips; HAProxy by itself would need 60, kamal-proxy 6."""
    https_edge.start()
    good = pair("good", "a.test")
    https_edge.ok("deploy", "a", "--target", app.target, "--host", "a.test", "--tls", *good.flags)
    far = Far(https_edge.https_port, ROUND_TRIP)
    context = ssl.create_default_context(cafile=str(good.certificate))
    context.set_alpn_protocols(["h2"])

    connection = socket.create_connection(("127.0.0.1", far.port), 30)
    with context.wrap_socket(connection, server_hostname="a.test") as secure:
        upload = Upload(secure, b"a.test")
        wait_for(lambda: upload.status, 25 * ROUND_TRIP)
    far.close()
    assert upload.status == b"\x88", "200, by HPACK's table"
    assert len(app.sent[-1].body) == SIZE


def test_a_small_piece_is_passed_on_at_once_in_both_directions(edge, app):
    """Each is sent when the one before has come: with a pause of 0.2 s before each this would take 8 s."""
    app.answers["/echo"] = echo_pieces
    edge.ok("deploy", "a", "--target", app.target, "--host", "a.test")
    answers = []
    threading.Thread(target=exchange_pieces, args=(edge, answers), daemon=True).start()
    wait_for(lambda: answers, PIECES * 0.2)
    assert answers == [b"1\r\nx\r\n" * PIECES]


PIECES = 20


def echo_pieces(connection, _):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while piece := connection.recv(100):
        connection.sendall(piece)
    return False


def exchange_pieces(edge, answers):
    with socket.create_connection(("127.0.0.1", edge.port), 30) as connection, connection.makefile("rb") as stream:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        while stream.readline() != b"\r\n":
            pass
        got = b""
        for _ in range(PIECES):
            connection.sendall(b"1\r\nx\r\n")
            got += stream.readline() + stream.readline()
        answers.append(got)
