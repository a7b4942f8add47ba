"""A Docker engine and a registry of the tests' own, for the whole run; an app's image, made here."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import pytest

import told
from discode.adapters.docker import DockerRuntime, Engine
from discode.adapters.hostconfig import HostConfig
from discode.core.artifact import Image
from discode.core.manifest import Manifest, release_key
from discode.core.names import InstanceName
from discode.core.release import Release
from discode.ports.report import Silence
from discode.ports.runtime import InstanceSpec
from rig.engine import DockerEngine, empty
from rig.images import Shelf, build_edge, has_parts
from rig.registry import Registry
from rig.wait import wait_for

APP = "tiny"
SERVER = """
import http.server, json, os, signal, socket, socketserver, sys, time
if os.environ.get("CRASH"):
    print("crashing", flush=True); sys.exit(int(os.environ["CRASH"]))
if os.environ.get("EAT"):
    hog = [b"x" * (1 << 20) for _ in range(int(os.environ["EAT"]))]
class H(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/die": os._exit(9)
        if self.path == "/gone":
            self.send_response(302); self.send_header("Location", "/login"); self.end_headers(); return
        strange = self.path == "/strict" and self.headers["Host"] != "shop.test"
        self.send_response(404 if self.path == "/missing" else 400 if strange else 200); self.end_headers()
        files = os.listdir("/data") if os.path.isdir("/data") else []
        self.wfile.write(json.dumps({"env": dict(os.environ), "files": files}).encode())
    def log_message(self, *a): pass
signal.signal(signal.SIGTERM, lambda *_: (print("ending", flush=True), os._exit(0)))
print("listening", flush=True)
where = (os.environ.get("BIND", "0.0.0.0"), int(os.environ.get("LISTEN", os.environ["PORT"])))
class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in where[0] else socket.AF_INET
    def server_bind(self):
        if ":" in where[0]: self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # Not that of HTTPServer: it asks a resolver, which is away, for the name of the address.
        socketserver.TCPServer.server_bind(self)
Server(where, H).serve_forever()
"""


class Bench:
    """A runtime on the engine, with a network of its own, and releases that were pushed to the registry."""

    def __init__(self, engine, registry, addressing="name"):
        self.daemon, self.registry, self.shelf = engine, registry, Shelf(registry)
        self.engine = Engine(engine.host)
        self.runtime = DockerRuntime(self.engine, "discode-test", addressing)
        self.command = ["python3", "-c", "print('ran')"]
        self.release = self.fetched()

    @property
    def api(self):
        return self.engine.api

    @property
    def releases(self) -> Any:
        """Of `Releases` there is only what fetching an image asks for."""
        return self

    def fetched(self, files=None, cmd=("python3", "server.py"), platform="linux/amd64", more=None, **fields):
        release = self.pushed(files, cmd, platform, more=more, **fields)
        self.runtime.fetch(release, self.releases, Silence())
        return release

    def pushed(
        self, files=None, cmd=("python3", "server.py"), platform="linux/amd64", platforms=(), more=None, **fields
    ):
        files = files or {"server.py": SERVER.encode()}
        digest = self.shelf.push_app("acme/tiny", "latest", files, list(cmd), platform=platform, more=more or {})
        image = Image(repository=f"{self.registry.name}/acme/tiny", digest=digest, platforms=platforms)
        manifest = Manifest.checked(
            **{"app": APP, "version": "1.0", "artifact": image, "port": 3000, "health": {"deadline": 60}, **fields}
        )
        return Release(key=release_key(manifest.canonical()), manifest=manifest)

    def credentials(self, repository):
        return None

    def spec(self, number=1, release=None, **env):
        release = release or self.release
        return InstanceSpec(InstanceName(APP, release.key, number), release, env)

    def exits(self, code):
        return ["sh", "-c", f"exit {code}"]

    def answers(self, name):
        return bool(wait_for(lambda: self.runtime.probe(name, "/up", 20).ok))

    def told(self, container):
        return self.api.inspect_container(str(container))

    def ask(self, spec, path="/"):
        import urllib.request

        address = self.told(spec.name)["NetworkSettings"]["Networks"]["discode-test.tiny"]["IPAddress"]
        with urllib.request.urlopen(f"http://{address}:3000{path}", timeout=60) as answer:
            return json.loads(answer.read())

    def close(self):
        empty(self.api)


@pytest.fixture(scope="session")
def daemon():
    if not has_parts():
        pytest.skip("dockerd, docker, docker-registry and debootstrap are not all installed")
    engine = DockerEngine()
    try:
        yield engine.start()
    finally:
        engine.close()


@pytest.fixture(scope="session")
def registry():
    folder = Path(tempfile.mkdtemp(prefix="discode-registry-"))
    made = Registry(folder)
    try:
        yield made.start()
    finally:
        made.stop()
        shutil.rmtree(folder)


EDGE_IMAGE = "discode-edge:test"
KAMAL_IMAGE = HostConfig().proxy_image


@pytest.fixture(scope="session")
def proxy_images(daemon):
    """Those that can be had: the edge's, made here, and kamal-proxy's, when it was given or can be pulled."""
    if not told.PROXIES:
        build_edge(daemon.host, EDGE_IMAGE)
        told.PROXIES[EDGE_IMAGE] = ""
        told.PROXIES[KAMAL_IMAGE] = _have_kamal_proxy(daemon)
    return [image for image, why_not in told.PROXIES.items() if not why_not]


def _have_kamal_proxy(daemon):
    """Empty, or why it cannot be had. $DISCODE_KAMAL_PROXY_IMAGE is a file that `docker save` made of it."""
    import docker.errors

    api, saved = daemon.api(), os.environ.get("DISCODE_KAMAL_PROXY_IMAGE")
    if saved:
        with Path(saved).open("rb") as file:
            list(api.load_image(file))
    try:
        if not saved:
            api.pull(KAMAL_IMAGE)
        api.inspect_image(KAMAL_IMAGE)
    except docker.errors.APIError as error:
        return str(error.explanation or error)
    return ""


@pytest.fixture(params=[EDGE_IMAGE, KAMAL_IMAGE])
def proxy_image(request, proxy_images):
    if request.param not in proxy_images:
        pytest.skip(f"{request.param} cannot be had")
    return request.param


@pytest.fixture
def bench(daemon, registry):
    made = Bench(daemon, registry)
    try:
        yield made
    finally:
        made.close()
