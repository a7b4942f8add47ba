"""Each app in a network of its own, which the proxy's container joins and leaves without a lost request."""

import subprocess
from contextlib import contextmanager

import docker.types
import pytest
from conftest_docker import APP as TINY
from conftest_docker import EDGE_IMAGE

from discode.adapters.docker import ContainerSettings, DockerRuntime, ProxyContainer
from discode.adapters.docker.network import Network
from discode.core.errors import Refused
from place import APP
from rig.engine import own_networks
from rig.load import Load
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER

from .docker_place import DockerPlace

PROXY, SHARED, OWN = "discode-proxy", "discode-test", f"discode-test.{TINY}"


@contextmanager
def placed(folder, daemon, registry, *words):
    place = DockerPlace(folder, daemon, registry, EDGE_IMAGE, *words)
    place.init()
    try:
        place.publish("1.0.0")
        yield place
    finally:
        place.close()


@pytest.fixture
def place(tmp_path, daemon, registry, proxy_images):
    with placed(tmp_path, daemon, registry) as made:
        yield made


@pytest.fixture(params=["name", "address"])
def anyhow(request, tmp_path, daemon, registry, proxy_images):
    """Behind the proxy's container, and behind a proxy on the machine."""
    words = () if request.param == "name" else ("--proxy", "edge")
    with placed(tmp_path, daemon, registry, *words) as made:
        yield made


@pytest.fixture
def proxy(bench, proxy_images):
    settings = ContainerSettings(PROXY, EDGE_IMAGE, SHARED, free_port(), free_port(), "127.0.0.1")
    made = ProxyContainer(bench.engine, settings)
    made.ensure()
    return made


def networks(api):
    return sorted(one["Name"] for one in own_networks(api))


def networks_of(api, container):
    return sorted(api.inspect_container(str(container))["NetworkSettings"]["Networks"])


def answers(place):
    try:
        return place.get() == (200, "1.0.0")
    except NO_ANSWER:
        return False


def finds(bench, spec):
    """Whether the proxy's container finds the instance by its name."""
    job = bench.api.exec_create(PROXY, ["getent", "hosts", str(spec.name)])["Id"]
    bench.api.exec_start(job)
    return bench.api.exec_inspect(job)["ExitCode"] == 0


def as_before(api, instance, app=APP):
    """The instance is made again as earlier versions did: in the one network that all shared, and where the proxy is on
    the machine at the same address."""
    told, own = api.inspect_container(instance), f"discode.{app}"
    subnet = api.inspect_network(own)["IPAM"]["Config"][0]["Subnet"]
    address = told["NetworkSettings"]["Networks"][own]["IPAddress"]
    api.remove_container(instance, force=True)
    if "discode" in networks(api):
        api.disconnect_container_from_network(PROXY, own)
        address = None
    api.remove_network(own)
    if address:
        ipam = docker.types.IPAMConfig(pool_configs=[docker.types.IPAMPool(subnet=subnet)])
        api.create_network("discode", labels={"discode.role": "network"}, ipam=ipam)
    api.create_container(
        told["Config"]["Image"], name=instance, command=told["Config"]["Cmd"], environment=told["Config"]["Env"],
        labels=told["Config"]["Labels"], host_config=told["HostConfig"] | {"NetworkMode": "discode"},
        networking_config=api.create_networking_config(
            {"discode": api.create_endpoint_config(ipv4_address=address)}
        ),
    )  # fmt: skip
    api.start(instance)


def test_an_instance_and_all_that_runs_for_it_is_in_the_apps_network_alone(bench, proxy):
    release = bench.fetched(processes={"mailer": ["sleep", "300"]})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    for container in (spec.name, f"{spec.name}.mailer"):
        assert networks_of(bench.api, container) == [OWN]
    assert networks_of(bench.api, PROXY) == [SHARED, OWN] and finds(bench, spec)
    labels = bench.api.inspect_network(OWN)["Labels"]
    assert labels == {"discode.app": TINY, "discode.role": "network"}
    bench.runtime.stop(spec.name, 1)
    look = ["python3", "-c", "import socket; print(*socket.gethostbyname_ex(socket.gethostname())[2])"]
    [address] = bench.runtime.run_once(spec, look, 300, print).output
    subnet = bench.api.inspect_network(OWN)["IPAM"]["Config"][0]["Subnet"]
    assert address.rpartition(".")[0] == subnet.rpartition(".")[0]


def test_apps_do_not_find_each_other(bench, proxy):
    """Not even by a name that both have."""
    spec = bench.spec()
    bench.runtime.start(spec)
    Network(bench.engine, f"{SHARED}.other", "other").ensure()
    told = bench.told(spec.name)
    image = told["Config"]["Image"]
    config = bench.api.create_host_config(network_mode=f"{SHARED}.other")
    bench.api.create_container(image, name="other", command=["sleep", "300"], host_config=config)
    bench.api.start("other")

    def resolves(container, name):
        job = bench.api.exec_create(container, ["getent", "hosts", name])["Id"]
        bench.api.exec_start(job)
        return bench.api.exec_inspect(job)["ExitCode"] == 0

    assert resolves("other", "other") and not resolves("other", str(spec.name))
    assert not resolves(str(spec.name), "other")


@pytest.mark.parametrize("accident", ["removed", "disconnected", "stopped and pruned", "replaced"])
def test_the_proxys_container_is_in_every_apps_network_again(bench, proxy, accident):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    if accident == "removed":
        bench.api.remove_container(PROXY, force=True)
    elif accident == "disconnected":
        bench.api.disconnect_container_from_network(PROXY, OWN)
    elif accident == "replaced":
        proxy.replace()
    else:
        bench.runtime.stop(spec.name, 1)
        bench.api.stop(PROXY, timeout=5)
        bench.api.prune_networks()
        assert networks(bench.api) == []
    proxy.ensure()
    if accident == "stopped and pruned":
        bench.runtime.start(spec)
    bench.answers(spec.name)
    assert networks_of(bench.api, PROXY) == [SHARED, OWN] and finds(bench, spec)


def test_what_is_about_to_be_the_proxys_container_joins_too(bench, proxy):
    """An app that is installed while another command replaces the proxy is found by the new one."""
    proxy._create(f"{PROXY}-next")
    spec = bench.spec()
    bench.runtime.start(spec)
    assert networks_of(bench.api, f"{PROXY}-next") == [SHARED, OWN]


def test_a_stranger_with_the_proxys_name_joins_nothing(bench):
    image = bench.release.manifest.artifact.reference
    bench.api.create_container(image, name=PROXY, command=["sleep", "300"])
    bench.runtime.start(bench.spec())
    assert OWN not in networks_of(bench.api, PROXY)


def test_a_network_of_somebody_else_is_refused_and_left_alone(bench):
    bench.api.create_network(OWN, labels={"discode.role": "network", "discode.app": "another"})
    with pytest.raises(Refused) as raised:
        bench.runtime.start(bench.spec())
    assert raised.value.name == "network-taken" and f"docker network rm {OWN}" in raised.value.next_step
    bench.runtime.forget(TINY)
    assert networks(bench.api) == [OWN]


def test_a_network_goes_when_nobody_is_in_it_any_more(bench, proxy):
    one, two = bench.spec(1), bench.spec(2)
    bench.runtime.start(one)
    bench.runtime.start(two)
    bench.runtime.remove(two.name)
    bench.runtime.stop(one.name, 1)  # Docker would remove it now, and the instance could not start again
    bench.runtime.forget(TINY)
    bench.runtime.start(one)
    assert bench.answers(one.name) and finds(bench, one)
    bench.runtime.remove(one.name)
    labels = bench.api.inspect_network(OWN)["Labels"]
    bench.api.create_network(f"{OWN}..1234", labels=labels)  # of a command that was killed while it looked for a subnet
    bench.api.create_network(f"{OWN}2", labels=labels | {"discode.app": f"{TINY}2"})
    bench.runtime.forget(TINY)
    bench.runtime.forget(TINY)
    assert networks(bench.api) == [SHARED, f"{OWN}2"] and networks_of(bench.api, PROXY) == [SHARED]


def test_a_stopped_instance_whose_network_was_pruned_starts_again(bench):
    """Docker knows a network by its id: one with the same name does not help the container."""
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.runtime.stop(spec.name, 1)
    bench.api.prune_networks()
    assert networks(bench.api) == []
    bench.runtime.start(spec)
    assert bench.answers(spec.name) and networks_of(bench.api, spec.name) == [OWN]


@pytest.mark.parametrize("addressing", ["name", "address"])
def test_an_instance_of_an_earlier_version_stays_in_the_shared_network(bench, addressing):
    """Stopped and started, too, as long as the network is there."""
    from discode.adapters.docker import containers

    runtime, spec = DockerRuntime(bench.engine, SHARED, addressing), bench.spec()
    shared = Network(bench.engine, SHARED)
    shared.ensure()
    address = shared.free_address() if addressing == "address" else None
    containers.create(bench.engine, containers.web(spec), SHARED, address)
    bench.api.start(str(spec.name))
    made, endpoint = bench.told(spec.name)["Id"], runtime.inspect(spec.name).endpoint
    assert runtime.start(spec) == endpoint
    assert bench.answers(spec.name)
    runtime.stop(spec.name, 1)
    assert runtime.start(spec) == endpoint
    assert bench.answers(spec.name) and bench.told(spec.name)["Id"] == made
    assert networks_of(bench.api, spec.name) == [SHARED]
    runtime.remove(spec.name)
    runtime.forget(TINY)
    assert networks(bench.api) == ([SHARED] if addressing == "name" else [])


def test_an_update_from_the_shared_network_loses_no_request(anyhow):
    place = anyhow
    place.install()
    before = place.instances()[0]
    as_before(place.api, before)
    wait_for(lambda: place.get() == (200, "1.0.0"))
    assert networks_of(place.api, before) == ["discode"]
    with Load(place.port, "shop.test", users=3) as load:
        place.run("restart", APP)
        after = place.instances()[0]
        assert after != before and networks_of(place.api, after) == [f"discode.{APP}"]
        place.publish("1.1.0")
        place.run("update", APP)
        place.run("rollback", APP)
    assert not load.bad and load.count > 20
    place.run("uninstall", APP, "--purge", "--yes")
    assert place.left() == []


def test_apps_that_come_and_go_cost_the_others_no_request(anyhow):
    """Joining a network, and leaving it, moves nothing of what the proxy's container publishes."""
    place = anyhow
    place.install()
    with Load(place.port, "shop.test", users=3) as load:
        for app in ("blog", "aaa"):  # in the alphabet behind and before the proxy's own
            place.publish("5.0.0", app=app)
            place.run("install", app, "--from", place.repo, "--host", f"{app}.test")
            assert f"discode.{app}" in networks(place.api)
            place.run("uninstall", app, "--purge", "--yes")
            assert f"discode.{app}" not in networks(place.api)
    assert not load.bad and load.count > 20
    assert place.get() == (200, "1.0.0")


def test_an_install_that_fails_leaves_no_network(place):
    place.install()
    before = place.left()
    place.publish("5.0.0", "exits", app="blog")
    place.run("install", "blog", "--from", place.repo, "--host", "blog.test", code=5)
    assert [one for one in place.left() if one not in before] == ["blog_data"]


def test_a_machine_that_comes_back_serves_from_the_networks(place):
    """Docker starts the proxy's container in its networks, in an order of its own."""
    place.install()
    place.publish("5.0.0", app="blog")
    place.run("install", "blog", "--from", place.repo, "--host", "blog.test")
    for _ in range(3):
        place.api.restart(PROXY, timeout=1)
        wait_for(lambda: answers(place))
    assert networks_of(place.api, PROXY) == ["discode", "discode.blog", f"discode.{APP}"]


def test_doctor_puts_the_proxys_container_back_and_tells_what_is_left_over(place):
    place.install()

    def told():
        return [one for one in place.run("doctor", "--json", code=None).last["checks"] if one["what"] == "network"]

    assert [one for one in told() if not one["ok"] or one["warning"]] == []
    place.api.disconnect_container_from_network(PROXY, f"discode.{APP}")
    place.api.create_network("discode.blog", labels={"discode.role": "network", "discode.app": "blog"})
    place.api.create_network("theirs")
    place.api.connect_container_to_network(PROXY, "discode.blog")
    apart, left = sorted((one for one in told() if one["next_step"]), key=lambda one: one["ok"])
    assert not apart["ok"] and apart["next_step"] == f"discode settle {APP}"
    assert left["warning"] and "no app blog is installed here" in left["detail"]
    subprocess.run(left["next_step"], shell=True, check=True, env=place.env, capture_output=True)
    place.run("doctor", "--fix", "--yes", code=None)
    assert [one for one in told() if not one["ok"] or one["warning"]] == []
    assert networks(place.api) == ["discode", f"discode.{APP}", "theirs"]
    assert place.get() == (200, "1.0.0")
