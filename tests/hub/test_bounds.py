"""What strangers can take from a hub: memory, time, connections, threads. A real process, and real sockets."""

import asyncio
import base64
import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, nullcontext
from pathlib import Path

import httpx
import pytest
from conftest_hub import HubVendor, Place

from discode.hub import room
from discode.hub.frame import Frame
from discode.hub.outside import TO_ONE, Outside
from rig.wait import wait_for, with_time

MB = 1 << 20
FILES = 128  # that the process may open
HEAD = b"GET /healthz HTTP/1.1\r\nHost: hub\r\n"
JSON = b"POST /api/v1/reports HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"


class Client:
    """A socket to a hub; `answer` reads one answer, or what there is when the hub closes."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), 120)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._socket.close()

    def send(self, *pieces):
        """Whether all of it was taken."""
        try:
            for piece in pieces:
                self._socket.sendall(piece)
        except OSError:
            return False
        return True

    def ends(self):
        """Nothing more will be sent."""
        self._socket.shutdown(socket.SHUT_WR)

    def stream(self):
        return self._socket.makefile("rb")

    def answer(self, stream=None):
        """Status and body; (0, b"") when the connection was closed without one."""
        with nullcontext(stream) if stream else self.stream() as stream:
            try:
                status, length = _head(stream)
                return status, stream.read(length)
            except OSError:
                return 0, b""

    def head(self):
        """The status of an answer without a body."""
        with self.stream() as stream:
            return _head(stream)[0]

    def is_closed(self):
        """Waits for it."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True


def _head(stream):
    """The status, and the length of the body that follows."""
    first, length = stream.readline(), 0
    while first and (line := stream.readline()) not in (b"\r\n", b""):
        name, _, value = line.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    return (int(first.split()[1]) if first else 0), length


class Process:
    """A hub as it runs for a vendor."""

    def __init__(self, place):
        self.place = place
        words = [sys.executable, "-m", "discode", "hub", "serve", str(place.folder), "--port", str(place.port)]
        self._log = (place.folder.parent / "log").open("wb")
        self._process = subprocess.Popen(
            words, stdout=self._log, stderr=self._log, env={**os.environ, "MALLOC_ARENA_MAX": "2"},
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES)),
        )  # fmt: skip
        wait_for(self.is_up, unless=self._process.poll)
        self.memory_before = self.memory()

    def is_up(self):
        try:
            return httpx.get(f"{self.place.url}/healthz", timeout=60).status_code == 200
        except httpx.HTTPError:
            return False

    def client(self):
        return Client(self.place.port)

    def memory(self):
        """The most that was resident so far, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def close(self):
        self._process.send_signal(signal.SIGTERM)
        assert self._process.wait(120) == 0
        self._log.close()


@pytest.fixture(scope="module")
def hub(tmp_path_factory):
    place = Place(tmp_path_factory.mktemp("bounds") / "hub")
    process = Process(place)
    yield process
    taken = process.memory() - process.memory_before
    process.close()
    place.close()
    assert taken < 40 * MB


ENDLESS = {
    "lines": (HEAD, b"a: b\r\n" * 10_000, 431),
    "a line": (HEAD + b"a: ", b"x" * 65_536, 431),
    "an address": (b"GET /", b"x" * 65_536, 431),
    "a method": (b"", b"G" * 65_536, 400),
    "lines after a body": (JSON + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n", b"a: b\r\n" * 10_000, 431),
    "requests ahead": (b"", (HEAD + b"\r\n") * 1_000, 0),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_what_has_no_end_is_cut(hub, name):
    begin, more, status = ENDLESS[name]
    with hub.client() as client:
        assert not client.send(begin, *[more] * (64 * MB // len(more))), "64 MB were taken"
        assert client.answer()[0] in (status, 0), "the reset that follows may be faster than the answer"
    assert hub.is_up()


@pytest.mark.parametrize(
    ("request_", "status", "key"),
    [
        (HEAD + b"a: " + b"x" * 40_000 + b"\r\n\r\n", 431, "head-too-large"),
        (HEAD + b"a: b\r\n" * 101 + b"\r\n", 431, "head-too-large"),
        (b"GET /?" + b"x" * 40_000 + b" HTTP/1.1\r\nHost: hub\r\n\r\n", 431, "head-too-large"),
        (b"G\x00T / HTTP/1.1\r\n\r\n", 400, "not-http"),
        (HEAD + b"a: b\r\n" * 90 + b"c: " + b"x" * 20_000 + b"\r\n\r\n", 200, ""),
    ],
)
def test_a_head_has_a_size(hub, request_, status, key):
    with hub.client() as client:
        assert client.send(request_)
        code, body = client.answer()
    assert (code, json.loads(body).get("error", {}).get("key", "")) == (status, key)


def test_large_bodies_of_strangers_stay_outside(hub):
    head = JSON + b"Content-Length: %d\r\n\r\n" % (16 * MB)
    with ExitStack() as stack:
        clients = [stack.enter_context(hub.client()) for _ in range(20)]
        for client in clients:
            assert client.send(head, b'{"app": "', *[b"x" * MB] * 15, b"x" * (MB - 11), b'"}')
            assert client.answer()[0] == 413
    assert hub.is_up()


@pytest.mark.parametrize(
    "body", [b"[" * 16_000, b'{"app":' * 2_000, b"[" + b"[]," * 5_000 + b"[]]", b'"\xff"', b"\x00"]
)
def test_bodies_that_are_hard_to_read_are_refused_as_invalid(hub, body):
    with hub.client() as client:
        assert client.send(JSON + b"Content-Length: %d\r\n\r\n" % len(body), body)
        status, answer = client.answer()
    assert (status, json.loads(answer)["error"]["key"]) == (422, "invalid-request")


def test_silent_connections_make_room_for_others(hub):
    with ExitStack() as stack:
        silent = [stack.enter_context(hub.client()) for _ in range(FILES + 2)]
        for _ in range(5):
            assert hub.is_up()
        assert silent[0].is_closed()


def test_half_a_head_makes_room_for_others(hub):
    with ExitStack() as stack:
        for _ in range(40):  # more than it has places
            stack.enter_context(hub.client()).send(HEAD)
        assert hub.is_up()


def test_half_a_body_makes_room_for_others(hub):
    with ExitStack() as stack:
        for _ in range(40):
            stack.enter_context(hub.client()).send(JSON + b"Content-Length: 100\r\n\r\n{")
        assert hub.is_up()


def test_the_idlest_connection_makes_room_and_a_busy_one_goes_on(small_place):
    small_place.serve()
    small_place._server.config.http.most = 2
    small_place._server.config.timeout_keep_alive = 600  # seconds: that is not why it is closed
    content = b"a file that comes in two parts"
    address = f"/api/v1/blobs/{hashlib.sha256(content).hexdigest()}"
    head = f"PUT {address} HTTP/1.1\r\nHost: hub\r\nAuthorization: Bearer {small_place.token}\r\n"
    with Client(small_place.port) as busy, Client(small_place.port) as idle:
        assert busy.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(content), content[:9])
        assert idle.send(HEAD + b"\r\n")
        assert idle.answer()[0] == 200
        with Client(small_place.port) as third:
            assert idle.is_closed()
            assert third.send(HEAD + b"\r\n")
            assert third.answer()[0] == 200
            assert busy.send(content[9:])
            assert busy.answer()[0] == 201


def test_a_hub_that_works_for_all_of_its_connections_says_so(small_place):
    small_place.serve()
    small_place._server.config.http.most = 1
    let_go = threading.Event()

    @small_place.app.get("/work")
    def work():
        let_go.wait(120)

    with Client(small_place.port) as busy:
        assert busy.send(HEAD.replace(b"/healthz", b"/work") + b"\r\n")
        state = small_place._server.server_state
        wait_for(lambda: any(one.is_busy for one in state.connections))
        with Client(small_place.port) as other:
            status, body = other.answer()
        let_go.set()
        assert (status, json.loads(body)["error"]["key"]) == (503, "busy")
        assert busy.answer()[0] == 200


def test_the_open_files_allow_fewer_connections_than_wanted():
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, 1024), hard))
        assert room.connections(10) == 10
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[0] == min(soft, 1024), "there was no need for more"
        assert room.connections(10**9) == (hard - room.OTHERS) // room.EACH
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def impatient(small_place):
    small_place.serve()
    has_patience(small_place, 0.2)
    return small_place


def has_patience(place, seconds):
    connection = place._server.config.http
    connection.patience = connection.stalled = seconds


def test_who_says_nothing_is_closed(impatient):
    with Client(impatient.port) as client:
        assert client.is_closed()


def test_who_sends_line_breaks_and_nothing_else_is_closed(impatient):
    with Client(impatient.port) as client:
        wait_for(lambda: not client.send(b"\r\n"))
        assert client.is_closed()


def test_a_head_that_trickles_is_refused(impatient):
    def answered(seconds):
        has_patience(impatient, seconds)
        with Client(impatient.port) as client:
            client.send(HEAD)
            return client.answer()

    status, body = with_time(answered, lambda answer: answer[0], 0.2)  # who has said nothing by then gets none
    assert (status, json.loads(body)["error"]["key"]) == (408, "too-slow")


def test_a_reader_who_does_not_read_is_cut(impatient):
    """A build of 40 MB: more than the system keeps for a connection."""
    (impatient.folder / "builds").mkdir()
    (impatient.folder / "builds" / "discode-linux-x86_64.tar.gz").write_bytes(bytes(40 * MB))
    impatient._server.config.http.patience = 60.0
    with Client(impatient.port) as client:
        assert client.send(b"GET /download/discode-linux-x86_64.tar.gz HTTP/1.1\r\nHost: hub\r\n\r\n")
        state = impatient._server.server_state
        assert client.stream().readline().startswith(b"HTTP/1.1 200"), "it has begun"
        wait_for(lambda: not state.connections)
        assert impatient.call("GET", "/healthz") == {"ok": True}


def test_who_goes_on_asking_is_not_closed(impatient):
    def answered(seconds):
        has_patience(impatient, seconds)
        with Client(impatient.port) as client:
            return [client.send(HEAD + b"\r\n") and client.answer()[0] for _ in range(3)]

    assert with_time(answered, all, 0.2) == [200] * 3


@pytest.mark.parametrize(("length", "left"), [(0, 0.05), (40, 0.05)])
def test_a_body_that_trickles_is_refused(length, left):
    """The caller has `left` seconds, and one more for each 1024 bytes that came."""
    sent, told = [b"x" * length] if length else [], []

    async def app(scope, receive, send):
        while (await receive()).get("more_body"):
            pass

    async def receive():
        if sent:
            return {"type": "http.request", "body": sent.pop(), "more_body": True}
        return await asyncio.Event().wait()

    async def send(message):
        told.append(message)

    scope = {"type": "http", "path": "/api/v1/reports", "method": "POST", "headers": [], "client": None}
    asyncio.run(Frame(app, 10**6, left)(scope, receive, send))
    assert told[0]["status"] == 408 and json.loads(told[1]["body"])["error"]["key"] == "too-slow"


def test_an_answer_may_take_as_long_as_it_takes():
    """While a file is sent, its caller's leaving is waited for: that is no body that is late."""
    told, gone = [], asyncio.Event()
    sent = [{"type": "http.request", "body": b"", "more_body": False}]

    async def app(scope, receive, send):
        await receive()
        leaving = asyncio.create_task(receive())
        await asyncio.wait([leaving], timeout=0.05)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        gone.set()
        await leaving
        await send({"type": "http.response.body", "body": b"all of it"})

    async def receive():
        if sent:
            return sent.pop()
        await gone.wait()
        return {"type": "http.disconnect"}

    async def send(message):
        told.append(message)

    scope = {"type": "http", "path": "/download/x", "method": "GET", "headers": [], "client": None}
    asyncio.run(Frame(app, 10**6, 0.0)(scope, receive, send))
    assert (told[0]["status"], told[-1]["body"]) == (200, b"all of it")


def test_credentials_are_checked_before_a_body_is_read(small_place):
    small_place.serve()
    told = small_place.client.get("/api/v1/openapi.json").json()
    looked = set()
    for path, operations in told["paths"].items():
        for method, operation in operations.items():
            if "requestBody" not in operation or path == "/api/v1/reports":
                continue
            address = path.format(app="myapp", license="a" * 8, sha256="5f" * 32, version="1.0")
            line = f"{method.upper()} {address} HTTP/1.1\r\nHost: hub\r\nContent-Type: application/json\r\n"
            with Client(small_place.port) as client:  # the body never comes
                assert client.send(line.encode() + b"Content-Length: 10\r\n\r\n")
                assert client.answer()[0] in (401, 403), path
            looked.add(path)
    assert len(looked) > 12


def test_a_connection_goes_on_after_a_request_that_was_refused_before_its_body(small_place):
    small_place.serve()
    with Client(small_place.port) as client:
        assert client.send(b"POST /api/v1/lease HTTP/1.1\r\nHost: hub\r\nContent-Length: 10\r\n\r\n")
        assert client.answer()[0] == 403
        assert client.send(b"0123456789" + HEAD + b"\r\n")
        assert client.answer()[0] == 200


@pytest.mark.parametrize(("version", "header"), [(b"1.0", b""), (b"1.1", b"Connection: close\r\n")])
def test_the_last_answer_reaches_who_is_still_sending(small_place, version, header):
    """As nginx asks, which closes after each answer."""
    small_place.serve()
    line = b"POST /api/v1/publish HTTP/%s\r\nHost: hub\r\n%sContent-Length: %d\r\n\r\n" % (version, header, 4 * MB)
    with Client(small_place.port) as client:
        assert client.send(line, *[b"x" * MB] * 4)
        assert client.answer()[0] == 401
        assert client.is_closed()


def test_another_protocol_is_not_spoken(small_place):
    small_place.serve()
    with Client(small_place.port) as client:
        for wanted in (b"h2c", b"websocket"):
            assert client.send(HEAD + b"Connection: Upgrade\r\nUpgrade: " + wanted + b"\r\n\r\n")
            assert client.answer()[0] == 200


PULLS = 60


def test_a_registry_that_does_not_answer_holds_up_nothing_else(tmp_path, small_place):
    small_place.serve()
    vendor = HubVendor(tmp_path / "vendor", small_place)
    vendor.begin("licensed")
    small_place.app.state.outside = Outside(wait=0.1)
    _, key = vendor.issue(seats=1)
    me = "a" * 32
    small_place.client.post("/api/v1/activation", json={"app": "myapp"}, auth=(me, key))
    with ExitStack() as stack:
        registry = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=100))
        repository = f"127.0.0.1:{registry.getsockname()[1]}/acme/myapp"
        known = {repository: {"app": "myapp", "username": "ci", "password": "x"}}
        (small_place.folder / "keys" / "registries.json").write_text(json.dumps(known))
        pulls = [stack.enter_context(Client(small_place.port)) for _ in range(PULLS)]
        for client in pulls:
            assert client.send(pull_of(repository, me, key))
        answered: list[tuple[int, bytes]] = []
        threads = [threading.Thread(target=lambda c=client: answered.append(c.answer())) for client in pulls]
        for thread in threads:
            thread.start()
        wait_for(lambda: len(answered) == PULLS - TO_ONE)
        assert {(status, json.loads(body)["error"]["key"]) for status, body in answered} == {(503, "registry-busy")}
        assert small_place.call("GET", "/healthz") == {"ok": True}
        assert httpx.get(f"{small_place.url}/metadata/timestamp.json", timeout=60).status_code == 200
        registry.close()
        for thread in threads:
            thread.join()
        assert {json.loads(body)["error"]["key"] for _, body in answered[-TO_ONE:]} == {"registry-unreachable"}


def pull_of(repository, installation, key):
    login = base64.b64encode(f"{installation}:{key}".encode()).decode()
    body = json.dumps({"repository": repository})
    lines = ["POST /api/v1/pull-credentials HTTP/1.1", "Host: hub", f"Authorization: Basic {login}",
             "Content-Type: application/json", f"Content-Length: {len(body)}", "", body]  # fmt: skip
    return "\r\n".join(lines).encode()
