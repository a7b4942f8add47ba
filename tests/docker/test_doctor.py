"""`discode doctor` where Docker does not run: it is started, and a container runs. On a machine of the test's own."""

import json
import os
import subprocess
import sys

import docker.types
import pytest

from discode.adapters.docker import Engine
from discode.adapters.docker.network import Network
from discode.adapters.docker.trial import run_a_container
from discode.core.errors import Failed
from rig.engine import DockerEngine, own_networks

# In namespaces of its own: no socket, no images, no network but its own loopback, and all ends with it.
MACHINE = """
set -e
mkdir -p /var/lib/docker
mount -t tmpfs tmpfs /run
mount -t tmpfs -o size=2g tmpfs /var/lib/docker
mount --bind "$1" /var/log
ip link set lo up
cd /
"$2" -m discode settle --all > /dev/null
"$2" -m discode doctor --json || echo "exit $?"
"$2" -m discode doctor --fix --yes --json
kill "$(cat /run/docker.pid)"
while [ -e /run/docker.pid ]; do sleep 0.1; done
"""


def test_a_daemon_without_an_init_system_is_started_and_tried(daemon, tmp_path):
    """`daemon` is not used: it says whether Docker is installed at all."""
    home, log = tmp_path / "home", tmp_path / "log"
    log.mkdir()
    env = {name: value for name, value in os.environ.items() if name != "DOCKER_HOST"} | {"DISCODE_HOME": str(home)}
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "bash", "-c", MACHINE, "machine"]
    done = subprocess.run([*command, str(log), sys.executable], capture_output=True, text=True, env=env, timeout=600)
    lines = done.stdout.splitlines()
    assert done.returncode == 0 and "exit 4" in lines, done.stdout + done.stderr
    before, after = json.loads(lines[0]), json.loads(lines[-1])
    assert [one["what"] for one in before["checks"] if not one["ok"]] == ["docker"]
    assert after["ok"] and ("containers", True, "a container runs") in [
        (one["what"], one["ok"], one["detail"]) for one in after["checks"]
    ]


def test_a_trial_leaves_nothing(daemon):
    engine = Engine(daemon.host)
    before = {image["Id"] for image in engine.api.images(all=True)}
    assert run_a_container(engine) == "a container runs"
    assert {image["Id"] for image in engine.api.images(all=True)} == before
    assert not engine.api.containers(all=True)


def test_a_trial_says_when_no_container_runs():
    engine = DockerEngine("--add-runtime", "broken=/bin/false", "--default-runtime", "broken")
    try:
        with pytest.raises(Failed, match="cannot run a container"):
            run_a_container(Engine(engine.start().host))
    finally:
        engine.close()


def test_pools_that_are_used_up_are_told_without_a_trial_and_named_by_the_install(daemon):
    """Somebody's network has all of them. When that is gone there is room; when ours is there none is needed."""
    api, ours = daemon.api(), Network(Engine(daemon.host), "ours")
    assert ours.look() == "there is room for ours"
    base = Engine(daemon.host).info["DefaultAddressPools"][0]["Base"]
    ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=base)])
    theirs = api.create_network("theirs", ipam=ipam)["Id"]
    try:
        for step in (ours.look, ours.ensure):
            with pytest.raises(Failed, match="Docker has no subnet left for the network ours: ") as raised:
                step()
            assert raised.value.name == "no-subnet" and "discode doctor" in raised.value.next_step
        assert [one["Name"] for one in own_networks(api)] == ["theirs"]  # a look makes none
    finally:
        api.remove_network(theirs)
    ours.ensure()
    try:
        assert ours.look() == "ours is there"
    finally:
        ours.remove()
