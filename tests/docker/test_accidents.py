"""What goes wrong with the engine, the registry and the machine: a clear error each, and nothing lost."""

import http.server
import json
import multiprocessing
import os
import socket
import socketserver
import threading

import docker.errors
import pytest

from discode.adapters.docker import Engine
from discode.adapters.docker.network import Network
from discode.core.errors import DiscodeError, Failed
from place import APP
from rig.engine import DockerEngine
from rig.load import Load
from rig.ports import free_port
from rig.wait import wait_for
from rig.web import NO_ANSWER

from ..cli.test_bad_input import told


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    return place


@pytest.mark.parametrize("step", ["boot", "confirm"])
def test_the_engine_restarted_in_the_middle_of_an_update(place, daemon, step):
    place.install()
    assert place.get("/first", "POST")[0] == 200
    # Each lasts for as long as the engine takes to end.
    place.publish("1.1.0", "slow:600" if step == "boot" else "good", confirm="10m")
    command = place.start("update", APP)
    for line in command.stderr:
        if {"boot": "Starting", "confirm": "Watching"}[step] in line:
            break
    daemon.stop()
    try:
        errors = command.communicate(timeout=300)[1]
        assert command.returncode == 7, errors
        assert "within 60 s" not in errors, "an engine that has gone is not waited for"
        assert "is not finished" in errors and "discode settle" in errors
        assert "Docker is not running" in told(place.run("update", APP, code=7))
    finally:
        daemon.start()
    wait_for(lambda: _answers(place))
    place.publish("1.2.0")
    place.run("update", APP)
    assert place.get() == (200, "1.2.0") and place.get("/notes")[1] == "first"
    assert place.instances() == [place.run("status", APP, "--json").last["instance"]]


def _answers(place):
    try:
        return place.get()[0] == 200
    except NO_ANSWER:
        return False


def test_the_registry_gone_in_the_middle_of_a_pull(place, registry):
    place.install()
    place.publish("1.1.0", files={"big": os.urandom(30 << 20)})
    with Load(place.port, "shop.test", users=1) as load:
        registry.freeze()  # it takes the connection, and sends nothing
        command = place.start("update", APP, "--json")
        for line in command.stdout:
            if '"fetch"' in line:
                break
        wait_for(registry.has_company)
        registry.stop(at_once=True)
        try:
            out = command.communicate(timeout=300)[0]
            error = json.loads(out.splitlines()[-1])
            assert error["exit_code"] == 7 and error["error"]["key"] == "registry-unreachable"
            assert place.run("status", APP, "--json").last["interrupted"] is None
        finally:
            registry.start()
        place.run("update", APP)
    assert not load.bad and place.get() == (200, "1.1.0")


def _pruned(place):
    """What `docker system prune --all --force` takes of this app; others use the engine too."""
    place.api.prune_containers({"label": [f"discode.app={APP}"]})
    for one in place.api.images():
        if any("acme/shop@" in name for name in one["RepoDigests"] or []) and not _is_used(place, one["Id"]):
            place.api.remove_image(one["Id"], force=True)


def _is_used(place, image):
    return any(one["ImageID"] == image for one in place.api.containers(all=True))


def test_an_engine_that_was_pruned_while_the_app_was_stopped(place, registry):
    """Every flow that needs an image fetches it again, by its digest."""
    place.install()
    place.publish("1.1.0")
    place.run("update", APP)
    place.run("stop", APP)
    _pruned(place)
    assert not place.instances()
    assert "shop 1.1.0 is serving again." in place.run("start", APP).out
    assert place.get() == (200, "1.1.0")
    _pruned(place)  # the earlier version's image goes
    place.run("rollback", APP)
    assert place.get() == (200, "1.0.0")
    place.run("stop", APP)
    _pruned(place)
    place.run("config", "set", APP, "GREETING=hello")
    registry.stop()
    try:
        answer = place.run("start", APP, code=7)
        assert "shop 1.0.0 is no longer on this machine, and it cannot be fetched again: The registry " in answer.err
        assert "shop stays stopped." in answer.err and "Next: Check the network, then run the command" in answer.err
    finally:
        registry.start()
    place.run("start", APP)
    assert place.get() == (200, "1.0.0") and place.instance_env()["GREETING"] == "hello"
    place.api.remove_container(place.instances()[0], force=True)  # an accident, and then the prune
    _pruned(place)
    place.run("settle", APP)
    assert place.get() == (200, "1.0.0")


def test_an_engine_without_a_subnet_left():
    """On an engine of its own, for this takes them from everybody."""
    engine = DockerEngine()
    try:
        api = engine.start().api()
        with pytest.raises(docker.errors.APIError):
            for number in range(1000):
                api.create_network(f"taken-{number}")
        with pytest.raises(Failed) as raised:
            Network(Engine(engine.host), "discode").ensure()
        assert raised.value.sentence.startswith("Docker has no subnet left for the network discode: ")
        assert "docker network prune" in raised.value.next_step and "discode doctor" in raised.value.next_step
        api.prune_networks()
        Network(Engine(engine.host), "discode").ensure()
    finally:
        engine.close()


def test_a_port_that_is_taken(place):
    with socket.create_server(("0.0.0.0", place.port)):
        assert f"(pid {os.getpid()}) is using port {place.port}" in told(place.install(code=4))
    assert not place.instances()
    place.install()
    assert place.get() == (200, "1.0.0")


def test_no_engine_and_the_wrong_one(place):
    place.env["DOCKER_HOST"] = "unix:///nowhere/docker.sock"
    assert "there is no /nowhere/docker.sock" in told(place.install(code=7))
    place.env["DOCKER_HOST"] = place.daemon.host
    place.install()
    place.env.pop("DOCKER_HOST")
    assert place.run("status", APP, "--json").last["serves"], "the engine is remembered, for cron"
    place.env["DOCKER_HOST"] = "unix:///elsewhere.sock"
    assert "but DOCKER_HOST is unix:///elsewhere.sock" in told(place.run("status", APP, code=2))


def _as_nobody(host, queue):
    os.setgid(65534)
    os.setuid(65534)
    try:
        Engine(host).api  # noqa: B018 - it connects
    except DiscodeError as error:
        queue.put((error.name, error.next_step))


def test_no_permission_on_the_socket(daemon):
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    daemon.socket.chmod(0o600)
    daemon.folder.chmod(0o755)
    child = context.Process(target=_as_nobody, args=(daemon.host, queue))
    child.start()
    name, next_step = queue.get(timeout=300)
    child.join()
    assert name == "docker-forbidden" and "group docker" in next_step


class _Old(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"Version": "17.05", "ApiVersion": "1.29", "Os": "linux", "Arch": "amd64"}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "local"

    def log_message(self, *_):
        pass


def test_an_engine_that_is_too_old(tmp_path):
    path = tmp_path / "old.sock"
    with socketserver.ThreadingUnixStreamServer(str(path), _Old) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            with pytest.raises(DiscodeError, match=r"Docker 17\.05 .* is too old: it speaks API 1\.29") as raised:
                Engine(f"unix://{path}").api  # noqa: B018
        finally:
            server.shutdown()
    assert raised.value.name == "engine-too-old" and raised.value.exit_code == 7


def test_the_proxy_is_updated_only_after_it_was_said_what_that_means(place):
    place.install()
    place.port = free_port()
    answer = place.run("proxy", "update", "--http-port", place.port, "--json").last
    assert answer["result"] == "replaced" and answer["seconds_without_proxy"] > 0
    assert place.get() == (200, "1.0.0")
    assert place.run("proxy", "update", "--json").last["result"] == "nothing-to-do"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        assert "The old proxy is back" in told(place.run("proxy", "update", "--http-port", number, code=5))
    assert place.get() == (200, "1.0.0")
    assert place.run("doctor", "--json", code=None).last["checks"]


def test_published_images_are_what_the_file_promises(place, registry):
    for version, extra, words in [
        ("2.0.0", "platforms: [linux/amd64, linux/arm64]\n", "The image lacks linux/arm64"),
        ("2.0.1", "volumes2: {}\n", "unknown field"),
    ]:
        error = place.publish(version, extra=extra, code=4 if "platforms" in extra else 2)["error"]
        assert words in error["sentence"] + " ".join(error.get("problems", []))
    text = (place.folder / "discode.yml").read_text().replace("volumes2: {}\n", "")
    where = ("--repo", place.repo, "--keys", place.keys, "--version", "3.0.0")
    for image, words in [
        (f"{registry.name}/acme/{APP}:nosuch", f"has no {registry.name}/acme/{APP}:nosuch"),
        (f"{registry.name}/acme/{APP}:1.0.0@sha256:{'0' * 64}", "is not sha256:000"),
        ("Not A Reference", "is not an image reference"),
        ("127.0.0.1:9/acme/shop:1", "cannot be reached"),
    ]:
        (place.folder / "discode.yml").write_text(text)
        answer = place.run(
            "release", "publish", "--file", place.folder / "discode.yml", "--image", image, *where, code=None
        )
        assert words in told(answer)
    (place.folder / "discode.yml").write_text(text.replace("port: 3000", "port: 8080"))
    image = f"{registry.name}/acme/{APP}:1.0.0"
    answer = place.run("release", "publish", "--file", place.folder / "discode.yml", "--image", image, *where, code=4)
    assert "The image declares port 3000" in told(answer)
