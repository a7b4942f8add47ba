"""Whether a name leads to this proxy: the token at its addresses, and what else may answer there."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from discode.adapters.kamal_proxy import EdgeProcess, KamalProxy
from discode.adapters.kamal_proxy.carrier import Answer
from discode.adapters.kamal_proxy.probe import Entrance
from discode.adapters.kamal_proxy.reach import Token, World, reached
from discode.core.installation import Route
from discode.core.name_checks import Reach
from discode.ports.proxy import Mode, Serving
from rig.certificates import server_context
from rig.ports import free_port
from rig.wait import wait_for, with_time

from ..proxy_contract import HEALTH, TIMING
from .origins import origins
from .toy import AlwaysThere

TOKEN = Token("/.well-known/acme-challenge/abc", "discode-sign")
HOST = "app.test"
PATIENCE = 60.0  # seconds, for what answers
KAMAL_PROXY = os.environ.get("DISCODE_KAMAL_PROXY", "")


def answer(body: str, head: str = "", status: str = "200 OK") -> bytes:
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


HERE = answer("discode-sign")


class Servers:
    """Servers that say one thing to everybody, at one port of several addresses of this machine."""

    def __init__(self) -> None:
        self.port = free_port()
        self._open: list[socket.socket] = []

    def add(self, address: str, says: bytes | None, port: int = 0, tls: ssl.SSLContext | None = None) -> None:
        """None: a server that takes connections and says nothing."""
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        server = socket.create_server((address, port or self.port), family=family)
        self._open.append(server)
        threading.Thread(target=self._serve, args=(server, says, tls), daemon=True).start()

    def _serve(self, server: socket.socket, says: bytes | None, tls: ssl.SSLContext | None) -> None:
        with suppress(OSError):
            while True:
                client, _ = server.accept()
                self._open.append(client)
                if says is not None:
                    with suppress(OSError), tls.wrap_socket(client, server_side=True) if tls else client as talk:
                        talk.recv(4096)
                        talk.sendall(says)

    def close(self) -> None:
        for one in self._open:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()


@pytest.fixture
def servers() -> Iterator[Servers]:
    made = Servers()
    yield made
    made.close()


def seen(servers: Servers, *addresses: str, timeout: float = PATIENCE, https: int = 1) -> list[Reach]:
    entrance = Entrance("127.0.0.1", servers.port, 1)
    found = reached(TOKEN, {HOST: addresses}, entrance, World(servers.port, https), timeout)
    return [found[HOST][address] for address in addresses]


def test_what_answers_at_each_address_is_told(servers):
    servers.add("127.0.0.1", HERE)
    servers.add("127.0.0.2", answer("discode-sign-of-another"[:8], "Server: nginx/1.22\r\n", "404 Not Found"))
    servers.add("127.0.0.3", answer("", "cf-ray: 8f1\r\nServer: cloudflare\r\n", "522 Gone"))
    servers.add("127.0.0.4", b"220 mail.example.com ESMTP\r\n")
    servers.add("127.0.0.5", b"")
    servers.add("127.0.0.6", answer("", "Server: \x1b[31mred" + "x" * 100 + "\r\n"))
    here, nginx, cloudflare, mail, closed, rude, refused = seen(
        servers, *(f"127.0.0.{number}" for number in range(1, 8))
    )
    assert here == Reach("here")
    assert nginx == Reach("other", "nginx/1.22, status 404")
    assert cloudflare == Reach("other", "Cloudflare", is_cdn=True)
    assert mail == Reach("other", "which does not speak HTTP")
    assert closed.kind == "other" and refused == Reach("refused")
    assert rude.kind == "other" and rude.who.isprintable() and len(rude.who) < 60


def test_silence_and_drops_end_in_time(servers):
    servers.add("127.0.0.1", HERE)
    servers.add("127.0.0.2", None)
    servers.add("127.0.0.3", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhalf of it")
    addresses = ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    here, silent, half = with_time(
        lambda s: seen(servers, *addresses, timeout=s), lambda told: told[0].kind == "here", 0.5
    )
    assert (here.kind, silent) == ("here", Reach("silent"))
    assert half.kind in ("silent", "other")


def test_what_cannot_be_asked_from_here_was_not_tried(servers):
    servers.add("127.0.0.1", HERE)
    # Linux lets no TCP out to the broadcast address.
    (far,) = seen(servers, "255.255.255.255")
    assert far == Reach("untried")


def test_nobody_is_asked_for_a_token_that_this_proxy_does_not_show(servers):
    servers.add("127.0.0.1", answer("somebody else"))
    servers.add("127.0.0.2", HERE)
    assert seen(servers, "127.0.0.2") == [Reach("untried")]


def test_a_way_over_https_at_the_same_place_is_gone_and_no_other_one(servers):
    https = free_port()
    servers.add("127.0.0.1", HERE)
    for number, where in ((2, f"https://{HOST}{TOKEN.path}"), (3, f"https://www.{HOST}{TOKEN.path}"), (4, "http://["),
                          (5, f"http://{HOST}{TOKEN.path}")):  # fmt: skip
        servers.add(f"127.0.0.{number}", answer("", f"Location: {where}\r\n", "301 Moved"))
    servers.add("127.0.0.2", HERE, https, server_context("another.test"))
    kinds = [one.kind for one in seen(servers, *(f"127.0.0.{number}" for number in range(2, 6)), https=https)]
    assert kinds == ["here", "other", "other", "other"]


def test_port_443_is_knocked_at_where_this_proxy_serves_https(servers):
    https, own = free_port(), free_port()
    for address in ("127.0.0.1", "127.0.0.2"):
        servers.add(address, HERE)
    servers.add("127.0.0.3", answer("another"))
    servers.add("127.0.0.2", None, https)
    addresses = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]

    def told() -> list[bool | None]:
        entrance = Entrance("127.0.0.1", servers.port, own)
        found = reached(TOKEN, {HOST: addresses}, entrance, World(servers.port, https), PATIENCE)
        return [found[HOST][address].takes_https for address in addresses]

    assert told() == [None, None, None], "no service has HTTPS yet"
    servers.add("127.0.0.1", None, own)
    assert told() == [False, True, None]


def test_many_hosts_and_addresses_are_asked_side_by_side(servers):
    servers.add("127.0.0.1", HERE)
    servers.add("127.0.0.2", None)
    asked = {f"a{number}.test": ["127.0.0.2", "127.0.0.1"] for number in range(20)}

    def kinds(timeout: float) -> set[tuple[str, ...]]:
        found = reached(TOKEN, asked, Entrance("127.0.0.1", servers.port, 1), World(servers.port, 1), timeout)
        return {tuple(one.kind for one in addresses.values()) for addresses in found.values()}

    assert with_time(kinds, lambda found: {here for _, here in found} == {"here"}, 0.8) == {("silent", "here")}


@pytest.fixture
def edge() -> Iterator[KamalProxy]:
    folder, http = Path(tempfile.mkdtemp(prefix="discode-edge-")), free_port()
    process = EdgeProcess(folder, http, free_port(), "127.0.0.1")
    proxy = KamalProxy(process.socket, process, http, world=World(http, 1))
    try:
        proxy.ensure()
        yield proxy
    finally:
        process.shutdown()
        shutil.rmtree(folder)


def test_the_edge_answers_for_its_token_at_every_name(edge):
    with origins() as made:
        route = Route(hosts=(HOST, "*.app.test"))
        edge.switch("myapp", made.new().endpoint, route, HEALTH, TIMING)
        asked = {host: ["127.0.0.1", "127.0.0.9"] for host in (HOST, "*.app.test", "nobody.test")}
        for _ in range(2):  # it stays the same one, and over a reload
            found = edge.reach(asked, PATIENCE)
            assert {host: seen["127.0.0.1"] for host, seen in found.items()} == dict.fromkeys(asked, Reach("here"))
            assert {seen["127.0.0.9"].kind for seen in found.values()} == {"refused"}
            edge.switch("another", made.new().endpoint, Route(hosts=("other.test",)), HEALTH, TIMING)
        edge.stop("myapp", "Back at noon.")
        assert edge.reach({HOST: ["127.0.0.1"]}, PATIENCE)[HOST]["127.0.0.1"] == Reach("here")


class Binary(AlwaysThere):
    """Carries commands to a real kamal-proxy."""

    is_edge = False

    def __init__(self, home: Path):
        self._environ = {**os.environ, "HOME": str(home), "XDG_RUNTIME_DIR": str(home)}

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        done = subprocess.run([KAMAL_PROXY, *argv], env=self._environ, capture_output=True, text=True, check=False)
        return Answer(done.returncode, done.stdout, done.stderr)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [KAMAL_PROXY, "run", *options], env=self._environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )


@pytest.mark.skipif(not KAMAL_PROXY, reason="no binary of kamal-proxy: bin/test --kamal-proxy FILE")
def test_kamal_proxy_shows_a_token_by_a_service_that_is_stopped():
    http, home = free_port(), Path(tempfile.mkdtemp(prefix="discode-kp-"))
    carrier = Binary(home)
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, home)
        process = carrier.start("--http-port", str(http), "--https-port", str(free_port()))
        stack.callback(process.wait)
        stack.callback(process.terminate)
        wait_for(lambda: carrier.run(["list"], PATIENCE).code == 0)
        made = stack.enter_context(origins())
        proxy = KamalProxy(carrier, carrier, http, world=World(http, 1))
        endpoint = made.new().endpoint
        proxy.switch("myapp", endpoint, Route(hosts=(HOST,)), HEALTH, TIMING)
        proxy.switch("wild", made.new().endpoint, Route(hosts=("*.wild.test",)), HEALTH, TIMING)
        found = proxy.reach(
            {host: ["127.0.0.1"] for host in (HOST, "nobody.test", "a.wild.test", "*.wild.test")}, PATIENCE
        )
        kinds = {host: seen["127.0.0.1"].kind for host, seen in found.items()}
        # What the wildcard of another app covers cannot be shown without taking it away from that app.
        assert kinds == {HOST: "here", "nobody.test": "here", "a.wild.test": "here", "*.wild.test": "here"}
        only = proxy.reach({"a.wild.test": ["127.0.0.1"]}, PATIENCE)
        assert only["a.wild.test"]["127.0.0.1"] == Reach("untried")
        assert proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
        assert "discode" not in carrier.run(["list"], PATIENCE).stdout


class Refusing(Binary):
    """No proxy at all, that refuses one command."""

    def __init__(self, failing: str):
        self._failing, self.services = failing, set[str]()

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        if argv[0] == "list":
            return Answer(0, "Service  Host  Path  Target  State  TLS\n", "")
        if argv[0] == self._failing:
            return Answer(1, "", "Error: no")
        if argv[0] == "deploy":
            self.services.add(argv[1])
        if argv[0] == "remove" and argv[1] not in self.services:
            return Answer(1, "", "Error: service not found")
        if argv[0] == "remove":
            self.services.remove(argv[1])
        return Answer(0, "", "")


@pytest.mark.parametrize("failing", ["deploy", "stop"])
def test_a_proxy_that_refuses_the_token_is_not_asked_and_nothing_stays(failing: str) -> None:
    carrier = Refusing(failing)
    proxy = KamalProxy(carrier, carrier, 1)
    assert proxy.reach({HOST: ["127.0.0.1"]}, 1.0) == {HOST: {"127.0.0.1": Reach("untried")}}
    assert carrier.services == set()
