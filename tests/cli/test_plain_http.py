"""Secrets do not go to an address without encryption, unless the customer, or the vendor, says so."""

import json
import ssl

import pytest

from discode.adapters.source.fetcher import SourceRefused, WebFetcher
from place import APP
from rig.certificates import make_certificate
from rig.ports import free_port
from rig.web import Handler, Web

HUB = "http://hub.example"
KEY = f"dlk_{'a' * 8}_{'b' * 32}"


class OnTheWay:
    """A proxy that reads what passes, and answers everything with 404."""

    def __init__(self):
        self.shown, outer = [], self

        class Proxy(Handler):
            def do_GET(self):
                outer.shown.append((self.command, self.path, self.headers.get("Authorization")))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                self.reply(404)

            do_POST = do_GET

        self.web = Web(Proxy)


@pytest.fixture
def on_the_way(place):
    made = OnTheWay()
    place.env |= {"http_proxy": f"http://{made.web.target}", "DISCODE_LICENSE": KEY}
    place.env["DISCODE_HUB_TOKEN"] = f"dht_{'a' * 8}_{'b' * 32}"
    place.env["DISCODE_SOURCE_LOGIN"] = "ann:secret"
    yield made
    made.web.close()


COMMANDS = {
    "activate": ("license", "activate", APP, "--hub", HUB),
    "install": ("install", APP, "--from", HUB),
    "a vendor's licenses": ("license", "list", "--hub", HUB),
    "a vendor's releases": ("release", "list", APP, "--hub", HUB),
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)
def test_nothing_is_sent_in_clear(place, on_the_way, command):
    refused = place.run(*command, code=4)
    assert f"{HUB} is not encrypted: everybody on the way to hub.example could read the key" in refused.err
    assert "--plain-http" in refused.err and "Nothing was sent" in refused.err
    assert on_the_way.shown == []


def test_nor_is_the_login_of_a_source(place, on_the_way):
    del place.env["DISCODE_LICENSE"]
    assert "is not encrypted" in place.run("install", APP, "--from", HUB, "--json", code=4).out
    assert on_the_way.shown == []


@pytest.mark.parametrize("command", [*COMMANDS.values()][2:], ids=[*COMMANDS][2:])
def test_a_vendor_can_allow_it_in_the_environment(place, on_the_way, command):
    place.env["DISCODE_PLAIN_HTTP"] = "1"
    place.run(*command, code=None)
    assert on_the_way.shown[0][2].startswith("Bearer dht_")


@pytest.mark.parametrize("command", [*COMMANDS.values()][:2], ids=[*COMMANDS][:2])
def test_a_customer_can_allow_it_for_an_app_and_that_is_remembered(place, on_the_way, command):
    place.run(*command, "--plain-http", code=3)
    assert on_the_way.shown[0][2].startswith("Basic ")
    access = place.home / "apps" / APP / "access.json"
    assert json.loads(access.read_bytes())["plain_http"] is True
    place.run("license", "activate", APP, "--hub", HUB, code=3)  # without the switch
    assert len(on_the_way.shown) == 2
    place.run("license", "activate", APP, "--hub", "http://other.example", code=4)
    place.run("license", "activate", "other", "--hub", HUB, code=4)
    assert len(on_the_way.shown) == 2, "neither another hub's nor another app's"


def test_a_source_without_secrets_may_be_plain(place, on_the_way):
    for name in ("DISCODE_LICENSE", "DISCODE_SOURCE_LOGIN"):
        del place.env[name]
    place.run("install", APP, "--from", HUB, code=7)
    assert on_the_way.shown and {shown for _, _, shown in on_the_way.shown} == {None}


def test_a_source_that_leaves_https_is_told(tmp_path, monkeypatch):
    """It is not followed there: whoever is on the way would learn what it is about."""

    class Leaving(Handler):
        def do_GET(self):
            self.reply(302, headers=[("Location", f"{HUB}{self.path}")])

    authority, _, issuer = make_certificate()
    chain, key, _ = make_certificate("localhost", issuer=issuer)
    for name, data in (("ca", authority), ("chain", chain), ("key", key)):
        (tmp_path / name).write_bytes(data)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "chain", tmp_path / "key")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca"))
    web = Web(Leaving, context)
    try:
        url = f"https://localhost:{web.port}"
        with pytest.raises(SourceRefused, match=r"leads to http://hub\.example/x, which is not encrypted") as refused:
            WebFetcher(url, None, "Basic c2VjcmV0").download_bytes(f"{url}/x", 99)
        assert refused.value.key == "no-tls"
    finally:
        web.close()


def test_this_machine_is_no_way(place):
    place.env["DISCODE_LICENSE"] = KEY
    for host in ("127.0.0.1", "localhost", "[::1]"):
        place.run("license", "activate", APP, "--hub", f"http://{host}:{free_port()}", code=7)
