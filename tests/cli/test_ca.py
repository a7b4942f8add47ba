"""The CA of this machine, as an operator sets it, and what becomes of it at an edge that runs: with Pebble."""

import json
import stat

import pytest

from place import Place
from rig.pebble import Authority
from rig.ports import free_port
from rig.wait import wait_for
from secure import HOST, https

HTML = (200, {"Content-Type": "text/html"}, b"<html>It works!</html>")


class CaPlace(Place):
    def __init__(self, folder):
        super().__init__(folder)
        self.https_port = free_port()
        self.home.mkdir()
        (self.home / "config.toml").write_text(f"https_port = {self.https_port}\n")
        self.pebble = Authority(folder / "ca", self.port)

    def config(self, *words, code=0):
        return self.run("proxy", "config", *words, code=code)

    def edge(self, *words):
        return self.run("edge", "--state-dir", self.home / "edge", *words)

    def entry(self):
        told = json.loads(self.edge("list", "--json").out)["services"]
        return next(one for one in told if one["name"] == "shop")["certificates"][0]

    def served(self):
        return https(self)[2]

    def close(self):
        self.pebble.close()
        super().close()


@pytest.fixture
def kind():
    return CaPlace


@pytest.fixture
def set_up(place):
    """The machine's CA is Pebble."""
    place.pebble.start()
    with place.pebble.trust.open("a") as bundle:
        bundle.write(place.pebble.root())
    place.config("set", f"acme_directory={place.pebble.directory}", f"acme_ca_bundle={place.pebble.trust}")
    return place


def test_a_ca_is_looked_at_before_it_is_set(place):
    gate = place.pebble.gate
    untrusted = place.config("set", f"acme_directory={place.pebble.directory}", code=4).err
    assert "does not trust the CA at https://localhost" in untrusted and "acme_ca_bundle=FILE" in untrusted
    place.pebble.start()
    words = ("set", f"acme_directory={place.pebble.directory}", f"acme_ca_bundle={place.pebble.trust}")
    gate.instead["/"] = HTML
    assert "is not the directory of a CA: it answers 200 with text/html" in place.config(*words, code=4).err
    gate.instead.clear()
    nobody = place.config("set", f"acme_directory=https://127.0.0.1:{free_port()}/dir", code=4).err
    assert "cannot be reached from here" in nobody and "Connection refused" in nobody
    place.pebble.start(keys={"kid-1": "a" * 43})
    bound = place.config(*words, code=4).err
    assert "takes no account without an external account binding" in bound and "acme_eab_kid=ID acme_eab_key" in bound
    text = (place.home / "config.toml").read_text()
    assert "acme" not in text, "nothing was written"
    place.config(*words, "--skip-checks")
    assert f'acme_directory = "{place.pebble.directory}"' in (place.home / "config.toml").read_text()


def test_a_running_edge_takes_the_ca_up_and_keeps_it_and_renews_when_it_is_told(set_up):
    set_up.publish("1.0.0")
    installed = set_up.install("--tls", "auto")
    terms = f"Note: Certificates come from the CA at {set_up.pebble.directory}. To get them is to agree to its terms.\n"
    assert terms in installed.err and "It has HTTPS: https://shop.test" in installed.out
    told = json.loads(set_up.edge("list", "--json").out)["authority"]
    assert told["directory"] == set_up.pebble.directory and told["ca_bundle"] == 2
    assert stat.S_IMODE((set_up.home / "edge" / "acme.json").stat().st_mode) == 0o600
    first = set_up.served()
    assert "agree" not in set_up.run("restart", "shop").err, "once"
    assert set_up.served() == first
    renewed = set_up.run("proxy", "renew", HOST.upper(), "--json").last
    assert renewed["result"] == "renewed" and renewed["certificates"][0]["names"] == [HOST]
    assert set_up.served() != first
    refused = set_up.run("proxy", "renew", "nobody.example.com", code=4).err
    assert "No app on this machine has an automatic certificate for nobody.example.com" in refused
    set_up.pebble.gate.limit = 3600
    failed = set_up.run("proxy", "renew", HOST, code=5).err
    assert "the CA's rate limit is reached" in failed and "The one before it is served" in failed
    set_up.pebble.gate.limit = None
    other = set_up.pebble.another_gate()
    try:
        said = set_up.config("set", f"acme_directory={other.directory}", "acme_email=me@example.com").out
        assert said.splitlines()[1] == (
            "The proxy uses it from now on. Each certificate is served until there is another one."
        )
        wait_for(lambda: set_up.entry()["of_this_directory"], 60)
        set_up.run("proxy", "stop")
        set_up.run("proxy", "start")
        assert set_up.entry()["directory"] == other.directory
        set_up.config("unset", "acme_directory", "acme_email", "acme_ca_bundle")
        wait_for(lambda: json.loads(set_up.edge("list", "--json").out)["authority"]["directory"] is None)
        assert not (set_up.home / "edge" / "acme.json").exists()
    finally:
        other.close()


def test_a_bundle_that_is_gone_stops_no_app(set_up):
    set_up.publish("1.0.0")
    set_up.install()
    before = (set_up.home / "edge" / "acme.json").read_bytes()
    set_up.pebble.trust.unlink()
    set_up.publish("1.1.0")
    said = set_up.run("update", "shop")
    assert "1.1.0 is serving" in said.out and "The CA bundle" in said.err and "cannot be read" in said.err
    assert (set_up.home / "edge" / "acme.json").read_bytes() == before
