"""What a client and an app say to the next hop alone stays there, and lines of hops become one: as in kamal-proxy."""

import shutil
import socket
import tempfile
from pathlib import Path

import pytest
from conftest_edge import Edge
from raw_app import RawApp

from rig.wait import wait_for

KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
OPEN = (
    b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
HOPS = (
    b"Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authorization: Basic eA==\r\n"
    b'Proxy-Authenticate: Basic realm="x"\r\nTE: deflate\r\nTrailer: X-T\r\nUpgrade: h2c\r\n'
)
NAMES = [line.partition(b":")[0].decode().lower() for line in HOPS.splitlines()]


@pytest.fixture(scope="module")
def site():
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    edge, app = Edge(folder / "state"), RawApp()
    try:
        edge.start()
        edge.ok("deploy", "a", "--target", app.target, "--host", "a.test")
        yield edge, app
    finally:
        edge.close()
        app.close()
        shutil.rmtree(folder)


@pytest.fixture
def sent(site):
    """Sends a request with these lines; the answer, and the request as the app got it."""
    edge, app = site

    def send(lines=b"", path=b"/", method=b"GET", body=b""):
        app.sent.clear()
        with socket.create_connection(("127.0.0.1", edge.port), 240) as client:
            client.sendall(method + b" " + path + b" HTTP/1.1\r\nHost: a.test\r\n" + lines + b"\r\n" + body)
            answer = b""
            while b"\r\n\r\n" not in answer:
                answer += (piece := client.recv(65536))
                assert piece, answer
        return answer, app.sent[0] if app.sent else None

    return send


@pytest.mark.parametrize("number", range(len(NAMES)), ids=NAMES)
def test_a_request_s_word_to_the_proxy_is_not_passed_on(sent, number):
    """Each alone: it is that one which keeps the request off the short way."""
    _, seen = sent(HOPS.splitlines(keepends=True)[number] + b"X-End: 1\r\n")
    assert seen.values(NAMES[number]) == [] and seen.values("x-end") == ["1"]


def test_an_answer_s_word_to_the_proxy_is_not_passed_on(site, sent):
    _, app = site
    named = b"Connection: keep-alive, X-Hop, x-other\r\nX-Hop: 1\r\nX-Other: 2\r\n"
    app.answers["/hops"] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + HOPS + named + b"X-End: 1\r\n\r\nOK"
    answer, _ = sent(path=b"/hops")
    head = answer.partition(b"\r\n\r\n")[0].lower()
    names = {line.partition(b":")[0].decode() for line in head.splitlines()[1:]}
    assert names == {"content-length", "date", "x-end"}


@pytest.mark.parametrize("name", [*NAMES, "x-hop"])
def test_each_of_an_answer_s_words_is_found_by_itself(site, sent, name):
    _, app = site
    line = next((one for one in HOPS.splitlines(keepends=True) if one.lower().startswith(name.encode() + b":")), None)
    line = line or b"Connection: X-Hop\r\nX-Hop: 1\r\n"
    app.answers["/hop"] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" + line + b"Proxy-Status: x\r\n\r\nOK"
    answer, _ = sent(path=b"/hop")
    assert f"\r\n{name}:".encode() not in answer.lower() and b"\r\nconnection:" not in answer.lower()
    assert b"\r\nproxy-status: x\r\n" in answer.lower(), "which is for everybody (RFC 9209)"


def test_headers_that_connection_names_go_no_further(sent):
    """In several lines, in any case; but never what says for whom a request is, and how long."""
    lines = b"Connection: X-One, x-two\r\nConnection: Content-Length,HOST, x-forwarded-for\r\nX-One: 1\r\nX-Two: 2\r\n"
    _, seen = sent(
        lines + b"X-Three: 3\r\nX-Forwarded-For: 1.1.1.1\r\nContent-Length: 5\r\n", method=b"POST", body=b"hello"
    )
    assert [seen.values(name) for name in ("x-one", "x-two", "x-three")] == [[], [], ["3"]]
    assert seen.values("host") == ["a.test"] and seen.body == b"hello"
    assert seen.values("connection") == [] and seen.values("x-forwarded-for") == ["127.0.0.1"]


def test_trailers_may_come_and_be_announced(site, sent):
    _, app = site
    _, seen = sent(b"TE: deflate, trailers\r\nConnection: TE\r\n")
    assert seen.values("te") == ["trailers"]
    chunked = b"Transfer-Encoding: chunked\r\nTrailer: X-T\r\n"
    _, seen = sent(chunked, method=b"POST", body=b"2\r\nhi\r\n0\r\nX-T: 9\r\n\r\n")
    assert seen.values("trailer") == ["X-T"]
    app.answers["/chunks"] = b"HTTP/1.1 200 OK\r\n" + chunked + b"\r\n2\r\nhi\r\n0\r\nX-T: 9\r\n\r\n"
    assert b"\r\ntrailer: X-T\r\n" in sent(path=b"/chunks")[0]


def test_a_websocket_is_opened_whatever_else_connection_names(site, sent):
    _, app = site
    app.answers["/ws"] = lambda connection, _: connection.sendall(OPEN) or True
    answer, seen = sent(
        b"Connection: keep-alive, Upgrade, X-Hop\r\nUpgrade: websocket\r\nX-Hop: 1\r\n" + KEY, path=b"/ws"
    )
    assert answer.startswith(b"HTTP/1.1 101") and b"upgrade: websocket\r\n" in answer.lower()
    assert b"\r\nconnection: upgrade\r\n" in answer.lower() and b"x-hop" not in answer.lower()
    assert (seen.values("upgrade"), seen.values("connection"), seen.values("x-hop")) == (["websocket"], ["Upgrade"], [])


@pytest.mark.parametrize("connection", [b"", b"Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"])
def test_no_upgrade_to_http2_reaches_an_app(sent, connection):
    """What came after it would be seen by no rule."""
    _, seen = sent(connection + b"Upgrade: h2c\r\n")
    assert [seen.values(name) for name in ("upgrade", "connection", "http2-settings")] == [[], [], []]


def test_all_hops_are_told_and_logged_as_one_line(site, sent):
    edge, _ = site
    lines = b"X-Forwarded-For: 1.1.1.1\r\nX-A: b\r\nX-Forwarded-For: 2.2.2.2, 3.3.3.3\r\nx-forwarded-for:\r\n"
    _, seen = sent(lines, path=b"/hops-told")
    assert seen.values("x-forwarded-for") == ["1.1.1.1, 2.2.2.2, 3.3.3.3, 127.0.0.1"]
    log = edge.folder / "access.log"
    line = wait_for(lambda: next((one for one in log.read_text().splitlines() if "/hops-told" in one), ""))
    assert '"remote_addr":"1.1.1.1, 2.2.2.2, 3.3.3.3"' in line


def test_of_several_schemes_and_hosts_the_first_counts(sent):
    schemes = b"X-Forwarded-Proto: https\r\nX-Forwarded-Proto: http\r\n"
    _, seen = sent(schemes + b"X-Forwarded-Host: q.test\r\nX-Forwarded-Host: r.test\r\n")
    assert (seen.values("x-forwarded-proto"), seen.values("x-forwarded-host")) == (["https"], ["q.test"])


def test_what_is_for_many_stays_in_its_lines(sent):
    _, seen = sent(b"Via: 1.1 a\r\nVia: 1.1 b\r\n")
    assert seen.values("via") == ["1.1 a", "1.1 b"]


@pytest.mark.parametrize("line", [b"GET / HTTP/1.1", b"GET http://a.test/ HTTP/1.1", b"POST / HTTP/1.1"])
def test_a_request_without_a_host_is_refused_and_its_connection_closed(site, line):
    edge, app = site
    app.sent.clear()
    with socket.create_connection(("127.0.0.1", edge.port), 240) as client:
        client.sendall(line + b"\r\nX-A: b\r\n\r\n" + b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    assert answer.startswith(b"HTTP/1.1 400") and answer.count(b"HTTP/1.1 ") == 1
    assert not app.sent, "neither that one nor the next"
