"""Clients far away: what takes a round trip here takes a tenth of a second there."""

import contextlib
import select
import socket
import ssl
import threading

import pytest
from far import Far
from raw_app import RawApp
from test_https import http2_frame

from rig.wait import WaitedInVain, wait_for

ROUND_TRIP = 0.1
SIZE = 4_000_000


@pytest.fixture
def app():
    made = RawApp()
    yield made
    made.close()


class Upload:
    """`POST /` over HTTP/2 with a body of SIZE bytes, as fast as the other side's windows let it; RFC 9113, 6.9.

    By one thread: a TLS connection that two use at once may lose records before Python 3.13.
    """

    def __init__(self, connection, host):
        self._connection, self._windows, self._left = connection, {0: 65535, 1: 65535}, SIZE
        self._initial, self.furthest, self.status = 65535, 0, b""
        head = b"\x83\x87\x84\x41" + bytes([len(host)]) + host  # POST, https, /, the host: RFC 7541, appendix A
        connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + http2_frame(4, 0, 0, b"") + http2_frame(1, 4, 1, head))

    def run(self):
        """`furthest` is then the most that it could send ahead of what the other side had taken."""
        while not self.status:
            window = min(self._windows.values())
            self.furthest = max(self.furthest, window)
            if self._left and window > 0 and not self._has_come():
                self._send(min(self._left, 16384, window))
            else:
                self._read()

    def _has_come(self):
        return self._connection.pending() or select.select([self._connection], [], [], 0)[0]

    def _send(self, size):
        self._windows = {stream: window - size for stream, window in self._windows.items()}
        self._left -= size
        self._connection.sendall(http2_frame(0, not self._left, 1, bytes(size)))

    def _read(self):
        start = self._exactly(9)
        payload, stream = self._exactly(int.from_bytes(start[:3], "big")), start[8]
        if start[3] == 4 and not start[4]:
            settings = {payload[at : at + 2]: payload[at + 2 : at + 6] for at in range(0, len(payload), 6)}
            initial = int.from_bytes(settings.get(b"\0\4", self._initial.to_bytes(4, "big")), "big")
            self._windows[1] += initial - self._initial
            self._initial = initial
        if start[3] == 8:
            self._windows[stream] += int.from_bytes(payload, "big")
        if start[3] == 1:
            self.status = payload[:1]

    def _exactly(self, length):
        data = b""
        while len(data) < length:
            part = self._connection.recv(length - len(data))
            assert part, "the edge has closed the connection"
            data += part
        return data


def test_an_upload_over_http_2_does_not_wait_for_every_100_kb(https_edge, app, pair):
    """A client may send far more ahead than the 64 KB for which HAProxy by itself would need 60 round trips."""
    https_edge.start()
    good = pair("good", "a.test")
    https_edge.ok("deploy", "a", "--target", app.target, "--host", "a.test", "--tls", *good.flags)
    far = Far(https_edge.https_port, ROUND_TRIP)
    context = ssl.create_default_context(cafile=str(good.certificate))
    context.set_alpn_protocols(["h2"])

    connection = socket.create_connection(("127.0.0.1", far.port), 240)
    with context.wrap_socket(connection, server_hostname="a.test") as secure:
        upload = Upload(secure, b"a.test")
        upload.run()
    far.close()
    assert upload.status == b"\x88", "200, by HPACK's table"
    assert upload.furthest > 4 * 65535
    assert len(app.sent[-1].body) == SIZE


def test_a_small_piece_is_passed_on_at_once_in_both_directions(edge, app):
    """Each is sent when the one before has come: with a pause of 0.2 s before each this would take 8 s, every time. A
    busy machine may need half of that, now and then."""
    app.answers["/echo"] = echo_pieces
    edge.ok("deploy", "a", "--target", app.target, "--host", "a.test")
    assert wait_for(lambda: exchanged_at_once(edge)) == [b"1\r\nx\r\n" * PIECES]


PIECES = 20


def echo_pieces(connection, _):
    connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while piece := connection.recv(100):
        connection.sendall(piece)
    return False


def exchanged_at_once(edge):
    answers = []
    threading.Thread(target=exchange_pieces, args=(edge, answers), daemon=True).start()
    with contextlib.suppress(WaitedInVain):
        wait_for(lambda: answers, PIECES * 0.2)
    return list(answers)


def exchange_pieces(edge, answers):
    with socket.create_connection(("127.0.0.1", edge.port), 240) as connection, connection.makefile("rb") as stream:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(b"POST /echo HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n")
        while stream.readline() != b"\r\n":
            pass
        got = b""
        for _ in range(PIECES):
            connection.sendall(b"1\r\nx\r\n")
            got += stream.readline() + stream.readline()
        answers.append(got)
