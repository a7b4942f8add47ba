"""The edge's image keeps kamal-proxy's contract: the black-box cases, by `docker exec`."""

import json
import subprocess

import pytest
from conftest_docker import EDGE_IMAGE

from discode.adapters.docker import Engine
from discode.adapters.docker.exec import DockerExec
from rig.contract import failures, try_all
from rig.pebble import Authority
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
        f"for i in $(seq 1200); do {command} list > /dev/null 2>&1 && break; sleep 0.1; done"
    )
    said = try_all("--command", command, "--http-port", str(container), "--restart", restart)
    assert len(said) == 27 and not failures(said)


def listing(command):
    return json.loads(subprocess.check_output([*command, "list", "--json"]))


def certificate(listed):
    (found,) = listed["services"][0]["certificates"]
    return found


def test_the_image_has_what_proves_names_by_dns(daemon, container, tmp_path):
    """With a PowerDNS and a Pebble on loopback, and the credentials in the container's volume."""
    command = ["docker", "--host", daemon.host, "exec", "contract", "kamal-proxy"]
    wait_for(lambda: subprocess.run([*command, "list"], capture_output=True, check=False).returncode == 0)
    server = PowerDNS(tmp_path / "dns")
    authority = Authority(tmp_path / "ca", container, f"{server.address}:53")
    try:
        authority.start()
        server.add_zone("image.test")
        dns = {"provider": "powerdns", "credentials": "dns-credentials", "resolvers": [server.address]}
        acme = {"directory": authority.directory, "ca_bundle": authority.trust.read_text()}
        DockerExec(Engine(daemon.host), "contract").put({
            "dns-credentials": f"auth_token={KEY}\npdns_server={server.api}\n".encode(),
            "dns.json": json.dumps(dns).encode(),
            "acme.json": json.dumps(acme).encode(),
        })  # fmt: skip
        told = subprocess.run([*command, "dns", "check", "image.test"], capture_output=True, text=True, check=False)
        assert "powerdns added _acme-challenge.image.test to the zone image.test" in told.stdout, told.stderr
        deploy = ["deploy", "a", "--target", "127.0.0.1:1", "--host", "*.image.test", "--tls", "--force"]
        told = subprocess.run([*command, *deploy], capture_output=True, text=True, check=False)
        assert told.returncode == 0, told
        # On a busy machine the deploy may have ended before it has come.
        listed = wait_for(lambda: (found := listing(command)) and certificate(found)["expires"] and found, 240)
        assert certificate(listed)["host"] == "*.image.test" and not certificate(listed)["error"]
        assert server.texts("image.test") == {} and KEY not in json.dumps(listed)
        look = ["sh", "-c", "stat -c %a,%U ~/.config/kamal-proxy/dns-credentials"]
        assert subprocess.check_output([*command[:-1], *look]) == b"600,kamal-proxy\n"
    finally:
        authority.close()
        server.stop()
