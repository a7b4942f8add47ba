"""Servers that are not what they should be, real ones: what their client keeps in memory, believes and says."""

import base64
import contextlib
import gzip
import json
import re
import socket
import ssl
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest
from tuf.api.exceptions import DownloadError

from discode.adapters import web
from discode.adapters.hub_api import HubApi
from discode.adapters.source import Licenses
from discode.adapters.source.fetcher import REFUSAL, WebFetcher
from discode.core import bounded
from discode.core.errors import DiscodeError, SourceUnreachable, TrustError, UsageError
from discode.core.hub_answers import Leased
from leases import DAY, KEY, LeaseHub
from rig.certificates import make_certificate
from rig.ports import free_port

CLOSE = b"Connection: close\r\n\r\n"
HTML = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 14\r\n\r\n<h1>Login</h1>"
SOME = 8 << 20  # bytes that the kernel's buffers may hold beside what was read


class Server:
    """Answers each connection's first request with what `answer` yields; `requests` are their heads."""

    def __init__(self, answer):
        self.requests, self.sent, self._answer, self.over = [], 0, answer, None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self._one, args=(self._listener.accept()[0],), daemon=True).start()

    def _one(self, connection):
        with contextlib.suppress(OSError), self._secured(connection) as connection:
            head = b""
            while b"\r\n\r\n" not in head:
                head += connection.recv(65536)
            self.requests.append(head.decode())
            for piece in self._answer():
                connection.sendall(piece)
                self.sent += len(piece)

    def _secured(self, connection):
        return self.over.wrap_socket(connection, server_side=True) if self.over else connection

    def close(self):
        self._listener.close()


@pytest.fixture
def server():
    made = []

    def start(*pieces, endless=None):
        def answer():
            yield from pieces
            while endless:
                yield endless

        made.append(Server(answer))
        return made[-1]

    yield start
    for one in made:
        one.close()


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_a_page_that_answers_in_a_hubs_place_is_not_believed(server, method):
    with pytest.raises(SourceUnreachable, match="is not a hub: it sent text/html") as refused:
        HubApi(server(HTML).url).call(method, "/api/v1/activation", dict)
    assert refused.value.name == "no-hub" and "wants a login first" in refused.value.next_step


@pytest.mark.parametrize("body", [b'"ok"', b"1", b"[]", b'{"status": "ok"}', b"null", b"\xff\xfe", b"{" * 100])
def test_nor_is_json_of_another_kind(server, body):
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
    with pytest.raises(SourceUnreachable) as refused:
        HubApi(server(head, body).url).call("POST", "/api/v1/lease", Leased)
    assert refused.value.name == "no-hub"


def test_an_endless_refusal_is_left(server):
    endless = server(b"HTTP/1.1 403 Forbidden\r\n" + CLOSE, endless=b"x" * 65536)
    with pytest.raises(SourceUnreachable, match="the answer has more than"):
        HubApi(endless.url).call("GET", "/api/v1/hub", dict)
    assert endless.sent < bounded.ANSWER + SOME
    endless = server(b"HTTP/1.1 403 Forbidden\r\n" + CLOSE, endless=b"x" * 65536)
    with pytest.raises(DownloadError, match="the answer has more than"):
        WebFetcher(endless.url).download_bytes(f"{endless.url}/timestamp.json", 1 << 30)
    assert endless.sent < REFUSAL + SOME


def test_what_is_compressed_is_not_unpacked(server):
    bomb = gzip.compress(bytes(100 << 20))
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    asked = server(head, bomb)
    with pytest.raises(SourceUnreachable, match="is not a hub"):  # unpacked, it would be more than an answer may have
        HubApi(asked.url).fetch("/metadata/1.root.json")
    assert "accept-encoding: identity" in asked.requests[0].lower()


ASKING = [lambda url: HubApi(url).fetch("/x"), lambda url: WebFetcher(url).download_bytes(url, 99)]


HEAD = b"HTTP/1.1 200 OK\r\n"


@contextmanager
def dripping(server, first, again):
    """The address of a server that answers with `first`, and then with `again` 20 times a second without an end."""
    go_on, slow = threading.Event(), server()

    def drip():
        yield first
        while not go_on.wait(0.05):
            yield again

    slow._answer = drip
    try:
        yield slow.url
    finally:
        go_on.set()


@pytest.mark.parametrize("ask", ASKING, ids=["the hub's API", "a source"])
def test_a_byte_now_and_then_does_not_hold_anybody(server, ask, monkeypatch):
    monkeypatch.setattr(bounded, "WINDOW", 0.2)
    slow = pytest.raises((SourceUnreachable, DownloadError), match="came too slowly")
    with dripping(server, HEAD + CLOSE, b"x") as url, slow:
        ask(url)


DRIPPING = {
    "a status": (b"", b"H"),
    "a header": (HEAD + b"X-Long: ", b"x"),
    "headers": (HEAD, b"X-A: b\r\n"),
    "the size of a chunk": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", b"0"),
    "hints before the answer": (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
}


@pytest.mark.parametrize("ask", ASKING, ids=["the hub's API", "a source"])
@pytest.mark.parametrize(("first", "again"), DRIPPING.values(), ids=DRIPPING)
def test_what_drips_outside_of_a_body_does_not_hold_anybody(server, ask, monkeypatch, first, again):
    """httpx's own limit is one from byte to byte, and no piece of a body comes that could be counted."""
    monkeypatch.setattr(bounded, "WINDOW", 0.3)
    slow = pytest.raises((SourceUnreachable, DownloadError), match="came too slowly")
    with dripping(server, first or again, again) as url, slow:
        ask(url)


@pytest.mark.parametrize("ask", ASKING, ids=["the hub's API", "a source"])
def test_a_chain_of_redirects_has_one_time_for_all(server, ask, monkeypatch):
    monkeypatch.setattr(bounded, "WINDOW", 0.3)
    around, never = server(), threading.Event()

    def answer():
        never.wait(0.1)
        yield b"HTTP/1.1 302 Found\r\nLocation: /again\r\nContent-Length: 0\r\n" + CLOSE

    around._answer = answer
    with pytest.raises((DiscodeError, DownloadError)):
        ask(around.url)
    assert len(around.requests) <= 5


def test_a_hub_that_has_moved_is_named_with_its_new_address(server):
    moved = server(b"HTTP/1.1 301 Moved\r\nLocation: https://hub.example.com/api/v1/hub\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(UsageError, match=r"has moved to https://hub\.example\.com\.") as refused:
        HubApi(moved.url).call("GET", "/api/v1/hub", dict)
    assert refused.value.name == "hub-moved" and refused.value.next_step == "Use that address: https://hub.example.com"


class TestTheEnvironment:
    def test_a_socks_proxy_that_is_away_is_told(self, monkeypatch):
        monkeypatch.setenv("ALL_PROXY", f"socks5://127.0.0.1:{free_port()}")
        with pytest.raises(SourceUnreachable, match="cannot be reached"):
            HubApi("http://hub.example").call("GET", "/api/v1/hub", dict)

    def test_a_network_in_no_proxy_needs_none(self, monkeypatch, server):
        monkeypatch.setenv("ALL_PROXY", f"http://127.0.0.1:{free_port()}")
        monkeypatch.setenv("NO_PROXY", "[::1], fe80::/10, 127.0.0.0/8")
        head = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
        assert HubApi(server(head).url).call("GET", "/api/v1/hub", dict) == {}

    def test_a_companys_own_authority_is_believed_when_the_machine_does(self, monkeypatch, server, tmp_path):
        authority, _, issuer = make_certificate()
        chain, key, _ = make_certificate("localhost", issuer=issuer)
        (tmp_path / "ca.pem").write_bytes(authority)
        (tmp_path / "chain.pem").write_bytes(chain)
        (tmp_path / "key.pem").write_bytes(key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "chain.pem", tmp_path / "key.pem")
        hub = server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
        hub.over = context
        url = hub.url.replace("http://127.0.0.1", "https://localhost")
        with pytest.raises(SourceUnreachable, match="CERTIFICATE_VERIFY_FAILED"):
            HubApi(url).call("GET", "/api/v1/hub", dict)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        assert HubApi(url).call("GET", "/api/v1/hub", dict) == {}

    @pytest.mark.parametrize("name", ["SSL_CERT_FILE", "SSL_CERT_DIR"])
    def test_certificates_that_are_missing_are_told(self, monkeypatch, name):
        monkeypatch.setenv(name, "/nowhere/ca.pem")
        with pytest.raises(UsageError, match=rf"\${name} is /nowhere/ca.pem") as refused:
            HubApi("https://hub.example")
        assert refused.value.next_step.endswith(f"unset {name}")

    def test_the_password_of_an_address_is_not_in_an_error(self):
        url = f"http://ann:pass-phrase@127.0.0.1:{free_port()}"
        with pytest.raises(DownloadError) as refused:
            WebFetcher(url).download_bytes(f"{url}/metadata/timestamp.json", 99)
        assert "pass-phrase" not in str(refused.value)


def test_a_seat_whose_answer_was_lost_is_asked_for_by_the_same_id(server, tmp_path):
    lost = server()  # it reads the request, and hangs up
    for _ in range(2):
        with pytest.raises(DiscodeError):
            Licenses(tmp_path / "home").activate("myapp", lost.url, "dlk_aaaaaaaa_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")
    logins = [re.search(r"(?i)authorization: basic (\S+)", request)[1] for request in lost.requests]
    ids = {base64.b64decode(login).decode().partition(":")[0] for login in logins}
    assert len(logins) >= 2 and len(ids) == 1
    kept = json.loads((tmp_path / "home/apps/myapp/seat.json").read_text())
    assert kept == {"installation": ids.pop()}
    assert (tmp_path / "home/apps/myapp/seat.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("days", "words"), [(21, "21 days behind"), (-21, "21 days ahead of")])
def test_a_clock_that_is_off_is_named_where_a_lease_does_not_hold(tmp_path, days, words):
    hub = LeaseHub("myapp")
    hub.ahead = days * DAY
    licenses = Licenses(tmp_path / "home")
    try:
        with pytest.raises(TrustError) as refused:
            licenses.activate("myapp", hub.url, KEY)
        assert refused.value.name == "clock-off"
        assert f"This machine's clock is {words} that of {hub.url}." in refused.value.sentence
        assert "The seat stays this machine's." in refused.value.sentence
        hub.ahead = 0.0
        assert licenses.activate("myapp", hub.url, KEY).lease_at(time.time()).license == "aaaaaaaa"
        hub.ahead = days * DAY
        with pytest.raises(TrustError, match=f"clock is {words}"):
            licenses.renewed("myapp")
        assert licenses.of("myapp").lease_at(time.time()), "the one that holds is kept"
    finally:
        hub.close()


@pytest.mark.parametrize("days", [(-10, -1), (1, 10)], ids=["expired", "not yet valid"])
def test_a_certificate_that_does_not_hold_now_is_told_with_the_time(monkeypatch, server, tmp_path, days):
    authority, _, issuer = make_certificate(days=(-20, 20))
    chain, key, _ = make_certificate("localhost", issuer=issuer, days=days)
    for name, data in (("ca", authority), ("chain", chain), ("key", key)):
        (tmp_path / name).write_bytes(data)
    hub = server(HTML)
    hub.over = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    hub.over.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca"))
    today, tomorrow = (time.strftime("%Y-%m-%d", time.gmtime(time.time() + ahead)) for ahead in (0, 86400))
    with pytest.raises(SourceUnreachable, match=rf"by this machine's clock, which says ({today}|{tomorrow})"):
        HubApi(hub.url.replace("http://127.0.0.1", "https://localhost")).call("GET", "/api/v1/hub", dict)


def test_one_client_makes_all():
    """What asks others by a client of its own would not have its bounds."""
    root = web.__file__.removesuffix("adapters/web.py")
    found = {
        path.relative_to(root).as_posix()
        for path in Path(root).rglob("*.py")
        if re.search(r"httpx\.(Client|AsyncClient|get|post|put|request|stream)\(", path.read_text())
    }
    assert found == {"adapters/web.py", "hub/delegation.py"}
