"""Proxies in front of this machine's own: what they say of a client is believed, and of nobody else."""

import http.client
from types import SimpleNamespace

import pytest

from discode.adapters.hostconfig import HostConfig
from discode.cli.wiring_host import Host
from discode.cli.wiring_settings import HostSettings

PROXY, CLIENT = "127.0.0.2", "127.0.0.1"  # all of 127.0.0.0/8 is this machine's


def forwarded(place, source):
    """What the app is told of a client that says it is another one."""
    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=60, source_address=(source, 0))
    try:
        connection.request("GET", "/client", headers={"Host": "shop.test", "X-Forwarded-For": "192.0.2.9"})
        return connection.getresponse().read().decode()
    finally:
        connection.close()


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    return place


def test_they_are_named_at_the_install_and_changed_at_once(place):
    wrong = place.install("--trusted-proxies", "proxy.example.com", code=2)
    assert "'proxy.example.com' does not appear to be an IPv4 or IPv6 network. Nothing was changed." in wrong.err
    place.install("--trusted-proxies", f"{PROXY}, 10.0.0.0/8")
    assert forwarded(place, PROXY) == f"192.0.2.9, {PROXY}" and forwarded(place, CLIENT) == CLIENT
    shown = place.run("proxy", "config", "show", "trusted_proxies", "--json").last
    assert shown["settings"]["trusted_proxies"]["value"] == "127.0.0.2/32,10.0.0.0/8"
    told = place.run("proxy", "config", "set", f"trusted_proxies={CLIENT}").out
    assert "The proxy uses it from now on." in told
    assert forwarded(place, PROXY) == PROXY and forwarded(place, CLIENT) == f"192.0.2.9, {CLIENT}"
    everybody = place.run("proxy", "config", "set", "trusted_proxies=0.0.0.0/0", code=2).err
    assert "IP addresses and networks with commas between them" in everybody
    place.run("proxy", "config", "unset", "trusted_proxies")
    assert forwarded(place, PROXY) == PROXY and forwarded(place, CLIENT) == CLIENT


def test_nobody_is_believed_where_nobody_is_named(place):
    place.install()
    assert forwarded(place, PROXY) == PROXY and forwarded(place, CLIENT) == CLIENT


class KamalHost(Host):
    """Its proxy is a container of kamal-proxy, which runs."""

    def keeper(self):
        return SimpleNamespace(bring_files=lambda: None)

    def carrier(self):
        return SimpleNamespace(is_edge=False)


def test_kamal_proxy_that_runs_is_not_said_to_be_away(tmp_path):
    host = KamalHost(tmp_path, print, lambda: True)
    host.save(HostConfig(proxy="docker", trusted_proxies="192.0.2.7/32"))
    assert HostSettings(host).change({"trusted_proxies": None}, skip_checks=False) == [], "it believes nobody, as ever"
    host.check_image = lambda *_: None  # the image is the edge's by now, and its container is still to come
    [told] = HostSettings(host).change({"trusted_proxies": "192.0.2.8/32"}, skip_checks=False)
    assert "The proxy that runs does not go by it" in told and "discode proxy update" in told
