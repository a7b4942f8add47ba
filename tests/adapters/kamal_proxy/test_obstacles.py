"""Why a proxy cannot start: found by trying."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from discode.adapters.kamal_proxy.obstacles import obstacle, port_obstacle, search_path
from rig.ports import free_port


def test_nothing_in_the_way() -> None:
    assert port_obstacle("127.0.0.1", [free_port()]) is None


def test_a_taken_port_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for bind in ("127.0.0.1", "0.0.0.0"):
            found = port_obstacle(bind, [port])
            assert found is not None
            assert found.name == "port-taken"
            assert str(port) in found.sentence


@pytest.mark.parametrize("bind", ["::", "::1", "127.0.0.1,::1"])
def test_a_port_that_is_taken_on_ipv6_alone_is_told(bind: str) -> None:
    with socket.socket(socket.AF_INET6) as server:
        server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        port = free_port()  # one that a client on IPv4 has not been given in the meantime
        server.bind(("::", port))
        server.listen()
        assert port_obstacle("0.0.0.0", [port]) is None, "as the next step says"
        found = port_obstacle(bind, [port])
    assert found is not None
    assert found.name == "port-taken"
    assert f"port {port} on IPv6" in found.sentence
    assert "discode proxy config set bind=0.0.0.0" in found.next_step


@pytest.mark.parametrize("address", ["192.0.2.1", "2001:db8::1", "127.0.0.1,2001:db8::1"])
def test_an_address_of_another_machine_is_told(address: str) -> None:
    found = port_obstacle(address, [8080])
    assert found is not None
    assert found.name == "address-missing"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_port_that_is_root_s_is_told() -> None:
    if int(Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 80:
        pytest.skip("every port is free for everybody here")
    os.seteuid(65534)
    try:
        found = port_obstacle("127.0.0.1", [79])
    finally:
        os.seteuid(0)
    assert found is not None
    assert found.name == "port-forbidden"


def test_haproxy_that_is_not_there_is_told_with_the_way_to_get_it(tmp_path: Path) -> None:
    found = obstacle("127.0.0.1", [], str(tmp_path))
    assert found is not None
    assert found.name == "haproxy-missing"
    assert "apt-get install haproxy" in found.next_step
    assert "/usr/sbin" in search_path()
