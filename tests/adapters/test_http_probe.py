"""What one health check sees, and what the app says there."""

import socket
import threading
from contextlib import contextmanager

import pytest

from discode.adapters.http_probe import LONGEST, first_words, probe


@contextmanager
def answering(data):
    """Whoever connects once gets these bytes, and the connection stays open."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        ended = threading.Event()

        def serve():
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(data)
                ended.wait()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            ended.set()
            thread.join()


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 200, ""),
        (b"HTTP/1.1 500 X\r\nContent-Length: 22\r\n\r\n\n cannot  reach the db \n", 500, "cannot reach the db"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", 500, ""),
        (b"HTTP/1.1 500 X\r\nContent-Length: 900\r\n\r\nno da", 500, "no da"),
        (b"HTTP/1.1 503 X\r\nContent-Length: 9\r\n\r\n", 503, ""),
        (b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nno db\r\n", 500, "no db"),
        (b"HTTP/1.1 500 X\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 500, ""),
    ],
)
def test_an_answer_that_is_not_ok_is_told_in_the_apps_own_words(answer, status, says):
    with answering(answer) as port:
        found = probe("127.0.0.1", port, "/up", 60.0, "localhost")
    assert (found.status, found.says, found.ok, found.detail) == (status, says, status == 200, f"{status} at /up")
    assert str(found) == (f"{status} at /up: {says}" if says else f"{status} at /up")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", ""), ("\n\n one \n two", "one"), ('{"error": "db"}', '{"error": "db"}'), ("\x1b[31mred\x07", "[31mred"),
        ("<!DOCTYPE html><head><title>We are\nsorry</title>", "We are sorry"), ("<html><body>no title", ""),
        ("x" * 1000, "x" * LONGEST + "…"),
    ],
)  # fmt: skip
def test_the_first_words_fit_on_a_line(text, words):
    assert first_words(text) == words
