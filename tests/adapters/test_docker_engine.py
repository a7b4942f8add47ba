"""What the container engine is asked first: once, ahead of time where a flow has other things to do."""

import json
import socketserver
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

import pytest

from discode.adapters.docker.engine import Engine
from discode.core.errors import RuntimeUnreachable

VERSION = {"ApiVersion": "1.41", "Version": "20.10.24", "Os": "linux", "Arch": "amd64"}
INFO = {"DockerRootDir": "/var/lib/docker", "OSType": "linux"}


class Answers(BaseHTTPRequestHandler):
    server: "Server"

    def do_GET(self):
        self.server.asked.append(self.path.rpartition("/")[2])
        self.server.go_on.wait(20)
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
        assert asking.platform == "linux/amd64"
        assert asking.api.api_version == "1.41"
        assert asking.info["OSType"] == "linux"
        assert server.asked == ["version", "info"]


def test_without_that_it_is_asked_when_it_is_needed(tmp_path):
    with engine(tmp_path) as (asking, server):
        server.go_on.set()
        assert server.asked == []
        assert asking.platform == "linux/amd64"
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
