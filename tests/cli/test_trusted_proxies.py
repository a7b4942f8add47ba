"""Proxies in front of this machine's own: what they say of a client is believed, and of nobody else."""

import http.client

import pytest

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
