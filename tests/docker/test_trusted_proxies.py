"""Proxies in front that are trusted, where the proxy is a container: only the edge can go by them."""

import pytest
from conftest_docker import KAMAL_IMAGE


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    place.install("--trusted-proxies", "192.0.2.7")
    return place


def test_kamal_proxy_does_not_take_the_edges_place_while_some_are_trusted(place):
    for words in (("update", "--yes", "--image", KAMAL_IMAGE), ("config", "set", f"proxy_image={KAMAL_IMAGE}")):
        refused = place.run("proxy", *words, code=4).err
        assert "kamal-proxy cannot tell 192.0.2.7/32 from other clients" in refused
        assert "discode proxy config unset trusted_proxies" in refused
        assert KAMAL_IMAGE not in (place.home / "config.toml").read_text()
