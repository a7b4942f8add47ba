"""The adapter on a real kamal-proxy, where `DISCODE_KAMAL_PROXY` names a binary: `bin/test --kamal-proxy FILE`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from http.client import HTTPConnection

import pytest

from discode.adapters.kamal_proxy import KamalProxy
from discode.adapters.kamal_proxy.carrier import Answer
from discode.core.doors import service_of
from discode.core.manifest import Door
from discode.ports.proxy import DoorTo
from discode.ports.runtime import Endpoint
from rig import web
from rig.ports import free_port
from rig.wait import wait_for

from ..proxy_contract import HEALTH, ROUTE, TIMING, DoorContract, ProxyContract
from ..route_load import change_under_load
from .origins import Origins, origins
from .test_adapter import Scripted

KAMAL_PROXY = os.environ.get("DISCODE_KAMAL_PROXY", "")
pytestmark = pytest.mark.skipif(not KAMAL_PROXY, reason="bin/test --kamal-proxy FILE")


class Program(Scripted):
    """Carries commands to a kamal-proxy in a home of its own, and is its keeper too: it runs."""

    def __init__(self, made: Origins):
        super().__init__(Answer(0, "", ""))
        self.http_port, self.https_port, self._made = free_port(), free_port(), made
        self._home = tempfile.mkdtemp(prefix="real-")
        self._env = {**os.environ, "HOME": self._home, "XDG_RUNTIME_DIR": self._home}
        ports = ("--http-port", str(self.http_port), "--https-port", str(self.https_port))
        self._process = subprocess.Popen([KAMAL_PROXY, "run", *ports], env=self._env, stdout=subprocess.DEVNULL)
        wait_for(lambda: self.run(["list"], 60.0).code == 0)
        self.proxy = KamalProxy(self, self, self.http_port, self.https_port)

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        done = subprocess.run([KAMAL_PROXY, *argv], env=self._env, capture_output=True, text=True, timeout=timeout)
        return Answer(done.returncode, done.stdout, done.stderr)

    def healthy(self) -> Endpoint:
        return self._made.new().endpoint

    def broken(self) -> Endpoint:
        return self._made.new(status=503).endpoint

    def get(self, path: str, **headers: str) -> str:
        connection = HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": "app.test", **headers})
            return connection.getresponse().read().decode()
        finally:
            connection.close()

    def close(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(60)
        shutil.rmtree(self._home)


@pytest.fixture
def site() -> Iterator[Program]:
    with origins() as made:
        program = Program(made)
        try:
            yield program
        finally:
            program.close()


class TestContract(ProxyContract, DoorContract):
    pass


@pytest.mark.parametrize(
    ("strip_path", "asked", "seen"),
    [(False, "/api/live/7?x=1", "/api/live/7?x=1"), (True, "/api/live/7?x=1", "/7?x=1"), (True, "/api/live", "/")],
)
def test_what_is_behind_a_door_sees_its_path_unless_the_vendor_says_otherwise(
    site: Program, strip_path: bool, asked: str, seen: str
) -> None:
    door = Door(path="/api/live", strip_path=strip_path)
    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING, doors=[
        DoorTo(service_of("myapp", door.path), door, site.healthy())
    ])  # fmt: skip
    assert site.get(asked) == f"origin-1 {seen} app.test"
    assert site.get("/api/lively") == "origin-0 /api/lively app.test"


def test_a_route_changes_under_load(site: Program) -> None:
    assert change_under_load(site.proxy, site.http_port, site.healthy()) > 20


def test_what_a_client_says_of_itself_is_not_believed(site: Program) -> None:
    """Others than these kamal-proxy passes on, whatever it is told."""
    seen: dict[str, str] = {}

    class Handler(web.Handler):
        def do_GET(self) -> None:
            seen.update({name.lower(): value for name, value in self.headers.items()})
            self.reply(200, b"")

    server = web.Web(Handler)
    try:
        site.proxy.switch("myapp", Endpoint("127.0.0.1", server.port), ROUTE, HEALTH, TIMING)
        forged = {"X-Forwarded-For": "6.6.6.6", "X-Forwarded-Host": "evil.test", "X-Forwarded-Proto": "https"}
        site.get("/", Forwarded="for=6.6.6.6", **forged)
    finally:
        server.close()
    assert (seen["x-forwarded-for"], seen["x-forwarded-host"]) == ("127.0.0.1", "app.test")
    assert seen["x-forwarded-proto"] == "http" and "forwarded" not in seen
