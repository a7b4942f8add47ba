"""An edge that proves names by DNS: to Pebble, which asks a PowerDNS, whose API it has through a gate."""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import tempfile
import threading
from functools import partial
from pathlib import Path

import pytest
from conftest_https import HttpsEdge

from rig import web
from rig.pebble import Authority
from rig.powerdns import KEY, PowerDNS

NUMBERS = itertools.count(1)


class ApiGate:
    """PowerDNS's API. `status`: what it answers to all, with `body`; 0: what PowerDNS does. Changes wait while it is
    not `open`, for `slow` seconds at most; `changes` counts them, and after `most_changes` all are answered 503.
    A name gets the newest `values` alone."""

    def __init__(self, api):
        self.behind = api.removeprefix("http://")
        self.open, self.changes, self._under_way = threading.Event(), 0, 0
        self.pass_all()
        self._web = web.Web(partial(_Api, self))
        self.url = f"http://{self._web.target}"

    def pass_all(self):
        self.status, self.body, self.most_changes, self.slow = 0, b"", 1 << 30, 300.0
        self.most_at_once, self.values = 0, 100
        self.open.set()

    @contextlib.contextmanager
    def changing(self):
        self.changes += 1
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        self.open.wait(self.slow)
        try:
            yield
        finally:
            self._under_way -= 1

    def close(self):
        self.open.set()
        self._web.close()


class _Api(web.Handler):
    def __init__(self, gate, *connection):
        self._gate = gate
        super().__init__(*connection)

    def do_GET(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.command == "GET":
            return self._pass(body)
        with self._gate.changing():
            return self._pass(body)

    def _pass(self, body):
        if self.command != "GET" and self._gate.changes > self._gate.most_changes:
            return self.reply(503)
        if self._gate.status:
            return self.reply(self._gate.status, self._gate.body)
        if self.command == "PATCH":
            asked = json.loads(body)
            for one in asked["rrsets"]:
                del one["records"][self._gate.values :]
            body = json.dumps(asked).encode()
        server = http.client.HTTPConnection(self._gate.behind, timeout=240)
        try:
            server.request(self.command, self.path, body, {"X-API-Key": self.headers["X-API-Key"]})
            answer = server.getresponse()
            return self.reply(answer.status, answer.read())
        finally:
            server.close()

    do_PATCH = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815


class DnsWorld:
    """`edge`, `authority`, `dns`, `gate`, and the edge's settings and credentials."""

    def __init__(self, folder):
        self.dns = PowerDNS(folder / "dns")
        self.gate = ApiGate(self.dns.api)
        self.edge = HttpsEdge(folder / "state")
        self.authority = Authority(folder / "ca", self.edge.port, f"{self.dns.address}:53")
        self.authority.start()
        self.edge.options = ("--acme-directory", self.authority.directory, "--acme-retry", "3s")
        self.credentials = folder / "credentials"
        os.environ["REQUESTS_CA_BUNDLE"] = str(self.authority.trust)
        self.edge.start()
        self._second = None

    def second(self):
        """Another PowerDNS, which knows nothing of the first."""
        if self._second is None:
            self._second = PowerDNS(self.edge.folder.parent / "second", 1)
        return self._second

    def close(self):
        self.edge.close()
        self.authority.close()
        self.gate.close()
        self.dns.stop()
        if self._second is not None:
            self._second.stop()

    def set(self, **settings):
        """The edge's settings: those of a provider that works, but for what is given."""
        all_settings = {"provider": "powerdns", "credentials": str(self.credentials), "wait": 240, "timeout": 240}
        all_settings |= {"resolvers": [self.dns.address], **settings}
        (self.edge.folder / "dns.json").write_text(json.dumps(all_settings))

    def unset(self):
        (self.edge.folder / "dns.json").unlink(missing_ok=True)

    def give(self, **options):
        """Credentials: those that work, but for what is given."""
        lines = {"auth_token": KEY, "pdns_server": self.gate.url, **options}
        self.credentials.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
        self.credentials.chmod(0o600)

    def zone(self):
        """A zone of the test's own; every name below it is this machine."""
        zone = f"z{next(NUMBERS)}.test"
        self.dns.add_zone(zone, {(zone, "A"): ["127.0.0.1"], (f"*.{zone}", "A"): ["127.0.0.1"]})
        return zone

    def certificate(self, service, host):
        return next(one for one in self.edge.service(service)["certificates"] if one["host"] == host)

    def log(self):
        return (self.edge.folder.parent / "edge.log").read_text()


@pytest.fixture(scope="module")
def one_dns_world():
    folder = Path(tempfile.mkdtemp(prefix="edge-dns-"))
    before = os.environ.get("REQUESTS_CA_BUNDLE")
    made = DnsWorld(folder)
    try:
        yield made
    finally:
        made.close()
        os.environ.pop("REQUESTS_CA_BUNDLE")
        if before is not None:
            os.environ["REQUESTS_CA_BUNDLE"] = before
        shutil.rmtree(folder)


@pytest.fixture
def world(one_dns_world):
    """With a provider and credentials that work, at first, and without services."""
    one_dns_world.gate.pass_all()
    one_dns_world.give()
    one_dns_world.set()
    if not one_dns_world.edge.answers():
        one_dns_world.edge.start()
    yield one_dns_world
    for service in one_dns_world.edge.told()["services"]:
        one_dns_world.edge.ok("remove", service["name"])
