"""What a client says of itself is believed from the proxies in front that are trusted, and from nobody else.

Every address of 127.0.0.0/8 is this machine's: one plays the proxy in front, another one a client that lies.
"""

import http.client
import json

import pytest
from conftest_edge import App
from test_ipv6 import Anywhere, _edge

from rig.wait import wait_for

CLIENT, PROXY, OTHER = "127.0.0.1", "127.0.0.2", "127.0.0.3"
FORGED = {
    "X-Forwarded-For": "6.6.6.6",
    "X-Forwarded-Host": "evil.test",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Ssl": "on",
    "Forwarded": "for=6.6.6.6;proto=https",
    "X-Real-IP": "6.6.6.6",
    "X-Client-IP": "6.6.6.6",
    "Client-IP": "6.6.6.6",
    "True-Client-IP": "6.6.6.6",
    "CF-Connecting-IP": "6.6.6.6",
    "Front-End-Https": "on",
    "X-Original-Host": "evil.test",
    "X_Forwarded_For": "6.6.6.6",
    "X_Real_IP": "6.6.6.6",
    "Client_Ip": "6.6.6.6",
}


@pytest.fixture(scope="module")
def place():
    """An edge at every address, an app of which nothing is believed, and one that does as kamal-proxy does."""
    app = App("one")
    app.echo = True
    with _edge(Anywhere) as edge:
        edge.start()
        edge.ok("deploy", "a", "--target", app.target, "--host", "a.test", "--forward-headers=false")
        edge.ok("deploy", "old", "--target", app.target, "--host", "old.test")
        hosts = ("--host", "www.c.test", "--host", "c.test", "--canonical-host", "c.test")
        edge.ok("deploy", "c", "--target", app.target, *hosts, "--forward-headers=false")
        yield edge
    app.close()


def trusts(edge, *networks):
    (edge.folder / "trusted.txt").write_text("".join(f"{one}\n" for one in networks))
    wait_for(lambda: edge.told()["trusted_proxies"] == list(networks))


@pytest.fixture
def trusting(place):
    trusts(place, PROXY + "/32", "10.0.0.0/8")
    return place


def ask(edge, source, headers, host="a.test", address="127.0.0.1"):
    """Status, where it leads, and what the app was told, by name."""
    connection = http.client.HTTPConnection(address, edge.port, timeout=240, source_address=(source, 0))
    try:
        connection.request("GET", "/headers", headers={"Host": host, **headers})
        answer = connection.getresponse()
        told = dict(line.split(": ", 1) for line in answer.read().decode().splitlines() if ": " in line)
        return answer.status, answer.getheader("Location"), told
    finally:
        connection.close()


def told(edge, source, headers, **where):
    found = ask(edge, source, headers, **where)[2]
    return {name: value for name, value in found.items() if name not in ("host", "accept-encoding")}


@pytest.mark.parametrize("names", [[name] for name in FORGED] + [list(FORGED)], ids=lambda names: names[-1])
@pytest.mark.parametrize("source", [CLIENT, OTHER])
def test_a_client_that_lies_is_told_as_what_it_is(trusting, source, names):
    found = told(trusting, source, {name: FORGED[name] for name in names})
    assert (found["x-forwarded-for"], found["x-forwarded-host"], found["x-forwarded-proto"]) == (
        source,
        "a.test",
        "http",
    )
    assert "6.6.6.6" not in str(found) and "evil" not in str(found)
    allowed = {"x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-request-id", "x-request-start"}
    assert set(found) <= allowed | {"x-kamal-target"}, "no name of those is left over"


def test_nobody_is_trusted_by_default(place):
    trusts(place)
    for source in (CLIENT, PROXY):
        found = told(place, source, FORGED)
        assert found["x-forwarded-for"] == source and "6.6.6.6" not in str(found)


def test_what_was_deployed_without_a_word_does_as_kamal_proxy_does(trusting):
    found = told(trusting, CLIENT, FORGED, host="old.test")
    assert found["x-forwarded-for"] == f"6.6.6.6, {CLIENT}" and found["x-forwarded-proto"] == "https"


def test_a_trusted_proxy_says_who_the_client_is(trusting):
    headers = {"X-Forwarded-For": "192.0.2.9", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "shop.example.com"}
    found = told(trusting, PROXY, {**headers, "X-Real-IP": "192.0.2.9"})
    assert found["x-forwarded-for"] == f"192.0.2.9, {PROXY}"
    assert (found["x-forwarded-proto"], found["x-forwarded-host"]) == ("https", "shop.example.com")
    assert found["x-real-ip"] == "192.0.2.9"


def test_a_chain_of_two_is_told_as_a_whole(trusting):
    found = told(trusting, PROXY, {"X-Forwarded-For": "192.0.2.9, 10.0.0.7"})
    assert found["x-forwarded-for"] == f"192.0.2.9, 10.0.0.7, {PROXY}"


@pytest.mark.parametrize("garbage", ["ftp", "javascript:alert(1)", "https, http", "", "HTTPS\t"])
def test_a_scheme_is_http_or_https_whatever_is_passed_on(trusting, garbage):
    assert told(trusting, PROXY, {"X-Forwarded-Proto": garbage})["x-forwarded-proto"].lower() in ("http", "https")


def test_a_trusted_proxy_without_a_word_is_the_client(trusting):
    found = told(trusting, PROXY, {"Accept": "*/*"})
    assert (found["x-forwarded-for"], found["x-forwarded-proto"]) == (PROXY, "http")


def test_a_redirect_keeps_the_scheme_that_a_trusted_proxy_has_ended(trusting):
    https = {"X-Forwarded-Proto": "https"}
    assert ask(trusting, PROXY, https, host="www.c.test")[:2] == (301, "https://c.test/headers")
    assert ask(trusting, CLIENT, https, host="www.c.test")[:2] == (301, "http://c.test/headers")


def test_another_list_counts_at_once_and_a_broken_one_not_at_all(place):
    for networks in (["127.0.0.3/32"], ["127.0.0.2/32", "127.0.0.3/32"], ["fd00::/8"], []):
        trusts(place, *networks)
        for source in (PROXY, OTHER):
            found = told(place, source, {"X-Forwarded-For": "192.0.2.9"})["x-forwarded-for"]
            is_believed = f"{source}/32" in networks
            assert found == (f"192.0.2.9, {source}" if is_believed else source), (networks, source)
    trusts(place, "127.0.0.3/32")
    (place.folder / "trusted.txt").write_text("0.0.0.0/0\n")
    place.ok("deploy", "d", "--target", "127.0.0.1:1", "--host", "d.test", "--force")  # written anew, and reloaded
    assert place.told()["trusted_proxies"] == ["127.0.0.3/32"]
    assert told(place, PROXY, {"X-Forwarded-For": "192.0.2.9"})["x-forwarded-for"] == PROXY


def test_a_list_that_was_written_and_not_loaded_is_loaded_later(controller):
    """As when a reload fails, or when the process that was to take over does not start."""
    controller.layout.trusted.write_text("10.0.0.0/8\n")
    controller.upkeep.write_files()
    assert controller.configuration.trusted == ()
    assert controller.upkeep.follow_trust() and controller.configuration.trusted == ("10.0.0.0/8",)
    assert not controller.upkeep.follow_trust()


def test_a_proxy_on_ipv6(place):
    trusts(place, "::1/128")
    found = told(place, "::1", {"X-Forwarded-For": "2001:db8::9"}, address="::1")
    assert found["x-forwarded-for"] == "2001:db8::9, ::1"
    assert told(place, CLIENT, {"X-Forwarded-For": "2001:db8::9"})["x-forwarded-for"] == CLIENT


def test_the_access_log_has_the_client_and_not_what_it_says(place):
    trusts(place, PROXY + "/32")
    for source, path in ((CLIENT, "liar"), (PROXY, "proxied")):
        ask(place, source, {"X-Forwarded-For": "192.0.2.9", "User-Agent": path})
    log = place.folder / "access.log"

    def remote(agent):
        lines = [json.loads(line) for line in log.read_text().splitlines() if f'"{agent}"' in line]
        return lines[-1].get("remote_addr") if lines else None

    wait_for(lambda: remote("liar") and remote("proxied"))
    assert (remote("liar"), remote("proxied")) == (CLIENT, "192.0.2.9")
