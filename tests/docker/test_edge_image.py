"""The edge's image keeps kamal-proxy's contract: the black-box cases, by `docker exec`."""

import json
import subprocess

import pytest
from conftest_docker import EDGE_IMAGE

from rig.contract import failures, try_all
from rig.ports import free_port
from rig.powerdns import KEY, PowerDNS
from rig.wait import wait_for


@pytest.fixture
def container(daemon, proxy_images):
    """On the host's network, where the cases' targets are. Only its own free ports, and on this machine only."""
    api, port = daemon.api(), free_port()
    made = api.create_container(
        EDGE_IMAGE,
        name="contract",
        command=[
            "kamal-proxy",
            "run",
            "--bind",
            "127.0.0.1",
            "--http-port",
            str(port),
            "--https-port",
            str(free_port()),
        ],
        host_config=api.create_host_config(network_mode="host"),
    )
    api.start(made)
    try:
        yield port
    finally:
        api.remove_container(made, force=True, v=True)


def test_the_contract(daemon, container):
    command = f"docker --host {daemon.host} exec contract kamal-proxy"
    wait_for(lambda: subprocess.run([*command.split(), "list"], capture_output=True, check=False).returncode == 0)
    restart = (
        f"docker --host {daemon.host} restart --time 5 contract > /dev/null; "
        f"for i in $(seq 100); do {command} list > /dev/null 2>&1 && break; sleep 0.1; done"
    )
    said = try_all("--command", command, "--http-port", str(container), "--restart", restart)
    assert len(said) == 27 and not failures(said)


def test_the_image_has_what_proves_names_by_dns(daemon, container, tmp_path):
    """With a PowerDNS on loopback, and its credentials in the container's volume."""
    command = ["docker", "--host", daemon.host, "exec", "contract", "kamal-proxy"]
    wait_for(lambda: subprocess.run([*command, "list"], capture_output=True, check=False).returncode == 0)
    server = PowerDNS(tmp_path / "dns")
    try:
        server.add_zone("image.test")
        settings = {"provider": "powerdns", "credentials": "dns-credentials", "resolvers": [server.address]}
        given = {"dns.json": json.dumps(settings), "dns-credentials": f"auth_token={KEY}\npdns_server={server.api}\n"}
        for name, text in given.items():
            shell = ["docker", "--host", daemon.host, "exec", "-i", "contract", "sh", "-c"]
            write = f"umask 077; cat > /home/kamal-proxy/.config/kamal-proxy/{name}"
            subprocess.run([*shell, write], input=text.encode(), check=True)
        told = subprocess.run([*command, "dns", "check", "image.test"], capture_output=True, text=True, check=False)
        assert "powerdns added _acme-challenge.image.test to the zone image.test" in told.stdout, told.stderr
        assert server.texts("image.test") == {}
    finally:
        server.stop()
