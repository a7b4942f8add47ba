"""KamalProxy in its container, on every proxy image that is there: the port's contract, and the container's life."""

import io
import os
import signal
import socket
import tarfile
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import pytest

from discode.adapters.docker import ContainerSettings, ProxyContainer, users
from discode.adapters.docker.handed import STATE
from discode.adapters.docker.names import ROLE
from discode.adapters.files import certificates as files
from discode.adapters.files.certificates import OwnFiles
from discode.adapters.kamal_proxy import KamalProxy
from discode.adapters.kamal_proxy.reach import World
from discode.core.errors import Failed, ProxyUnreachable, Refused
from discode.core.installation import Route
from discode.core.own_certificate import OwnCertificate
from discode.ports.proxy import Mode, Serving
from rig.certificates import make_certificate
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER

from ..adapters.proxy_contract import HEALTH, OTHER, ROUTE, TIMING, DoorContract, ProxyContract
from ..adapters.route_load import change_under_load

NETWORK = "discode-test"
ANSWER = """
import http.server, os, signal
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(int(os.environ.get("STATUS", 200))); self.end_headers()
        self.wfile.write(os.environ["DISCODE_INSTANCE"].encode())
    def log_message(self, *a): pass
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
http.server.ThreadingHTTPServer(("0.0.0.0", 3000), H).serve_forever()
"""


class Site:
    def __init__(self, bench, image, home):
        self.home = home
        self.bench, self.image, self.port, self.notes = bench, image, free_port(), []
        self.https_port, self.count = free_port(), 0
        self.release = bench.fetched({"server.py": ANSWER.encode()}, health={"path": "/up"})
        self.container = self.another()
        world = World(self.port, self.https_port)
        self.proxy = KamalProxy(
            self.container.exec, self.container, self.port, self.https_port, own=OwnFiles(home), world=world
        )

    def another(self, **changes):
        """As another command would have it."""
        fields = {"name": "discode-proxy", "image": self.image, "network": NETWORK, "http_port": self.port,
                  "https_port": self.https_port, "bind": "127.0.0.1", **changes}  # fmt: skip
        return ProxyContainer(self.bench.engine, ContainerSettings(**fields), self.notes.append)

    def healthy(self, **env):
        self.count += 1
        spec = self.bench.spec(self.count, self.release, **env)
        endpoint = self.bench.runtime.start(spec)
        self.until_it_answers(spec)
        return endpoint

    def serving(self, number, app="myapp", route=ROUTE):
        """An instance that the proxy has switched to, with its specification: it can be started again by that."""
        spec = self.bench.spec(number, self.release)
        endpoint = self.bench.runtime.start(spec)
        self.until_it_answers(spec)
        self.proxy.switch(app, endpoint, route, HEALTH, TIMING)
        return spec, endpoint

    def until_it_answers(self, spec):
        wait_for(lambda: self.bench.runtime.probe(spec.name, "/up", 60).connected)

    def moved(self, spec):
        """It is started again, under the same name at another address."""
        self.bench.runtime.stop(spec.name, 1)
        self.healthy()  # takes the address that has become free
        self.bench.runtime.start(spec)
        self.until_it_answers(spec)

    def broken(self):
        return self.healthy(STATUS="503")

    def get(self, host="app.test"):
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}/", headers={"Host": host})
        with urllib.request.urlopen(request, timeout=300) as answer:
            return answer.read().decode()

    def own(self, revision, *names):
        """A route with a certificate of its own, that the store has kept."""
        chain, key, _ = make_certificate(*names)
        files.write(self.home / "apps" / "myapp", revision, OwnCertificate(chain, key))
        return Route(hosts=names, tls="own", certificate=revision)

    def served(self, route):
        return [state.certificate.names if state.certificate else () for state in self.proxy.https(route)]

    def handed(self):
        """Paths below the folder with what the proxy was handed, with owner and mode, in order."""
        pieces, _ = self.bench.api.get_archive("discode-proxy", STATE)
        above = "kamal-proxy/own/"
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
            found = {one.name: (one.uid, one.mode & 0o777) for one in tar}
        return {path.removeprefix(above): told for path, told in sorted(found.items()) if path.startswith(above)}

    def user(self):
        told = self.told()
        return users.ids(self.bench.engine, told)[0]

    def told(self):
        return self.bench.told("discode-proxy")


@pytest.fixture
def stopped(bench, proxy_image, tmp_path):
    return Site(bench, proxy_image, tmp_path)


@pytest.fixture
def site(stopped):
    stopped.proxy.ensure()
    return stopped


class TestContract(ProxyContract, DoorContract):
    pass


def test_the_container_is_as_promised(site):
    told = site.told()
    assert told["Config"]["Labels"][ROLE] == "proxy" and "discode.app" not in told["Config"]["Labels"]
    assert told["HostConfig"]["RestartPolicy"]["Name"] == "unless-stopped"
    assert told["HostConfig"]["PortBindings"]["80/tcp"] == [{"HostIp": "127.0.0.1", "HostPort": str(site.port)}]
    assert [one["Name"] for one in told["Mounts"]] == ["discode-proxy"]


def test_by_default_it_is_published_on_ipv4_and_ipv6(stopped):
    container = stopped.another(bind="::")
    container.ensure()
    for address in ("127.0.0.1", "[::1]"):
        with pytest.raises(urllib.error.HTTPError) as raised:
            urllib.request.urlopen(f"http://{address}:{stopped.port}/", timeout=300)
        assert raised.value.code == 404
        raised.value.close()
    assert container.state()["differs"] == "" and not stopped.notes
    assert stopped.another(bind="0.0.0.0").state()["differs"] == "bind ::, not 0.0.0.0"


def test_a_container_of_an_earlier_version_listens_on_ipv4_until_it_is_replaced(stopped):
    stopped.another(bind="0.0.0.0").ensure()
    now = stopped.another(bind="::")
    now.ensure()
    assert not stopped.notes, "nobody has chosen anything that is not there"
    assert now.state()["differs"] == "bind 0.0.0.0, not ::"


def test_a_port_that_is_taken_on_ipv6_alone_is_told(stopped):
    with socket.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind(("::", stopped.port))
        taken.listen()
        with pytest.raises(Refused) as raised:
            stopped.another(bind="::").ensure()
    assert raised.value.name == "port-taken" and f"{stopped.port} on IPv6" in raised.value.sentence


def test_a_route_changes_under_load(site):
    assert change_under_load(site.proxy, site.port, site.healthy()) > 20


@pytest.mark.parametrize("accident", ["stopped", "killed", "removed"])
def test_a_container_that_somebody_took_away_is_put_back_with_its_routes(site, accident):
    endpoint = site.healthy()
    site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
    act = {
        "stopped": lambda: site.bench.api.stop("discode-proxy", timeout=5),
        "killed": lambda: site.bench.api.kill("discode-proxy"),
        "removed": lambda: site.bench.api.remove_container("discode-proxy", force=True),
    }[accident]
    act()
    with pytest.raises(ProxyUnreachable):
        site.proxy.serving("myapp")
    site.proxy.ensure()
    assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)
    assert site.get().startswith("tiny-")


def test_an_instance_that_was_stopped_and_started_gets_its_requests_at_once(site):
    """It is the same name at another address, and while it was stopped the proxy may have seen that it was gone."""
    spec, endpoint = site.serving(77)
    other, _ = site.serving(79, "other", OTHER)
    for _ in range(3):
        site.proxy.stop("myapp", "Stopped.")
        site.bench.runtime.stop(spec.name, 1)
        site.moved(other)
        wait_for(lambda: _gets(site, str(other.name), "other.test"))  # it has looked where everybody is
        site.bench.runtime.start(spec)
        site.until_it_answers(spec)
        site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
        site.proxy.resume("myapp")
        assert [site.get() for _ in range(3)] == [str(spec.name)] * 3


def test_a_request_that_was_held_goes_to_where_the_instance_is_when_the_proxy_resumes(site):
    """As when a hold is settled: no deploy has told the proxy of the other address."""
    spec, _ = site.serving(78)
    for _ in range(4):
        site.proxy.pause("myapp", 240.0)
        with ThreadPoolExecutor() as pool:
            held = [pool.submit(site.get) for _ in range(3)]
            site.moved(spec)
            # It answers, as when settling resumes. Soon: in the next second the proxy would look by itself.
            site.proxy.resume("myapp")
            assert [one.result() for one in held] == [str(spec.name)] * 3
        assert site.get() == str(spec.name)


def test_a_proxy_that_the_engine_brings_back_is_waited_for(site):
    """It runs before it takes commands; whoever asks in between must not hear that it refused."""
    endpoint = site.healthy()
    site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
    for _ in range(3):
        before = site.told()["State"]
        os.kill(before["Pid"], signal.SIGKILL)
        wait_for(lambda pid=before["Pid"]: (now := site.told()["State"])["Running"] and now["Pid"] not in (0, pid))
        site.proxy.ensure()
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING)


def test_a_port_that_is_taken_is_called_by_its_number_and_leaves_nothing(stopped):
    with socket.create_server(("127.0.0.1", stopped.port)):
        with pytest.raises(Refused) as raised:
            stopped.proxy.ensure()
        assert raised.value.name == "port-taken" and str(stopped.port) in raised.value.sentence
    assert stopped.bench.api.containers(all=True) == []
    stopped.proxy.ensure()


def test_a_name_leads_to_the_container_when_its_token_comes_back(site):
    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
    found = site.proxy.reach({host: ["127.0.0.1", "127.0.0.9"] for host in ("app.test", "nobody.test")}, 5.0)
    for seen in found.values():
        assert seen["127.0.0.1"].kind == "here" and seen["127.0.0.9"].kind != "here"


def test_a_port_of_another_container_is_told_with_its_name(stopped):
    api, reference = stopped.bench.api, stopped.release.manifest.artifact.reference
    network = api.create_network("shop")["Id"]
    published = api.create_host_config(port_bindings={80: stopped.port}, network_mode=network)
    api.create_container(
        reference,
        name="shop-web",
        command=["python3", "-c", "import signal; signal.pause()"],
        ports=[80],
        host_config=published,
    )
    api.start("shop-web")
    with pytest.raises(Refused) as raised:
        stopped.proxy.ensure()
    assert raised.value.name == "port-taken"
    assert f"the container shop-web is using port {stopped.port}." in raised.value.sentence
    assert raised.value.next_step.startswith("Stop it: docker stop shop-web, or choose others")
    api.remove_container("shop-web", force=True)
    api.remove_network(network)
    stopped.proxy.ensure()


def test_a_container_of_somebody_else_is_refused_and_left_alone(stopped):
    reference = stopped.release.manifest.artifact.reference
    stopped.bench.api.create_container(reference, name="discode-proxy", command=["sleep", "60"])
    with pytest.raises(Refused) as raised:
        stopped.proxy.ensure()
    assert raised.value.name == "name-taken"
    stopped.bench.api.create_network(NETWORK + "-other")
    with pytest.raises(Refused) as raised:
        stopped.another(name="other", network=NETWORK + "-other").ensure()
    assert raised.value.name == "network-taken"


def test_other_settings_are_told_and_applied_only_when_asked(site):
    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
    before = site.told()["Id"]
    port, site.port = site.port, free_port()
    site.container = site.another()
    site.container.ensure()
    assert site.told()["Id"] == before and f"http_port {port}, not {site.port}" in site.notes[-1]
    gap = site.container.replace()
    assert site.told()["Id"] != before and gap > 0
    assert site.get().startswith("tiny-"), "the routes came over"
    assert site.container.state()["differs"] == ""
    assert len([one for one in site.bench.api.containers(all=True) if "proxy" in one["Names"][0]]) == 1


def test_a_replacement_that_does_not_answer_gives_way_to_the_old_one(site):
    import socket

    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        with pytest.raises(Failed, match="The old proxy is back") as raised:
            site.another(http_port=taken.getsockname()[1]).replace()
        assert raised.value.name == "port-taken"
    assert site.get().startswith("tiny-")
    with pytest.raises(Refused) as refused:
        site.another(image="127.0.0.1:9/no/proxy:1").replace()
    assert refused.value.name == "proxy-image" and "discode proxy update --image IMAGE" in refused.value.next_step
    assert site.get().startswith("tiny-")


def test_an_image_that_cannot_be_had_at_the_first_install_names_the_options_that_help(bench):
    settings = ContainerSettings("discode-proxy-first", "127.0.0.1:9/no/proxy:1", "discode-test")
    with pytest.raises(Refused, match=r"127\.0\.0\.1:9/no/proxy:1 cannot be pulled") as refused:
        ProxyContainer(bench.engine, settings).ensure()
    assert refused.value.name == "proxy-image"
    assert "--proxy edge" in refused.value.next_step and "--proxy-image IMAGE" in refused.value.next_step


@pytest.mark.parametrize("moment", ["before the old one stopped", "after the new one started"])
def test_a_replacement_that_was_killed_is_brought_to_its_end(site, moment):
    site.proxy.switch("myapp", site.healthy(), ROUTE, HEALTH, TIMING)
    site.port = free_port() if moment.startswith("after") else site.port
    next_one = site.another()
    next_one._create("discode-proxy-next")
    if moment.startswith("after"):
        site.bench.api.stop("discode-proxy", timeout=5)
        site.bench.api.start("discode-proxy-next")
    site.another().ensure()
    assert site.get().startswith("tiny-")
    names = {name for one in site.bench.api.containers(all=True) for name in one["Names"]}
    assert "/discode-proxy" in names and "/discode-proxy-next" not in names


def test_it_retires_without_a_trace_and_keeps_its_volume_unless_it_may_not(site):
    for state in site.bench.runtime.instances("tiny"):
        site.bench.runtime.remove(state.name)
    site.proxy.retire(purge=False)
    api = site.bench.api
    assert api.containers(all=True) == [] and not [n for n in api.networks() if n["Name"] == NETWORK]
    assert [one["Name"] for one in api.volumes()["Volumes"]] == ["discode-proxy"]
    site.proxy.retire(purge=True)
    assert not api.volumes()["Volumes"]


def test_a_target_is_followed_when_its_address_changes(site):
    endpoint = site.healthy()
    site.proxy.switch("myapp", endpoint, ROUTE, HEALTH, TIMING)
    api, name = site.bench.api, endpoint.host
    api.stop(name, timeout=1)
    other = site.healthy()
    api.start(name)
    assert other != endpoint
    wait_for(lambda: _gets(site, name))


def _gets(site, name, host="app.test"):
    try:
        return site.get(host) == name
    except NO_ANSWER:
        return False


def test_every_image_that_is_there_was_tried(proxy_images):
    assert proxy_images, "the edge's own is always there"


def test_an_own_certificate_is_handed_to_the_proxys_user_and_goes_with_the_app(site):
    """Through switches, a replacement of the container, a new certificate, and a start of the proxy."""
    old, new = site.healthy(), site.healthy()
    first = site.own(1, "app.test", "*.app.test")
    for endpoint in (old, new, old):
        site.proxy.switch("myapp", endpoint, first, HEALTH, TIMING)
        assert site.proxy.serving("myapp") == Serving(endpoint, Mode.RUNNING, is_secure=True)
        assert site.proxy.probe("myapp", first, "/up", 60.0).ok
    assert site.served(first) == [("app.test", "*.app.test")] * 2
    folders = [mode for path, (_, mode) in site.handed().items() if not path.endswith(".pem")]
    pems = [told for path, told in site.handed().items() if path.endswith(".pem")]
    assert set(folders) == {0o700} and pems == [(site.user(), 0o600)] * 2 and site.user()
    site.container.replace()
    site.proxy.ensure()
    assert site.served(first) == [("app.test", "*.app.test")] * 2
    second = site.own(2, "app.test")
    site.proxy.switch("myapp", old, second, HEALTH, TIMING)
    assert site.served(second) == [("app.test",)]
    wait_for(lambda: sum(path.endswith(".pem") for path in site.handed()) == 2)
    site.proxy.unroute("myapp")
    wait_for(lambda: not [path for path in site.handed() if path.startswith("myapp")])
    assert site.served(second) == [()]
