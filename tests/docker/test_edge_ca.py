"""Automatic certificates in the edge's container: a real CA asks at the published port; they are kept in the volume."""

import json

import pytest
from conftest_docker import EDGE_IMAGE, KAMAL_IMAGE
from docker_place import DockerPlace

from discode.adapters.docker import ContainerSettings, ProxyContainer
from discode.adapters.kamal_proxy import KamalProxy
from discode.adapters.kamal_proxy.authority import AUTHORITY, Ca, until_taken_up
from discode.core.errors import Failed
from discode.core.installation import Route
from rig.certificates import make_certificate
from rig.pebble import Authority
from rig.ports import free_port
from rig.wait import wait_for

from ..adapters.proxy_contract import HEALTH, TIMING

NAME, NETWORK, HOST = "discode-proxy", "discode-test", "app.example.test"
ROUTE = Route(hosts=(HOST,), tls="auto")


class Site:
    """The edge in its container, and Pebble on the bridge between them."""

    def __init__(self, bench, folder):
        self.bench, self.port, self.https_port = bench, free_port(), free_port()
        self.bundle, self.files, self.gates = folder / "roots.pem", {}, []
        self.container = self.another()
        ca = Ca(str(self.bundle))
        self.proxy = KamalProxy(self.container.exec, self.container, self.port, self.https_port, ca=ca)
        self.container.ensure()
        self.bridge = bench.told(NAME)["NetworkSettings"]["Networks"][NETWORK]["Gateway"]
        self.certificate, self.key, _ = make_certificate(self.bridge)
        self.pebble = Authority(folder / "ca", self.port).start()
        self.bundle.write_text(self.pebble.root())

    def another(self):
        """As another command would have it."""
        settings = ContainerSettings(NAME, EDGE_IMAGE, NETWORK, self.port, self.https_port, "127.0.0.1")
        return ProxyContainer(self.bench.engine, settings, files=lambda: self.files)

    def gate(self):
        self.gates.append(self.pebble.another_gate(self.certificate, self.key, self.bridge))
        return self.gates[-1]

    def set_ca(self, gate, **settings):
        told = {"directory": gate.directory, "ca_bundle": self.certificate.decode(), **settings}
        self.files = {AUTHORITY: json.dumps(told).encode()}

    def serve(self):
        spec = self.bench.spec(1, self.bench.release)
        endpoint = self.bench.runtime.start(spec)
        wait_for(lambda: self.bench.runtime.probe(spec.name, "/up", 60).connected)
        self.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)

    def state(self):
        return self.proxy.https(ROUTE)[0]

    def kept(self):
        """A digest of the certificates in the volume."""
        argv = ["sh", "-c", "cat /home/kamal-proxy/.config/kamal-proxy/certificates/issued/*/*.pem | sha256sum"]
        job = self.bench.api.exec_create(NAME, argv)["Id"]
        return self.bench.api.exec_start(job)

    def close(self):
        self.pebble.close()
        for gate in self.gates:
            gate.close()


@pytest.fixture
def site(bench, proxy_images, tmp_path):
    made = Site(bench, tmp_path)
    try:
        yield made
    finally:
        made.close()


def test_a_certificate_is_got_kept_over_the_containers_end_and_from_another_ca_without_one(site):
    first = site.gate()
    site.set_ca(first, email="me@example.com")
    site.container.ensure()
    site.serve()
    wait_for(lambda: site.state().is_proved, 240, unless=lambda: site.state().failure)
    assert site.state().certificate.names == (HOST,) and site.state().failure is None
    kept, before, orders = site.kept(), site.bench.told(NAME)["Id"], first.orders
    job = site.bench.api.exec_create(
        NAME, ["stat", "-c", "%a %U", f"/home/kamal-proxy/.config/kamal-proxy/{AUTHORITY}"]
    )
    assert site.bench.api.exec_start(job["Id"]).split() == [b"600", b"kamal-proxy"]

    site.container.replace()
    assert site.bench.told(NAME)["Id"] != before
    assert site.state().is_proved and site.kept() == kept and first.orders == orders, "as after proxy update"
    site.bench.api.kill(NAME)
    site.bench.api.start(NAME)
    site.another().ensure()
    assert site.state().is_proved and site.kept() == kept and first.orders == orders

    running, other = site.bench.told(NAME)["Id"], site.gate()
    other.limit = 7200
    site.set_ca(other)
    site.another().bring_files()
    assert until_taken_up(site.container.exec, site.files[AUTHORITY])
    wait_for(lambda: site.state().failure is not None)
    assert site.state().failure.kind == "rate limited" and site.state().is_proved, "the one before is served"
    with pytest.raises(Failed, match="rate limit"):
        site.proxy.renew(HOST)
    other.limit = None
    renewed = site.proxy.renew(HOST)
    assert renewed["of_this_directory"] and renewed["directory"] == other.directory
    assert site.state().is_proved and site.state().failure is None
    assert site.bench.told(NAME)["Id"] == running, "no container was replaced for it"
    site.files = {AUTHORITY: b""}
    site.another().bring_files()
    assert until_taken_up(site.container.exec, b"")


def test_what_an_image_is_is_known_by_its_label_or_its_name(bench, proxy_images):
    def of(image):
        return ProxyContainer(bench.engine, ContainerSettings(NAME, image, NETWORK)).is_edge()

    assert of(EDGE_IMAGE) is True and of(bench.release.manifest.artifact.reference) is False
    assert of("basecamp/kamal-proxy:v0.0.1") is False and of("docker.io/basecamp/kamal-proxy:v0.0.1") is False
    assert of("r.example.com/edge:1") is None, "it is not here to tell"


def test_an_operator_sets_the_ca_of_a_container_that_runs(daemon, registry, proxy_images, tmp_path):
    place = DockerPlace(tmp_path, daemon, registry, EDGE_IMAGE)
    try:
        place.init()
        place.publish("1.0.0")
        place.install()
        before = place.api.inspect_container("discode-proxy")["Id"]
        said = place.run("proxy", "config", "set", "acme_email=me@example.com").out
        taken_up = "The proxy uses it from now on. Each certificate is served until there is another one."
        assert said.splitlines() == ["Saved: acme_email.", taken_up]
        by_image = ("update", "--image", KAMAL_IMAGE, "--yes")
        for words in (("config", "set", f"proxy_image={KAMAL_IMAGE}"), by_image):
            refused = place.run("proxy", *words, code=4).err
            assert "cannot go by acme_email. Nothing was changed." in refused
            assert "discode proxy config unset acme_email" in refused
        assert place.api.inspect_container("discode-proxy")["Id"] == before and place.get() == (200, "1.0.0")
    finally:
        place.close()
