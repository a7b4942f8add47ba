"""The end of a drain: a request that has no answer by then gets a 504, whatever HAProxy's version does by itself."""

import http.client
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.wait import wait_for

CUT = ("--drain-timeout", "500ms")


def ask(edge, *paths, method="GET", body=None):
    """Status and body of the last one; all on one connection, so that the edge reuses its own to the target, too."""
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240)
    try:
        for path in paths:
            connection.request(method, path, body, {"Host": "a.test"})
            answer = connection.getresponse()
            told = answer.status, answer.read().decode()
        return told
    finally:
        connection.close()


@pytest.mark.parametrize("paths", [("/hold",), ("/", "/hold")], ids=["new connection", "used connection"])
@pytest.mark.parametrize("body", [None, b"x" * 100_000], ids=["GET", "POST"])
def test_a_request_without_an_answer_is_told(deployed, paths, body):
    edge, one, two = deployed
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, edge, *paths, method="POST" if body else "GET", body=body)
        wait_for(lambda: one.held == 1)
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", *CUT)
        status, page = held.result(240)
    assert status == 504 and "504 Gateway Timeout" in page


def test_a_service_has_its_own_page_for_it(deployed, tmp_path):
    edge, one, two = deployed
    (tmp_path / "504.html").write_text("<p>Too late, sorry.</p>")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--error-pages", str(tmp_path))
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, edge, "/hold")
        wait_for(lambda: one.held == 1)
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--error-pages", str(tmp_path), *CUT)
        assert held.result(240) == (504, "<p>Too late, sorry.</p>")


def test_what_comes_after_a_cut_is_served(deployed):
    """Back to the backend that was cut: nothing of the cut is left there."""
    edge, one, two = deployed
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, edge, "/hold")
        wait_for(lambda: one.held == 1)
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", *CUT)
        assert held.result(240)[0] == 504
        edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
        again = pool.submit(ask, edge, "/hold")
        wait_for(lambda: one.held == 2)
        one.let_go.set()
        assert again.result(240) == (200, "one")


class Silent:
    """A target that takes a request and then does what the test says with its connection."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.target = f"127.0.0.1:{self.listener.getsockname()[1]}"
        self.has_request = threading.Event()
        self.connection = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while not self.has_request.is_set():
            connection, _ = self.listener.accept()
            if connection.recv(65536).startswith(b"GET /wait"):
                self.connection = connection
                self.has_request.set()
            else:
                connection.close()  # a check, or what looks whether it listens

    def close(self):
        self.listener.close()
        if self.connection:
            self.connection.close()


@pytest.fixture
def silent():
    made = Silent()
    yield made
    made.close()


def test_a_target_that_closes_or_is_too_slow_is_told_as_ever(edge, silent):
    """The wait for a cut keeps nobody from his 502."""
    edge.ok("deploy", "a", "--target", silent.target, "--host", "a.test", "--force")
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(ask, edge, "/wait")
        assert silent.has_request.wait(240)
        silent.connection.close()
        assert held.result(240)[0] == 502


def test_the_target_timeout_is_told_as_ever(deployed):
    edge, one, _ = deployed
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--target-timeout", "300ms")
    assert ask(edge, "/hold")[0] == 504


def test_an_answer_that_has_begun_is_broken_off(edge, silent, apps):
    """Its status has been told: only a connection that breaks can say that it is not whole."""
    (two,) = apps("two")
    edge.ok("deploy", "a", "--target", silent.target, "--host", "a.test", "--force")
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240)
    connection.request("GET", "/wait", headers={"Host": "a.test"})
    assert silent.has_request.wait(240)
    silent.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    answer = connection.getresponse()  # it has begun for the client, too
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", *CUT)
    with pytest.raises(http.client.IncompleteRead):
        answer.read()
    connection.close()


def test_a_version_that_is_cut_takes_none_with_it_that_serves_in_the_same_backend(deployed, apps):
    """The first version and the third share one."""
    edge, one, two = deployed
    (three,) = apps("three")
    with ThreadPoolExecutor(2) as pool:
        old = pool.submit(ask, edge, "/hold")
        wait_for(lambda: one.held == 1)
        background = ("--drain-in-background", "--drain-timeout", "3s")
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", *background)
        edge.ok("deploy", "a", "--target", three.target, "--host", "a.test", *background)
        new = pool.submit(ask, edge, "/hold")
        wait_for(lambda: three.held == 1)
        assert old.result(240)[0] == 504
        wait_for(lambda: edge.service("a")["draining"] == 0)
        three.let_go.set()
        assert new.result(240) == (200, "three")
