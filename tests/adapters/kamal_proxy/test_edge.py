"""KamalProxy on the real edge with a real HAProxy: the port's contract, traffic, and the program's life."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path

import pytest

from discode.adapters.files import certificates as files
from discode.adapters.files.certificates import OwnFiles
from discode.adapters.kamal_proxy import EdgeProcess, KamalProxy
from discode.core.errors import Refused
from discode.core.installation import Route
from discode.core.own_certificate import OwnCertificate
from discode.ports.proxy import Mode, Serving, Timing
from discode.ports.runtime import Endpoint
from rig.certificates import make_certificate
from rig.ports import free_port
from rig.wait import wait_for

from ..proxy_contract import HEALTH, ROUTE, TIMING, DoorContract, ProxyContract
from ..route_load import change_under_load
from .origins import Origins, origins

pytestmark = pytest.mark.skipif(
    not shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin"), reason="HAProxy is not installed"
)


class EdgeSite:
    """The edge in a folder of its own, with a path short enough for a socket, and applications behind it."""

    def __init__(self, made: Origins, folder: Path):
        self.http_port, self._https_port = free_port(), free_port()
        self.folder = folder
        self.process = self.another_process()
        self.proxy = KamalProxy(
            self.process.socket, self.process, self.http_port, self._https_port, own=OwnFiles(folder)
        )
        self.origins = made

    def another_process(self) -> EdgeProcess:
        """As another command on this machine would have it."""
        return EdgeProcess(self.folder, self.http_port, self._https_port, "127.0.0.1")

    def healthy(self) -> Endpoint:
        return self.origins.new().endpoint

    def broken(self) -> Endpoint:
        return self.origins.new(status=503).endpoint

    def own(self, revision: int, *names: str) -> Route:
        """A route with a certificate of its own, that the store has kept."""
        chain, key, _ = make_certificate(*names)
        files.write(self.folder / "apps" / "myapp", revision, OwnCertificate(chain, key))
        return Route(hosts=names, tls="own", certificate=revision)

    def served(self, route: Route) -> list[tuple[str, ...]]:
        """The names of the certificate that each host gets."""
        return [state.certificate.names if state.certificate else () for state in self.proxy.https(route)]

    def get(self, path: str, host: str = "app.test") -> tuple[int, str]:
        connection = HTTPConnection("127.0.0.1", self.http_port, timeout=60)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


@pytest.fixture
def stopped() -> Iterator[EdgeSite]:
    """An edge that does not run yet; whatever runs at the end is ended."""
    folder = Path(tempfile.mkdtemp(prefix="discode-edge-"))
    with origins() as made:
        site = EdgeSite(made, folder)
        try:
            yield site
        finally:
            site.process.shutdown()
            shutil.rmtree(folder)


@pytest.fixture
def site(stopped: EdgeSite) -> EdgeSite:
    stopped.proxy.ensure()
    return stopped


class TestContract(ProxyContract, DoorContract):
    pass


def test_requests_under_way_finish_where_they_are(site: EdgeSite) -> None:
    old, new = site.origins.new("old"), site.origins.new("new")
    site.proxy.switch("myapp", old.endpoint, ROUTE, HEALTH, TIMING)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(site.get, "/slow")
        assert old.waiting.wait(60)
        site.proxy.switch("myapp", new.endpoint, ROUTE, HEALTH, Timing(deploy=30.0, drain=60.0))
        assert site.get("/")[1].startswith("new / ")
        was_let_go = []

        def wait() -> None:
            site.proxy.drained("myapp", 60.0)
            was_let_go.append(old.let_go.is_set())

        waiting = threading.Thread(target=wait)
        waiting.start()
        for _ in range(3):  # commands that came later are done
            assert site.proxy.serving("myapp") == Serving(new.endpoint, Mode.RUNNING)
        old.let_go.set()
        assert slow.result(60) == (200, "old /slow app.test")
        waiting.join(60)
        assert was_let_go == [True]


def test_an_answer_may_take_as_long_as_the_release_says(site: EdgeSite) -> None:
    hangs = site.origins.new("hangs")
    site.proxy.switch("myapp", hangs.endpoint, ROUTE, HEALTH, Timing(deploy=30.0, drain=1.0, response=0.3))
    assert site.get("/slow")[0] == 504
    site.proxy.switch("myapp", hangs.endpoint, ROUTE, HEALTH, TIMING)
    with ThreadPoolExecutor(1) as pool:
        hangs.waiting.clear()
        slow = pool.submit(site.get, "/slow")
        assert hangs.waiting.wait(60)
        text = (site.folder / "haproxy.cfg").read_text()
        assert "timeout server 60000ms" in text, "what a release that says nothing has"
        hangs.let_go.set()
        assert slow.result(60) == (200, "hangs /slow app.test")


def test_requests_that_do_not_finish_are_cut_at_the_drain_timeout(site: EdgeSite) -> None:
    old = site.origins.new("old")
    site.proxy.switch("myapp", old.endpoint, ROUTE, HEALTH, TIMING)
    with ThreadPoolExecutor(1) as pool:
        slow = pool.submit(site.get, "/slow")
        assert old.waiting.wait(60)
        site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, Timing(deploy=30.0, drain=0.5))
        site.proxy.drained("myapp", 0.5)
        assert slow.result(60)[0] == 504


def test_a_pause_holds_requests_until_resume(site: EdgeSite) -> None:
    site.proxy.switch("myapp", site.origins.new("old").endpoint, ROUTE, HEALTH, TIMING)
    site.proxy.pause("myapp", 120.0)
    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(site.get, "/")
        site.proxy.switch("myapp", site.origins.new("new").endpoint, ROUTE, HEALTH, TIMING)
        assert not held.done()
        site.proxy.resume("myapp")
        assert held.result(60) == (200, "new / app.test")


def test_a_pause_waits_for_requests_under_way(site: EdgeSite) -> None:
    origin = site.origins.new("old")
    site.proxy.switch("myapp", origin.endpoint, ROUTE, HEALTH, TIMING)

    def pause_and_look() -> bool:
        site.proxy.pause("myapp", 120.0)
        return origin.let_go.is_set()

    with ThreadPoolExecutor(2) as pool:
        slow = pool.submit(site.get, "/slow")
        assert origin.waiting.wait(60)
        pause = pool.submit(pause_and_look)
        wait_for(lambda: site.proxy.serving("myapp") == Serving(origin.endpoint, Mode.PAUSED))
        origin.let_go.set()
        assert slow.result(60)[0] == 200
        assert pause.result(60), "it returned before the request could be answered"


def test_a_stop_says_its_message(site: EdgeSite) -> None:
    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
    site.proxy.stop("myapp", "-- Back at noon.")
    status, text = site.get("/")
    assert status == 503
    assert "-- Back at noon." in text


def test_a_path_prefix_is_stripped(site: EdgeSite) -> None:
    route = Route(hosts=("app.test",), path_prefix="/docs")
    site.proxy.switch("docs", site.origins.new("docs").endpoint, route, HEALTH, TIMING)
    assert site.get("/docs/page") == (200, "docs /page app.test")
    assert site.get("/page")[0] == 404


def test_a_route_can_change_with_a_switch(site: EdgeSite) -> None:
    endpoint = site.healthy()
    site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
    site.proxy.switch("myapp", endpoint, Route(hosts=("moved.test",)), HEALTH, TIMING)
    assert site.get("/", "moved.test")[0] == 200
    assert site.get("/", "app.test")[0] == 404


def test_a_route_changes_under_load(site: EdgeSite) -> None:
    assert change_under_load(site.proxy, site.http_port, site.healthy()) > 20


def test_routes_outlive_the_program(site: EdgeSite) -> None:
    endpoint = site.healthy()
    site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
    first = site.process.running()
    site.process.shutdown()
    site.proxy.ensure()
    assert site.process.running() not in (None, first)
    assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
    assert site.get("/")[0] == 200


def test_what_a_dead_controller_has_left_is_in_nobody_s_way(site: EdgeSite) -> None:
    """Its HAProxy has the ports, and the next controller goes on with it."""
    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
    controller = site.process.running()
    assert controller is not None
    os.kill(controller, signal.SIGKILL)
    wait_for(lambda: site.process.running() is None)
    another = site.another_process()
    another.prepare()
    assert site.get("/")[0] == 200, "meanwhile"
    another.ensure()
    assert site.process.running() not in (None, controller) and site.get("/")[0] == 200


def test_the_program_starts_once_and_ends(stopped: EdgeSite) -> None:
    assert stopped.process.running() is None
    stopped.process.shutdown()
    starters = [stopped.another_process() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda starter: starter.ensure(), starters))
    pids = {starter.running() for starter in starters}
    assert len(pids) == 1
    stopped.process.shutdown()
    assert stopped.process.running() is None
    with socket.socket() as free:
        free.bind(("127.0.0.1", stopped.http_port))
    for starter in starters:
        starter.shutdown()


def test_a_port_for_https_is_in_the_way_where_https_is_wanted_alone(stopped: EdgeSite) -> None:
    port = stopped.proxy._entrance.https_port
    with socket.create_server(("127.0.0.1", port)):
        for _ in range(2):  # before it runs, and then
            stopped.proxy.prepare()
            with pytest.raises(Refused) as raised:
                stopped.proxy.prepare(https=True)
            assert raised.value.name == "port-taken"
            assert f"(pid {os.getpid()}) is using port {port}." in raised.value.sentence
            stopped.proxy.ensure()
    stopped.proxy.prepare(https=True)
    certificate = ("--tls", "--tls-certificate-path", str(stopped.folder / "own.pem"))
    pair, key, _ = make_certificate("app.test")
    (stopped.folder / "own.pem").write_bytes(pair + key)
    words = ("--host", "app.test", *certificate, "--tls-private-key-path", str(stopped.folder / "own.pem"))
    answer = stopped.process.socket.run(["deploy", "app", "--target", str(stopped.healthy()), *words], 30.0)
    assert answer.code == 0, answer.stderr
    stopped.proxy.prepare(https=True)  # the edge itself is nobody in its way
    stopped.process.socket.run(["remove", "app"], 30.0)
    stopped.proxy.prepare(https=True)  # nor where it still listens, after its last app with HTTPS


def test_a_taken_port_is_refused_in_words(stopped: EdgeSite) -> None:
    with socket.create_server(("127.0.0.1", stopped.http_port)), pytest.raises(Refused) as raised:
        stopped.proxy.ensure()
    assert raised.value.name == "port-taken"
    assert str(stopped.http_port) in raised.value.sentence
    assert stopped.process.running() is None
    stopped.proxy.ensure()
    assert stopped.process.running() is not None


def test_an_own_certificate_is_served_over_switches_and_gone_with_the_app(site: EdgeSite) -> None:
    old, new = site.origins.new("old"), site.origins.new("new")
    first = site.own(1, "app.test", "*.app.test")
    for origin in (old, new, old):
        site.proxy.switch("myapp", origin.endpoint, first, HEALTH, TIMING)
        assert site.proxy.serving("myapp") == Serving(origin.endpoint, Mode.RUNNING, is_secure=True)
        assert site.served(first) == [("app.test", "*.app.test")] * 2
        assert site.get("/")[0] == site.get("/", "x.app.test")[0] == 301
        seen = site.proxy.probe("myapp", first, "/up", 60.0)
        assert (seen.ok, seen.detail) == (True, "200 at /up")
    second = site.own(2, "app.test")
    site.proxy.switch("myapp", old.endpoint, second, HEALTH, TIMING)
    assert site.served(second) == [("app.test",)] and site.get("/", "x.app.test")[0] == 404
    site.process.shutdown()
    site.proxy.ensure()
    assert site.served(second) == [("app.test",)], "it has a copy"
    site.proxy.unroute("myapp")
    assert site.served(second) == [()]
    assert not list(site.folder.glob("certificates/own/*"))
