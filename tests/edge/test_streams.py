"""Event streams: an answer that has begun may be silent for longer than the target timeout, whatever asked for it."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from raw_app import RawApp

from rig.wait import wait_for, with_time

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TIMEOUT = 0.3  # seconds
SILENCE = 3  # target timeouts
LLM = b'{"stream": true}'
ASKING = {
    "EventSource": b"GET /events HTTP/1.1\r\nHost: a.test\r\nAccept: text/event-stream\r\n\r\n",
    "fetch": b"GET /events HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n",
    "no word of it": b"GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "HTTP/1.0": b"GET /events HTTP/1.0\r\nHost: a.test\r\n\r\n",
    "an LLM's client": b"POST /events HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nContent-Length: 16\r\n\r\n" + LLM,
    "the long way": b"GET /events HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: mine\r\n\r\n",
}


class App(RawApp):
    """`timeout`: the target timeout that it is deployed with; its streams are silent for longer."""

    timeout = TIMEOUT

    def __init__(self):
        super().__init__({"/events": self._events})

    def deployed(self, edge, timeout=TIMEOUT):
        self.timeout = timeout
        flags = ("--host", "a.test", "--target-timeout", f"{timeout * 1000:.0f}ms")
        edge.ok("deploy", "a", "--target", self.target, *flags)

    def _events(self, connection, sent):
        silence = threading.Event()
        connection.sendall(STREAM + b"5\r\none\n\n\r\n")
        silence.wait(SILENCE * self.timeout)
        connection.sendall(b"5\r\ntwo\n\n\r\n0\r\n\r\n")
        return False


@pytest.fixture
def app():
    made = App()
    yield made
    made.close()


@pytest.fixture
def hasty(edge, app):
    app.deployed(edge)
    return edge


def answered(edge, *pieces):
    with socket.create_connection(("127.0.0.1", edge.port), 240) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        data = b""
        while not data.endswith((b"0\r\n\r\n", b"two\n\n", b"</html>\n")) and (more := connection.recv(65536)):
            data += more
        return data


def answers_of_all(edge):
    """At once, by name: whether the answer has begun, and its end."""

    def ask(name):
        head, end, body = ASKING[name].partition(b"\r\n\r\n")
        text = answered(edge, head + end, body)
        return b"one" in text, b"two" in text

    with ThreadPoolExecutor(len(ASKING)) as pool:
        return dict(zip(ASKING, pool.map(ask, ASKING), strict=True))


def test_a_stream_may_be_silent(edge, app):
    def asked(timeout):
        app.deployed(edge, timeout)
        return answers_of_all(edge)

    found = with_time(asked, lambda found: all(has_begun for has_begun, _ in found.values()), TIMEOUT)
    assert found == dict.fromkeys(ASKING, (True, True))


@pytest.mark.parametrize(
    ("head", "body"),
    [
        (b"GET /wait HTTP/1.1\r\nHost: a.test\r\n\r\n", b""),
        (b"GET /wait HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n", b""),
        (b"POST /wait HTTP/1.1\r\nHost: a.test\r\nContent-Length: 16\r\n\r\n", LLM),
        (b"POST /wait HTTP/1.1\r\nHost: a.test\r\nContent-Length: 300000\r\n\r\n", bytes(300_000)),
        (b"POST /wait HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n0\r\n\r\n"),
        (b"DELETE /wait HTTP/1.1\r\nHost: a.test\r\n\r\n", b""),
    ],
    ids=["GET", "any answer", "small upload", "large upload", "chunks", "DELETE"],
)
def test_a_target_that_does_not_begin_its_answer_in_time_is_a_timeout(hasty, head, body):
    assert answered(hasty, head, body).startswith(b"HTTP/1.1 504 Gateway Time")


def test_a_slow_upload_is_no_slow_target(edge, app):
    """The target timeout begins when the target has the whole request: 5 pieces in twice the time."""
    pause = threading.Event()

    def uploaded(timeout):
        app.deployed(edge, timeout)
        with socket.create_connection(("127.0.0.1", edge.port), 60 + 3 * timeout) as connection:
            connection.sendall(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n")
            for _ in range(5):
                pause.wait(0.4 * timeout)
                connection.sendall(b"x")
            return connection.makefile("rb").readline()

    # On a busy machine the target itself may be too slow.
    line = with_time(uploaded, lambda line: line.startswith(b"HTTP/1.1 200 "), TIMEOUT)
    assert line.startswith(b"HTTP/1.1 200 ")
    assert app.sent[-1].body == b"xxxxx"


def test_whatever_comes_meanwhile_the_wait_has_an_end(hasty, app):
    """A request sent ahead, and what its target says that is no answer yet: both wake HAProxy before its time."""

    def slowly(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-A")
        return bool(connection.recv(1))

    app.answers["/slowly"] = slowly
    for path in (b"/wait", b"/slowly"):
        asking = b"GET " + path + b" HTTP/1.1\r\nHost: a.test\r\n\r\n"
        with socket.create_connection(("127.0.0.1", hasty.port), 240) as connection:
            connection.sendall(asking)
            wait_for(lambda path=path.decode(): any(one.path == path for one in app.sent))
            connection.sendall(asking)
            assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 504 ")
