"""Plain requests take a way of their own through HAProxy's rules. Which do is seen here by bending that way to another
app; that both ways answer alike, by sending each request on both."""

import json
import re
import socket

import pytest
from echo import Echo
from test_https import http2_body

from discode.edge.haproxy.runtime import Runtime
from discode.edge.layout import Layout
from discode.edge.text import plain
from rig.wait import wait_for

# Nothing asks for this header, but names that begin with `x-request-` have the other rules looked at.
THE_LONG_WAY = b"X-Request-Long-Way: yes\r\n"
AGENT = b"User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0\r\n"
BROWSER = (
    b"Host: a.test\r\n" + AGENT + b"Accept: text/html,application/xhtml+xml,*/*;q=0.8\r\nAccept-Encoding: gzip, br\r\n"
    b'Upgrade-Insecure-Requests: 1\r\nCookie: a="b c"; _ga=\xc3\xa9\r\nSec-Ch-Ua: "Chromium";v="140"\r\n'
    b'If-None-Match: W/"5f"\r\n'
)
PLAIN = {
    "the least": b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a port": b"GET / HTTP/1.1\r\nHost: a.test:8080\r\n\r\n",
    "a browser's": b"GET /shop?q=a&b=%22%C3%A9 HTTP/1.1\r\n" + BROWSER + b"\r\n",
    "two slashes": b"GET //up/../x HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "an upload": b"POST /up?x=1 HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\nContent-Type: a/b; c=d\r\n\r\nhello",
    "an address with the host": b"GET http://a.test/x?y HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "trailers are welcome": b"GET /x HTTP/1.1\r\nHost: a.test\r\nTE: trailers\r\nConnection: keep-alive\r\n\r\n",
    "a head": b"HEAD /x HTTP/1.1\r\nHost: a.test\r\n\r\n",
}
OTHER = {
    "another case": b"GET / HTTP/1.1\r\nHost: A.test\r\n\r\n",
    "a port that is none": b"GET / HTTP/1.1\r\nHost: a.test:x\r\n\r\n",
    "more than a port": b"GET / HTTP/1.1\r\nHost: a.test:80:b.test\r\n\r\n",
    "no host that is known": b"GET / HTTP/1.1\r\nHost: unknown.test\r\n\r\n",
    "no host": b"GET / HTTP/1.0\r\n\r\n",
    "an old version": b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n",
    "a quote in the address": b'GET /a"b\\c?d="e" HTTP/1.1\r\nHost: a.test\r\n\r\n',
    "bytes in the address": b"GET /\xc3\xa9 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a quote in the agent": b'GET / HTTP/1.1\r\nHost: a.test\r\nUser-Agent: a "b" \\ \xff c\r\n\r\n',
    "a quote in the type": b'POST /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\nContent-Type: a/b; c="d"\r\n\r\n',
    "chunks": b"POST /x HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "a proxy in front": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n",
    "a scheme from in front": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Proto: https\r\n\r\n",
    "a standard's": b"GET / HTTP/1.1\r\nHost: a.test\r\nForwarded: for=1.2.3.4\r\n\r\n",
    "an id": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-Id: mine\r\n\r\n",
    "a start": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Request-Start: t=1\r\n\r\n",
    "a disguise": b"GET / HTTP/1.1\r\nHost: a.test\r\nX_Forwarded_For: 1.2.3.4\r\n\r\n",
    "a length too long": b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9999999999999999999\r\n\r\n",
    "a websocket": b"GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    "an event stream": b"GET /x HTTP/1.1\r\nHost: a.test\r\nAccept: a/b, text/event-stream\r\n\r\n",
    "another coding": b"GET /x HTTP/1.1\r\nHost: a.test\r\nTE: trailers, deflate\r\n\r\n",
    "a word to the proxy": b"GET /x HTTP/1.1\r\nHost: a.test\r\nKeep-Alive: timeout=5\r\n\r\n",
    "a password for the proxy": b"GET /x HTTP/1.1\r\nHost: a.test\r\nProxy-Authorization: Basic eA==\r\n\r\n",
    "a header for the proxy": b"GET /x HTTP/1.1\r\nHost: a.test\r\nConnection: X-A\r\nX-A: b\r\n\r\n",
    "a trailer": b"GET /x HTTP/1.1\r\nHost: a.test\r\nTrailer: X-A\r\n\r\n",
    "a tunnel": b"CONNECT a.test:80 HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a star": b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n",
    "a control character": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: b\x01c\r\n\r\n",
    "a NUL": b"GET / HTTP/1.1\r\nHost: a.test\r\nX-A: b\x00c\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: a.test\r\nHost: b.test\r\n\r\n",
    "the CA's question": b"GET /.well-known/acme-challenge/x HTTP/1.1\r\nHost: a.test\r\n\r\n",
}


@pytest.fixture
def two():
    made = Echo("one"), Echo("two")
    yield made
    for app in made:
        app.close()


@pytest.fixture
def bent(edge, two):
    """An edge whose plain requests to `one` go to `two`."""
    one, other = two
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    edge.ok("deploy", "b", "--target", other.target, "--host", "b.test")
    Runtime(Layout(edge.folder)).send(f"set map {edge.folder / 'plain.map'} a: b:a")
    return edge


def asked(edge, raw):
    """The status and the body of the answer."""
    with socket.create_connection(("127.0.0.1", edge.port), 240) as connection:
        connection.sendall(raw)
        stream = connection.makefile("rb")
        head = b""
        while (line := stream.readline()) not in (b"\r\n", b"\n", b""):
            head += line
        length = re.search(rb"content-length: (\d+)", head, re.I)
        is_empty = raw.startswith(b"HEAD") or length is None
        return int((head.split() or [b"", b"0"])[1]), b"" if is_empty else stream.read(int(length[1]))


def test_which_requests_are_plain(bent, two):
    """What most of them are is; what a rule is about is not."""
    went = {}
    for name, raw in (PLAIN | OTHER).items():
        before = len(two[1].hits)
        asked(bent, raw)
        went[name] = len(two[1].hits) > before
    assert went == dict.fromkeys(PLAIN, True) | dict.fromkeys(OTHER, False)


VOLATILE = {
    *("time", "request_id", "duration", "client_port", "queue_ms", "connect_ms", "response_ms"),
    "resp_content_length",  # an echo of one header more
}
OWN = {"x-request-id", "x-request-start", "x-request-long-way"}


UNTRUSTED = ("--forward-headers=false", "--log-request-header", "X-A", "--buffer-requests")


@pytest.mark.parametrize("options", [(), UNTRUSTED], ids=["usual", "untrusted"])
def test_both_ways_answer_alike(edge, two, options):
    one, _ = two
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", *options)
    for number, (name, raw) in enumerate((PLAIN | OTHER).items(), 1):
        line, rest = raw.split(b"\r\n", 1)
        answers = [_without_volatile(*asked(edge, text)) for text in (raw, line + b"\r\n" + THE_LONG_WAY + rest)]
        assert answers[0] == answers[1], name
        first, second = _log(edge, 2 * number)[-2:]
        assert first == second, name


def _without_volatile(status, body):
    try:
        told = json.loads(body)
    except ValueError:
        return status, body
    if "headers" in told:
        ids = [value for name, value in told["headers"] if name == "x-request-id"]
        assert len(ids) == 1 and ids[0], told
        told["headers"] = sorted(pair for pair in told["headers"] if pair[0] not in OWN)
    return status, told


def _log(edge, count):
    def lines():
        text = (edge.folder / "access.log").read_text(errors="surrogateescape")
        return [line for line in text.splitlines() if line.startswith("{")]

    wait_for(lambda: len(lines()) == count)
    return [{key: value for key, value in json.loads(line).items() if key not in VOLATILE} for line in lines()]


@pytest.mark.parametrize(
    ("words", "host"),
    [
        (("--host", "c.test", "--host", "d.test", "--canonical-host", "d.test"), "c.test"),
        (("--host", "*.c.test"), "x.c.test"),
        (("--host", "c.test", "--path-prefix", "/x"), "c.test"),
        (("--host", "c.test", "--client-ip-header", "X-Client"), "c.test"),
        ((), "c.test"),
    ],
    ids=["canonical host", "wildcard", "prefix", "client IP header", "no host"],
)
def test_services_that_need_more_have_no_plain_requests(edge, two, words, host):
    edge.ok("deploy", "c", "--target", two[0].target, *words)
    found = (edge.folder / "hosts.map").read_text().split()
    assert host not in found or not plain_map(edge)
    assert edge.get(host, "/x/y")[0] in (200, 301)


def test_over_tls_too_with_both_versions_of_http(https_edge, apps, pair):
    one, two = apps("one", "two")
    https_edge.start()
    good = pair("good", "a.test", "b.test")
    for name, app in (("a", one), ("b", two)):
        https_edge.ok("deploy", name, "--target", app.target, "--host", f"{name}.test", "--tls", *good.flags)
    assert plain_map(https_edge) == {"a:https": "a:a", "b:https": "b:a"}, "HTTP is redirected"
    Runtime(Layout(https_edge.folder)).send(f"set map {https_edge.folder / 'plain.map'} a:https b:a")
    assert https_edge.https("a.test", trust=good.certificate) == (200, "two")
    with https_edge.connect("a.test", good.certificate, ["h2"]) as secure:
        assert http2_body(secure, b"a.test") == b"two"


def plain_map(edge):
    """What a running HAProxy has."""
    told = Runtime(Layout(edge.folder)).send(f"show map {edge.folder / 'plain.map'}")
    return dict(line.split()[1:] for line in told.splitlines() if line.startswith("0x"))


def test_a_second_service_below_a_path_of_the_host_gets_its_requests(edge, two):
    one, other = two
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    assert json.loads(edge.get("a.test", "/api/x")[1])["name"] == "one"
    edge.ok("deploy", "b", "--target", other.target, "--host", "a.test", "--path-prefix", "/api")
    assert json.loads(edge.get("a.test", "/api/x")[1])["name"] == "two"
    assert json.loads(edge.get("a.test", "/x")[1])["name"] == "one"
    edge.ok("remove", "b")
    assert json.loads(edge.get("a.test", "/api/x")[1])["name"] == "one"


def test_a_service_that_is_stopped_or_moved_is_so_for_plain_requests(edge, two):
    one, other = two
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--host", "c.test")
    edge.ok("stop", "a", "--message", "Back soon")
    assert [edge.get(host)[0] for host in ("a.test", "c.test")] == [503, 503]
    edge.ok("resume", "a")
    assert [edge.get(host)[0] for host in ("a.test", "c.test")] == [200, 200]
    edge.ok("deploy", "a", "--target", other.target, "--host", "c.test")
    assert edge.get("a.test")[0] == 404 and json.loads(edge.get("c.test")[1])["name"] == "two"
    edge.kill()
    edge.start()
    assert edge.get("a.test")[0] == 404 and json.loads(edge.get("c.test")[1])["name"] == "two"


@pytest.mark.parametrize(
    ("headers", "is_plain"),
    [
        ("host: a\r\n\r\n", True),
        ("host: a:80\r\n\r\n", True),
        ("host: a:\r\n\r\n", False),
        ("host: [::1]:80\r\n\r\n", False),
        ("host: a/b\r\n\r\n", False),
        ('host: a\r\naccept: \r\ncookie: \tx\xff"\\\r\n\r\n', True),
        ("content-length: 123456789012345678\r\n\r\n", True),
        ("content-length: 1234567890123456789\r\n\r\n", False),
        ("content-length: 1, 1\r\n\r\n", False),
        ("x-a: b\nx-forwarded-for: c\r\n\r\n", False),
        ("x-a: b\rx: c\r\n\r\n", False),
        ("x-a: b\x7f\r\n\r\n", False),
        ("x-a b: c\r\n\r\n", False),
        ("accept: a, text/event-stream;q=1\r\n\r\n", False),
        ("x-accept: text/event-stream\r\n\r\n", True),
        ("user-agent: a\\\r\n\r\n", False),
        ("x-user-agent: a\\\r\n\r\n", True),
        ("host: a\r\n\r\nGET / HTTP/1.1\r\n\r\n", False),
        ("", False),
    ],
)
def test_headers_that_are_plain(headers, is_plain):
    pattern = plain.HEADERS.replace(r"\z", r"\Z")  # PCRE's word for the very end, and Python's
    assert bool(re.search(pattern, headers)) is is_plain
