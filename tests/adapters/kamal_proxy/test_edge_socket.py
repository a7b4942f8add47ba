"""The edge's control socket, against a server that answers well, badly, or not at all."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from discode.adapters.kamal_proxy import EdgeSocket
from discode.adapters.kamal_proxy.carrier import Answer
from discode.core.errors import ProxyUnreachable


@contextmanager
def server(path: Path, behave: Callable[[socket.socket, bytes], None]) -> Iterator[None]:
    """Takes one connection, reads a line and hands both over."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection, connection.makefile("rb") as lines:
                behave(connection, lines.readline())

        thread = threading.Thread(target=serve)
        thread.start()
        yield
        thread.join()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "edge.sock"


def test_a_command_is_a_line_and_so_is_the_answer(path: Path) -> None:
    seen = []

    def behave(connection: socket.socket, line: bytes) -> None:
        seen.append(json.loads(line))
        answer = json.dumps({"code": 1, "stdout": "ü\n", "stderr": "x" * 200_000}).encode() + b"\n"
        for start in range(0, len(answer), 50_000):
            connection.sendall(answer[start : start + 50_000])

    with server(path, behave):
        answer = EdgeSocket(path).run(["stop", "myapp", "--message=two\nlines"], 60.0)
    assert seen == [{"argv": ["stop", "myapp", "--message=two\nlines"]}]
    assert answer == Answer(1, "ü\n", "x" * 200_000)


@pytest.mark.parametrize("answer", [b"", b'{"code": 0', b"[]\n", b'{"code": 0}\n', b"hello\n"])
def test_an_answer_that_is_cut_off_means_that_nothing_is_known(path: Path, answer: bytes) -> None:
    with server(path, lambda connection, _: connection.sendall(answer)), pytest.raises(ProxyUnreachable):
        EdgeSocket(path).run(["list"], 60.0)


def test_no_answer_in_time_is_unreachable_however_much_trickles_in(path: Path) -> None:
    gone = threading.Event()

    def behave(connection: socket.socket, _: bytes) -> None:
        while not gone.wait(0.05):
            try:
                connection.sendall(b" ")
            except OSError:
                return

    with server(path, behave):
        with pytest.raises(ProxyUnreachable, match="no answer in time"):
            EdgeSocket(path).run(["deploy", "myapp"], 0.3)
        gone.set()


def test_no_socket_and_a_dead_socket_are_unreachable(path: Path) -> None:
    with pytest.raises(ProxyUnreachable, match="No such file"):
        EdgeSocket(path).run(["list"], 60.0)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
    with pytest.raises(ProxyUnreachable, match="refused") as raised:
        EdgeSocket(path).run(["list"], 60.0)
    assert "edge.log" in raised.value.next_step


def test_a_path_that_no_socket_can_have_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProxyUnreachable, match="too long"):
        EdgeSocket(tmp_path / ("x" * 120) / "edge.sock").run(["list"], 60.0)
