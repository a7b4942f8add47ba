"""HTTPS by the real kamal-proxy, where `DISCODE_KAMAL_PROXY` names a binary: `bin/test --kamal-proxy FILE`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from discode.adapters.files import certificates as files
from discode.adapters.files.certificates import OwnFiles
from discode.adapters.kamal_proxy import KamalProxy
from discode.adapters.kamal_proxy.carrier import Answer
from discode.core.installation import Route
from discode.core.own_certificate import OwnCertificate
from discode.ports.proxy import Mode, Serving
from discode.ports.runtime import Endpoint
from rig.certificates import make_certificate
from rig.ports import free_port
from rig.wait import wait_for

from ..proxy_contract import HEALTH, ROUTE, TIMING
from ..route_load import seen
from .origins import Origins, origins
from .toy import AlwaysThere

BINARY = os.environ.get("DISCODE_KAMAL_PROXY", "")
pytestmark = pytest.mark.skipif(not BINARY, reason="bin/test --kamal-proxy FILE")


class Program(AlwaysThere):
    """kamal-proxy as a program of this machine: what carries commands to it, and what keeps it running."""

    is_edge = False

    def __init__(self, folder: Path, http_port: int, https_port: int):
        self._ports = "--http-port", str(http_port), "--https-port", str(https_port)
        self._env = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder), "PATH": os.environ["PATH"]}
        self._log = folder / "log"
        self.commands: list[list[str]] = []
        self._running: subprocess.Popen[bytes] | None = None

    def ensure(self) -> None:
        if self._running is None:
            with self._log.open("ab") as log:
                words = [BINARY, "run", *self._ports]
                self._running = subprocess.Popen(words, env=self._env, stdout=log, stderr=log)
        wait_for(lambda: self.run(["list"], 10.0).code == 0)

    def retire(self, purge: bool) -> None:
        self.stop()

    def stop(self) -> None:
        if self._running is not None:
            self._running.terminate()
            self._running.wait(60)
            self._running = None

    def run(self, argv: Sequence[str], timeout: float) -> Answer:
        self.commands.append(list(argv))
        done = subprocess.run([BINARY, *argv], env=self._env, capture_output=True, text=True, timeout=timeout)
        return Answer(done.returncode, done.stdout, done.stderr)


class RealSite:
    def __init__(self, folder: Path, made: Origins):
        self.folder, self.http_port, https_port = folder, free_port(), free_port()
        self.program = Program(folder, self.http_port, https_port)
        self.proxy = KamalProxy(self.program, self.program, self.http_port, https_port, own=OwnFiles(folder))
        self.origins = made

    def healthy(self) -> Endpoint:
        return self.origins.new().endpoint

    def own(self, revision: int, *names: str) -> Route:
        chain, key, _ = make_certificate(*names)
        files.write(self.folder / "apps" / "myapp", revision, OwnCertificate(chain, key))
        return Route(hosts=names, tls="own", certificate=revision)

    def plain(self, host: str, path: str = "/") -> tuple[int, str | None]:
        return seen(self.http_port, host, path)

    def deployed(self) -> str:
        """The options of the last deploy that are about HTTPS."""
        argv = [argv for argv in self.program.commands if argv[0] == "deploy"][-1]
        return " ".join(argv[argv.index("--host") : argv.index("--health-check-path")])


@pytest.fixture
def site(tmp_path: Path) -> Iterator[RealSite]:
    with origins() as made:
        site = RealSite(tmp_path, made)
        try:
            site.proxy.ensure()
            yield site
        finally:
            site.program.stop()


def test_an_own_certificate_and_the_redirect_outlive_switches(site: RealSite) -> None:
    """Installed, updated twice, rolled back, and started again."""
    route = site.own(1, "app.test", "*.app.test")
    first, second, third = (site.healthy() for _ in range(3))
    for endpoint in (first, second, third, second):
        site.proxy.switch("myapp", endpoint, route, HEALTH, TIMING)
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING, is_secure=True)
        assert [state.certificate.names for state in site.proxy.https(route) if state.certificate] == [route.hosts] * 2
        assert site.plain("app.test", "/x?y") == (301, "https://app.test/x?y")
        seen = site.proxy.probe("myapp", route, "/up", 60.0)
        assert (seen.ok, seen.detail) == (True, "200 at /up")
    site.program.stop()
    site.proxy.ensure()
    assert site.proxy.probe("myapp", route, "/up", 60.0).ok
    renewed = site.own(2, "app.test")
    site.proxy.switch("myapp", second, renewed, HEALTH, TIMING)
    assert [state.certificate and state.certificate.names for state in site.proxy.https(renewed)] == [("app.test",)]


def test_automatic_ones_are_accepted_and_http_is_served_until_they_are_there(site: RealSite) -> None:
    """No CA is reached from here: so nobody is sent to HTTPS, and the app answers over HTTP."""
    route = ROUTE.changed(hosts=("app.test", "www.app.test"), tls="auto")
    for endpoint in (site.healthy(), site.healthy()):
        site.proxy.switch("myapp", endpoint, route, HEALTH, TIMING)
        told = site.deployed()
        assert told.startswith("--host app.test --host www.app.test") and told.endswith("--tls --tls-redirect=false")
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING, is_secure=True)
        assert site.plain("app.test") == (200, None)
        assert site.proxy.probe("myapp", route, "/up", 60.0).ok
    site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
    assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
