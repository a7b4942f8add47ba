"""Whose port it is, seen with real programs that listen there."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import pytest

from discode.adapters.kamal_proxy.obstacles import port_obstacle
from discode.adapters.port_owner import PortOwner, port_owner
from rig.ports import free_port
from rig.wait import wait_for

LISTEN = """
import socket, sys, time
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.socket(family)
server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
if family == socket.AF_INET6:
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, int(sys.argv[3]))
server.bind((sys.argv[1], int(sys.argv[2])))
server.listen()
print("listens", flush=True)
sys.stdin.read()
"""
Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    """Starts a program of some name that listens at an address."""
    started: list[subprocess.Popen[str]] = []

    def begin(name: str, address: str, port: int, *words: str, alone: bool = True) -> subprocess.Popen[str]:
        program = tmp_path / name
        if not program.exists():
            program.symlink_to(os.path.realpath(sys.executable))
        argv = [str(program), "-c", LISTEN, address, str(port), str(int(alone)), *words]
        process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None and process.stdout.readline() == "listens\n"
        return process

    yield begin
    for process in started:
        process.communicate()


@pytest.mark.parametrize(
    ("there", "alone", "binds"),
    [
        ("0.0.0.0", True, ["0.0.0.0", "::", "127.0.0.1"]),
        ("127.0.0.1", True, ["0.0.0.0", "::", "127.0.0.1"]),
        ("::", False, ["0.0.0.0", "::", "127.0.0.1", "::1"]),
        ("::", True, ["::", "::1"]),
        ("::1", True, ["::", "::1"]),
    ],
)
def test_the_program_that_is_in_the_way_is_told_and_so_is_what_ends_it(start, there, alone, binds):
    port = free_port()
    process = start("nginx", there, port, alone=alone)
    for bind in binds:
        found = port_obstacle(bind, [port])
        assert found is not None and found.name == "port-taken"
        assert f"The proxy cannot listen: nginx (pid {process.pid}) is using port {port}" in found.sentence
        assert found.next_step.startswith(f"Stop it: kill {process.pid}, or choose others: discode proxy config")
    os.kill(process.pid, signal.SIGTERM)  # as the next step says
    process.wait()
    wait_for(lambda: all(port_obstacle(bind, [port]) is None for bind in binds))


@pytest.mark.parametrize(("there", "bind"), [("127.0.0.1", "127.0.0.2"), ("::1", "0.0.0.0"), ("127.0.0.1", "::1")])
def test_a_program_at_another_address_is_not_in_the_way(start, there, bind):
    port = free_port()
    start("nginx", there, port)
    assert port_obstacle(bind, [port]) is None and port_owner(bind, port) is None


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_a_program_of_somebody_else_is_told_as_far_as_it_is_known(start):
    port = free_port()
    start("nginx", "0.0.0.0", port)
    for late in ("psutil", "discode.adapters.docker.listening"):
        import_module(late)  # somebody else may not read the folder of this Python
    os.seteuid(65534)
    try:
        found = port_obstacle("0.0.0.0", [port])
    finally:
        os.seteuid(0)
    assert found is not None
    assert f"another program, of the user root, is using port {port}" in found.sentence
    assert found.next_step.startswith(f"Find it with: sudo ss -ltnp 'sport = :{port}'. Stop it, or choose others")


def test_the_container_behind_a_forwarder_is_told(start):
    port, asked = free_port(), []
    start("docker-proxy", "0.0.0.0", port, "-container-ip", "172.17.0.9", "-container-port", "80")

    def name_of(known: str) -> str | None:
        asked.append(known)
        return "shop-web"

    found = port_obstacle("0.0.0.0", [port], name_of)
    assert found is not None and asked == ["172.17.0.9"]
    assert f"the container shop-web is using port {port}" in found.sentence
    assert found.next_step.startswith("Stop it: docker stop shop-web, or")


def test_what_ends_it():
    assert PortOwner("nginx", 812, "nginx.service").ended_by() == "systemctl disable --now nginx"
    assert PortOwner("nginx", 812).ended_by() == "kill 812"
    assert PortOwner("docker-proxy", 9, "docker.service", "shop-web").ended_by() == "docker stop shop-web"
    assert PortOwner(user="www-data").ended_by() == PortOwner().ended_by() == ""
    assert str(PortOwner()) == "another program"
