"""What the container engine is asked first: once, ahead of time where a flow has other things to do."""

import hashlib
import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from discode.adapters.docker.engine import DEFAULT, Engine
from discode.core.errors import RuntimeUnreachable

VERSION = {"ApiVersion": "1.41", "Version": "20.10.24", "Os": "linux", "Arch": "amd64"}
INFO = {"DockerRootDir": "/var/lib/docker", "OSType": "linux"}


class Answers(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self):
        self.server.asked.append(self.path.rpartition("/")[2])
        self.server.go_on.wait()
        body = json.dumps({"version": self.server.version, "info": INFO}[self.server.asked[-1]]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "local"

    def log_message(self, *words):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def __init__(self, path, version):
        super().__init__(str(path), Answers)
        self.version, self.asked, self.go_on = version, [], threading.Event()


@contextmanager
def engine(tmp_path, **version):
    server = Server(tmp_path / "docker.sock", {**VERSION, **version})
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Engine(f"unix://{tmp_path}/docker.sock"), server
    finally:
        server.go_on.set()
        server.shutdown()
        thread.join()
        server.server_close()


def test_what_is_asked_ahead_is_asked_once_and_waits_for_nobody(tmp_path):
    with engine(tmp_path) as (asking, server):
        asking.ask_ahead()  # returns, though the engine says nothing yet
        server.go_on.set()
        assert asking.info == INFO
        assert str(asking.platform) == "linux/amd64"
        assert asking.api.api_version == "1.41"
        assert asking.info["OSType"] == "linux"
        assert server.asked == ["version", "info"]


def test_without_that_it_is_asked_when_it_is_needed(tmp_path):
    with engine(tmp_path) as (asking, server):
        server.go_on.set()
        assert server.asked == []
        assert str(asking.platform) == "linux/amd64"
        assert server.asked == ["version"]
        assert asking.info == INFO
        assert server.asked == ["version", "info"]


def test_what_goes_wrong_ahead_is_told_to_who_needs_the_answer(tmp_path):
    with engine(tmp_path, ApiVersion="1.39") as (asking, server):
        server.go_on.set()
        asking.ask_ahead()
        with pytest.raises(RuntimeUnreachable) as raised:
            _ = asking.api
        assert raised.value.name == "engine-too-old"


def test_an_engine_that_is_not_there_is_found_missing_when_it_is_needed(tmp_path):
    asking = Engine(f"unix://{tmp_path}/nobody.sock")
    asking.ask_ahead()
    with pytest.raises(RuntimeUnreachable) as raised:
        _ = asking.info
    assert raised.value.name in ("docker-missing", "docker-stopped")


@pytest.fixture
def user(tmp_path, monkeypatch):
    """One whose machine has no Docker where it usually is."""
    if Path(DEFAULT.removeprefix("unix://")).exists():
        pytest.skip("this machine has a Docker of its own")
    for name in ("DOCKER_HOST", "DOCKER_CONTEXT", "DOCKER_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    return tmp_path


def context(home, name, host):
    folder = home / ".docker" / "contexts" / "meta" / hashlib.sha256(name.encode()).hexdigest()
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"Name": name, "Endpoints": {"docker": {"Host": host}}}))


def test_the_context_of_the_users_docker_is_named_where_there_is_no_engine(user, monkeypatch):
    context(user, "colima", "unix:///home/ann/.colima/default/docker.sock")
    context(user, "far", "ssh://ann@far.example")
    (user / ".docker" / "config.json").write_text('{"currentContext": "colima"}')
    for name, host in (("colima", "unix:///home/ann/.colima/default/docker.sock"), ("far", "ssh://ann@far.example")):
        with pytest.raises(RuntimeUnreachable) as raised:
            _ = Engine().api
        assert raised.value.name == "docker-elsewhere" and f"to the context {name}, at {host}" in raised.value.sentence
        assert raised.value.next_step.endswith(f"DOCKER_HOST={host}")
        monkeypatch.setenv("DOCKER_CONTEXT", "far")


def test_a_rootless_engine_is_named_and_can_be_used_as_it_says(user, monkeypatch):
    with engine(user) as (_, server):
        server.go_on.set()
        with pytest.raises(RuntimeUnreachable) as raised:
            _ = Engine().api
        assert raised.value.name == "docker-elsewhere" and "a rootless Docker of this user" in raised.value.sentence
        monkeypatch.setenv("DOCKER_HOST", raised.value.next_step.partition("DOCKER_HOST=")[2])
        assert str(Engine().platform) == "linux/amd64"


@pytest.mark.parametrize("config", ["", "{", "[]", '{"currentContext": "default"}', '{"currentContext": "gone"}'])
def test_without_one_docker_is_missing(user, config):
    (user / ".docker").mkdir()
    (user / ".docker" / "config.json").write_text(config)
    with pytest.raises(RuntimeUnreachable) as raised:
        _ = Engine().api
    assert raised.value.name in ("docker-missing", "docker-stopped")
