"""WebSockets and event streams at a switch, and checks that go on after it."""

import base64
import contextlib
import socket
import threading
from typing import Any

import pytest
from conftest_edge import App
from echo import ask
from long_app import LongApp

from discode.edge.traffic.drain import Release
from rig.wait import wait_for


@pytest.fixture
def long_apps():
    made = [LongApp("one"), LongApp("two")]
    yield made
    for app in made:
        app.close()


class WebSocket:
    """A client that waits for the end."""

    def __init__(self, edge, host="a.test"):
        self.socket = socket.create_connection(("127.0.0.1", edge.port), timeout=240)
        key = base64.b64encode(b"0123456789abcdef").decode()
        words = [
            "GET /ws HTTP/1.1",
            f"Host: {host}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Version: 13",
            f"Sec-WebSocket-Key: {key}",
        ]
        self.socket.sendall("\r\n".join([*words, "", ""]).encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += (piece := self.socket.recv(1))
            assert piece, head
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.app = head.split(b"x-app: ")[1].split(b"\r\n")[0].decode()
        self.ended = False
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self):
        with contextlib.suppress(OSError):
            while self.socket.recv(4096):
                pass
        self.ended = True

    def close(self):
        self.socket.close()


def test_websockets_are_let_go_one_after_another(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    sockets = [WebSocket(edge) for _ in range(60)]
    assert {each.app for each in sockets} == {"one"}
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "10s")
    for each in sockets:
        each.thread.join(240)
        assert each.ended
    again = WebSocket(edge)
    assert again.app == "two"
    again.close()


def numbers(count) -> Any:
    """In place of sessions: what is let go is not looked at."""
    return range(count)


def test_fifty_are_let_go_a_second_or_all_of_them_in_the_time_there_is():
    for count, span, gap in [(60, 10.0, 0.02), (60, 0.6, 0.01)]:
        release = Release(numbers(count), 100.0, span)
        assert release.due(99.9) == []
        assert [len(release.due(100.0 + gap * (number + 0.5))) for number in range(count)] == [1] * count
        assert release.due(1000.0) == []
    late = Release(numbers(60), 100.0, 10.0)
    assert late.due(100.51) == list(range(26)), "a look that comes late makes up for it"


def test_a_short_drain_lets_go_of_all_of_them_in_time(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    sockets = [WebSocket(edge) for _ in range(60)]
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "1s")
    for each in sockets:
        each.thread.join(240)
        assert each.ended


def test_an_event_stream_may_end_by_itself_in_the_first_half_of_a_drain(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    answers = []
    accept = [("Accept", "text/event-stream")]
    thread = threading.Thread(target=lambda: answers.append(ask(edge, "/events", headers=accept)))
    thread.start()
    wait_for(lambda: one.streams == 1)
    background = ("--drain-timeout", "20m", "--drain-in-background")
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", *background)
    assert not answers and edge.service("a")["draining"] == 1
    one.let_go.set()
    thread.join()
    assert answers[0].text.endswith("data: end\n\n")


def test_endless_event_streams_end_with_the_drain_and_come_back_to_the_new_version(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    connection = socket.create_connection(("127.0.0.1", edge.port), timeout=240)
    connection.sendall(b"GET /events HTTP/1.1\r\nHost: a.test\r\nAccept: text/event-stream\r\n\r\n")
    received = b""
    while b"data: tick" not in received:
        received += (piece := connection.recv(4096))
        assert piece, received
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "2s")
    while piece := connection.recv(4096):
        received += piece
    connection.close()
    assert b"data: end" not in received, "the app had not ended it"
    two.let_go.set()
    answer = ask(edge, "/events", headers=[("Accept", "text/event-stream")])
    assert answer.text.startswith("data: two")


def test_a_target_that_fails_its_checks_is_told_and_gets_nothing_until_it_is_well(edge):
    one, two = App("one"), App("two")
    try:
        targets = ["--target", one.target, "--target", two.target, "--health-check-interval", "200ms"]
        edge.ok("deploy", "a", *targets, "--host", "a.test")
        assert {edge.get("a.test")[1] for _ in range(10)} == {"one", "two"}
        one.healthy = False
        wait_for(lambda: edge.service("a")["health"][one.target])
        assert edge.service("a")["health"] == {one.target: "500 at /up", two.target: ""}
        wait_for(lambda: {edge.get("a.test")[1] for _ in range(10)} == {"two"})
        one.healthy = True
        wait_for(lambda: {edge.get("a.test")[1] for _ in range(10)} == {"one", "two"})
        wait_for(lambda: edge.service("a")["health"] == {one.target: "", two.target: ""})
    finally:
        one.close()
        two.close()


def test_a_single_target_is_told_and_kept(edge, apps):
    (one,) = apps("one")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    one.healthy = False
    wait_for(lambda: edge.service("a")["health"][one.target])
    assert edge.get("a.test") == (200, "one")


class Trickler:
    """An upload with a byte now and then, until it is cut."""

    def __init__(self, edge, host="a.test"):
        self.cut = threading.Event()
        self._socket = socket.create_connection(("127.0.0.1", edge.port), timeout=240)
        self._socket.sendall(f"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\n".encode())
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError), self._socket:
            while not self.cut.wait(0.2):
                self._socket.sendall(b"x")
        self.cut.set()


@pytest.fixture
def impatient(edge):
    """An edge that looks at uploads every half second."""
    edge.process.terminate()
    edge.process.wait()
    return edge.start("--body-grace", "1s")


def test_a_body_that_trickles_does_not_hold_a_target(impatient, apps):
    (one,) = apps("one")
    impatient.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    slow = Trickler(impatient)
    with socket.create_connection(("127.0.0.1", impatient.port), timeout=240) as fast:
        fast.sendall(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000000000\r\n\r\n")
        while not slow.cut.wait(0.1):
            fast.sendall(b"x" * 100_000)
        fast.setblocking(False)
        with pytest.raises(BlockingIOError):
            fast.recv(1)  # it is not cut


def test_a_target_that_takes_its_time_is_not_blamed_on_the_client(impatient, apps):
    """It reads nothing for a while, so HAProxy takes no more from a client that would send."""
    (other,) = apps("other")
    impatient.ok("deploy", "b", "--target", other.target, "--host", "b.test")
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    target = f"127.0.0.1:{listener.getsockname()[1]}"
    impatient.ok("deploy", "a", "--target", target, "--host", "a.test", "--force")
    size = 30_000_000
    client = socket.create_connection(("127.0.0.1", impatient.port), timeout=240)

    def send():
        head = f"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n"
        client.sendall(head.encode() + b"x" * size)

    sender = threading.Thread(target=send)
    sender.start()
    target, received = _upload_at(listener)
    for _ in range(2):  # whoever is slow by himself is cut meanwhile, twice
        assert Trickler(impatient, "b.test").cut.wait(240)
    while received < size:
        received += len(target.recv(1 << 20))
    target.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
    assert client.recv(1000).startswith(b"HTTP/1.1 200")
    sender.join()
    for one in (client, target, listener):
        one.close()


def _upload_at(listener):
    """The connection with the upload, and how much of its body came with the header. Checks connect, too."""
    while True:
        connection, _ = listener.accept()
        head, _, body = connection.recv(4096).partition(b"\r\n\r\n")
        if head.startswith(b"POST"):
            return connection, len(body)
        connection.close()
