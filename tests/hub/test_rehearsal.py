"""A rehearsal: a hub is lost with its disk, a thief has its online key, and the vendor comes back with the keys alone.

Ten installations of every age go on updating, and none takes what the thief signed.
"""

import json
import os
import shutil

import httpx
import pytest
from conftest_hub import HubVendor, Place
from test_compromised import Attacker
from tuf.api.metadata import Metadata

import place as machines
from discode.adapters.registry import RegistryClient
from discode.adapters.source import FileSources, give
from discode.core.errors import DiscodeError
from discode.flows.publish import publish
from rig.command import run

APP, FAR = "shop", 10**9
FILE = """\
app: shop
version: {version}
archive: ./app
command: [python3, server.py]
health: {{path: /up, timeout: 10s, deadline: 120s}}
update: {{confirm: 200ms, drain: 60s, stop: 3s}}
"""
SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"{version}")
http.server.ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


class Machine(machines.Place):
    """A customer's, with processes for a runtime."""

    def __init__(self, folder, url):
        super().__init__(folder)
        self.url = url

    def install_words(self):
        words = ("install", APP, "--from", self.url, "--host", self.host)
        return (*words, "--http-port", str(self.port))


class Customer:
    """An installation that looks for releases, as `discode update --check` does."""

    def __init__(self, home, url):
        self.home, self.url = home, url

    def newest(self):
        releases = FileSources(self.home, None, lambda text: None).open(APP, self.url)
        return releases.index().releases[-1].version

    def refusal(self):
        try:
            return self.newest()
        except DiscodeError as error:
            return error.name

    def lose(self, pattern):
        found = list(self.home.glob(f"apps/{APP}/trust/*/{pattern}"))
        assert found, pattern
        for path in found:
            shutil.rmtree(path) if path.is_dir() else path.unlink()


class Story:
    def __init__(self, folder, hub):
        self.folder, self.hub, self.url = folder, hub, hub.url
        self.vendor = HubVendor(folder / "vendor", hub)
        self.customers = {}
        self.machines = [Machine(folder / name, self.url) for name in ("a", "b")]

    def publish(self, version):
        app = self.vendor.folder / "source" / "app"
        app.mkdir(parents=True, exist_ok=True)
        (app / "server.py").write_text(SERVER.replace("{version}", version))
        file = app.parent / "discode.yml"
        file.write_text(FILE.format(version=version))
        publish(self.vendor.repository, RegistryClient(), file, version=None, channels=["stable"], notes="", now="")

    def customer(self, name, home=None):
        made = self.customers[name] = Customer(home or self.folder / "homes" / name, self.url)
        return made

    def trust_of(self, name):
        return self.customers[name].home / "apps" / APP / "trust"

    def discode(self, *words, code=0):
        """As the vendor types it."""
        env = {**os.environ, "DISCODE_HUB": self.url, "DISCODE_HUB_TOKEN": self.hub.token, "NO_COLOR": "1"}
        done = run("discode", [*map(str, words), "--keys", str(self.vendor.keys), "--json"], env, timeout=300)
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        return json.loads(done.stdout.splitlines()[-1])

    def grow(self):
        """Until the hub is lost: root 2 has other root keys, root 3 another end."""
        self.vendor.repository.init()
        self.publish("1.0.0")
        self.hub.call("PUT", f"/api/v1/apps/{APP}", json={"access": "public"})
        for machine in self.machines:
            machine.install()
        for name in ("offline since 1.0.0", "without caches", "with the root alone", "of an earlier Discode"):
            assert self.customer(name).newest() == "1.0.0"
        self.publish("1.1.0")
        assert self.customer("on 1.1.0").newest() == "1.1.0"
        self.vendor.repository.rotate("root")
        assert self.customer("of root 2").newest() == "1.1.0"
        self.vendor.at(days=190).renew()
        self.publish("1.2.0")
        assert self.customer("on 1.2.0").newest() == "1.2.0"
        assert self.customer("with the thief's versions").newest() == "1.2.0"
        self.customer("installed by install.sh, never updated")
        give(self.customers["installed by install.sh, never updated"].home, self.url, self.roots(), 4)
        self.customer("new")

    def roots(self):
        return [httpx.get(f"{self.url}/metadata/{n}.root.json", timeout=60).content for n in range(1, 4)]


@pytest.fixture
def story(tmp_path):
    hub = Place(tmp_path / "hub")
    hub.serve()
    made = Story(tmp_path, hub)
    yield made
    for machine in made.machines:
        machine.close()
    made.hub.close()


def test_with_the_keys_alone(story):
    story.grow()
    # The thief, with the key of the hub, freezes whoever looks: as the vendor's, but for the numbers.
    thief = Attacker(story.hub)
    thiefs_key = thief.hub.keys.online
    thief.announce(thief.load("targets").signed.version, snapshot_version=FAR, timestamp_version=FAR)
    frozen = story.customers["with the thief's versions"], Customer(story.machines[0].home, story.url)
    assert [one.newest() for one in frozen] == ["1.2.0", "1.2.0"]
    story.customers["without caches"].lose("metadata")
    story.customers["with the root alone"].lose("metadata")
    story.customers["with the root alone"].lose("floor.json")
    story.customers["of an earlier Discode"].lose("online.json")
    assert len(story.customers) == 10

    # The disk is gone, and of the vendor's folder there is but what a careful vendor has a copy of.
    port = story.hub.port
    story.hub.close()
    shutil.rmtree(story.hub.folder)
    for path in story.vendor.keys.iterdir():
        if path.suffix != ".pem":
            shutil.rmtree(path) if path.is_dir() else path.unlink()

    # A customer sends what they have, and the vendor goes on from there, on an empty hub at the same address.
    story.hub = story.vendor.place = Place(story.folder / "new-hub", port=port)
    story.hub.serve()
    refused = story.discode("release", "chain", "import", story.trust_of("offline since 1.0.0"), code=4)
    assert refused["error"]["key"] == "chain-too-short"
    story.discode("release", "chain", "import", story.trust_of("on 1.2.0"))
    begun = story.discode("release", "init")
    assert (begun["result"], begun["root"], begun["publish_again"]) == ("continued", 4, [APP])
    story.vendor.repository = story.vendor.at(days=0)
    story.publish("1.3.0")
    story.hub.call("PUT", f"/api/v1/apps/{APP}", json={"access": "public"})

    assert {name: one.newest() for name, one in story.customers.items()} == dict.fromkeys(story.customers, "1.3.0")
    for machine in story.machines:
        assert machine.run("update", APP, "--json").last["to"] == "1.3.0"
        assert machine.get() == (200, "1.3.0")

    # The thief has the new hub's address for a while, and signs again: nobody takes it, and nobody is harmed by it.
    thief = Attacker(story.hub)
    honest = thief.body("timestamp")
    forged = thief.load("timestamp").signed
    forged.version = FAR + 1
    metadata = Metadata(forged)
    metadata.sign(thiefs_key)
    thief.put("timestamp", forged.version, metadata.to_bytes())
    refused = {name: one.refusal() for name, one in story.customers.items()}
    assert refused == dict.fromkeys(story.customers, "signature-invalid")
    assert story.machines[0].run("update", APP, "--check", "--json", code=4).last["error"]["key"] == "signature-invalid"
    thief.drop("timestamp", forged.version - 1)
    assert thief.body("timestamp") == honest
    story.publish("1.4.0")
    assert {one.newest() for one in story.customers.values()} == {"1.4.0"}
