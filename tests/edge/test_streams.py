"""Event streams: an answer that has begun may be silent for longer than the target timeout, whatever asked for it."""

import socket
import threading

import pytest
from raw_app import RawApp

from rig.wait import wait_for

STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
TIMEOUT = "300ms"
SILENCE = 0.9  # seconds: three target timeouts
LLM = b'{"stream": true}'
ASKING = {
    "EventSource": b"GET /events HTTP/1.1\r\nHost: a.test\r\nAccept: text/event-stream\r\n\r\n",
    "fetch": b"GET /events HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\n\r\n",
    "no word of it": b"GET /events HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "HTTP/1.0": b"GET /events HTTP/1.0\r\nHost: a.test\r\n\r\n",
    "an LLM's client": b"POST /events HTTP/1.1\r\nHost: a.test\r\nAccept: */*\r\nContent-Length: 16\r\n\r\n" + LLM,
    "the long way": b"GET /events HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: mine\r\n\r\n",
}


@pytest.fixture
def app():
    def events(connection, sent):
        silence = threading.Event()
        connection.sendall(STREAM + b"5\r\none\n\n\r\n")
        silence.wait(SILENCE)
        connection.sendall(b"5\r\ntwo\n\n\r\n0\r\n\r\n")
        return False

    made = RawApp({"/events": events})
    yield made
    made.close()


@pytest.fixture
def hasty(edge, app):
    edge.ok("deploy", "a", "--target", app.target, "--host", "a.test", "--target-timeout", TIMEOUT)
    return edge


def answered(edge, *pieces):
    with socket.create_connection(("127.0.0.1", edge.port), 20) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for piece in pieces:
            connection.sendall(piece)
        data = b""
        while not data.endswith((b"0\r\n\r\n", b"two\n\n", b"</html>\n")) and (more := connection.recv(65536)):
            data += more
        return data


def test_a_stream_may_be_silent(hasty):
    clients = {}
    for name, asking in ASKING.items():
        head, end, body = asking.partition(b"\r\n\r\n")
        clients[name] = head + end, body
    answers = {}

    def ask(name):
        answers[name] = answered(hasty, *clients[name])

    threads = [threading.Thread(target=ask, args=(name,)) for name in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {name: (b"one" in text, b"two" in text) for name, text in answers.items()} == dict.fromkeys(
        ASKING, (True, True)
    )


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


def test_a_slow_upload_is_no_slow_target(hasty, app):
    """The target timeout begins when the target has the whole request: 5 pieces in twice the time."""
    pause = threading.Event()
    with socket.create_connection(("127.0.0.1", hasty.port), 20) as connection:
        connection.sendall(b"POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\n")
        for _ in range(5):
            pause.wait(0.12)
            connection.sendall(b"x")
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 200 ")
    assert app.sent[-1].body == b"xxxxx"


def test_whatever_comes_meanwhile_the_wait_has_an_end(hasty, app):
    """A request sent ahead, and what its target says that is no answer yet: both wake HAProxy before its time."""

    def slowly(connection, _):
        connection.sendall(b"HTTP/1.1 200 OK\r\nX-A")
        return bool(connection.recv(1))

    app.answers["/slowly"] = slowly
    for path in (b"/wait", b"/slowly"):
        asking = b"GET " + path + b" HTTP/1.1\r\nHost: a.test\r\n\r\n"
        with socket.create_connection(("127.0.0.1", hasty.port), 20) as connection:
            connection.sendall(asking)
            wait_for(lambda path=path.decode(): any(one.path == path for one in app.sent))
            connection.sendall(asking)
            assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 504 ")
