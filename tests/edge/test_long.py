"""WebSockets and event streams at a switch, and checks that go on after it."""

import base64
import contextlib
import socket
import threading
import time

import pytest
from conftest_edge import App
from echo import ask
from long_app import LongApp

from rig.wait import wait_for


@pytest.fixture
def long_apps():
    made = [LongApp("one"), LongApp("two")]
    yield made
    for app in made:
        app.close()


class WebSocket:
    """A client that waits for the end; `ended` is the moment of it."""

    def __init__(self, edge, host="a.test"):
        self.socket = socket.create_connection(("127.0.0.1", edge.port), timeout=30)
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
            head += self.socket.recv(1)
        assert b" 101 " in head.split(b"\r\n")[0], head
        self.app = head.split(b"x-app: ")[1].split(b"\r\n")[0].decode()
        self.ended = 0.0
        self.thread = threading.Thread(target=self._wait, daemon=True)
        self.thread.start()

    def _wait(self):
        with contextlib.suppress(OSError):
            while self.socket.recv(4096):
                pass
        self.ended = time.monotonic()

    def close(self):
        self.socket.close()


def test_websockets_are_let_go_one_after_another(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    sockets = [WebSocket(edge) for _ in range(60)]
    assert {each.app for each in sockets} == {"one"}
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "10s")
    for each in sockets:
        each.thread.join(15)
    moments = sorted(each.ended for each in sockets)
    assert moments[0] > 0 and moments[-1] - moments[0] > 0.8, "60 at 50 a second"
    largest = max(sum(1 for other in moments if moment <= other < moment + 0.1) for moment in moments)
    assert largest < 30, "never the half of them at once"
    again = WebSocket(edge)
    assert again.app == "two"
    again.close()


def test_a_short_drain_lets_go_of_all_of_them_in_time(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    sockets = [WebSocket(edge) for _ in range(60)]
    begun = time.monotonic()
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "1s")
    assert time.monotonic() - begun < 4
    for each in sockets:
        each.thread.join(5)
        assert each.ended


def test_an_event_stream_may_end_by_itself_in_the_first_half_of_a_drain(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    answers = []
    accept = [("Accept", "text/event-stream")]
    thread = threading.Thread(target=lambda: answers.append(ask(edge, "/events?1.5", headers=accept)))
    thread.start()
    wait_for(lambda: one.streams == 1)
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "10s")
    thread.join()
    assert answers[0].text.endswith("data: end\n\n")


def test_endless_event_streams_end_with_the_drain_and_come_back_to_the_new_version(edge, long_apps):
    one, two = long_apps
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    connection = socket.create_connection(("127.0.0.1", edge.port), timeout=20)
    connection.sendall(b"GET /events?60 HTTP/1.1\r\nHost: a.test\r\nAccept: text/event-stream\r\n\r\n")
    wait_for(lambda: one.streams == 1)
    begun = time.monotonic()
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "2s")
    assert 0.8 < time.monotonic() - begun < 4
    while connection.recv(4096):
        pass
    connection.close()
    answer = ask(edge, "/events?0", headers=[("Accept", "text/event-stream")])
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
        assert edge.service("a")["health"] == {one.target: "", two.target: ""}
    finally:
        one.close()
        two.close()


def test_a_single_target_is_told_and_kept(edge, apps):
    (one,) = apps("one")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    one.healthy = False
    wait_for(lambda: edge.service("a")["health"][one.target], seconds=25)
    assert edge.get("a.test") == (200, "one")


def test_a_body_that_trickles_does_not_hold_a_target(edge, apps):
    (one,) = apps("one")
    edge.process.terminate()
    edge.process.wait()
    edge.start("--body-grace", "1s")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    slow = socket.create_connection(("127.0.0.1", edge.port), timeout=20)
    slow.sendall(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100000\r\n\r\n")
    fast = socket.create_connection(("127.0.0.1", edge.port), timeout=20)
    fast.sendall(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10000000\r\n\r\n")
    ended = []

    def trickle():
        try:
            while not ended:
                slow.sendall(b"x")
                time.sleep(0.2)
        except OSError:
            ended.append("slow")

    thread = threading.Thread(target=trickle)
    thread.start()
    begun = time.monotonic()
    while not ended and time.monotonic() - begun < 15:
        fast.sendall(b"x" * 2000)
        time.sleep(0.2)
    thread.join(20)
    assert ended == ["slow"], "the slow one was cut, the fast one was not"
    slow.close()
    fast.close()


def test_a_target_that_takes_its_time_is_not_blamed_on_the_client(edge):
    """It reads nothing for a while, so HAProxy takes no more from a client that would send."""
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    edge.process.terminate()
    edge.process.wait()
    edge.start("--body-grace", "1s")
    edge.ok("deploy", "a", "--target", f"127.0.0.1:{listener.getsockname()[1]}", "--host", "a.test", "--force")
    size = 30_000_000
    client = socket.create_connection(("127.0.0.1", edge.port), timeout=20)

    def send():
        head = f"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: {size}\r\n\r\n"
        client.sendall(head.encode() + b"x" * size)

    sender = threading.Thread(target=send)
    sender.start()
    target, received = _upload_at(listener)
    time.sleep(5)
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
