"""A real client: Kamal deploys an app through the edge's image, in place of kamal-proxy's, under load.

`bin/test --kamal`. Everything is the test's own and on loopback: a Docker daemon, a registry, an SSH server, the image.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import textwrap
import time
from pathlib import Path

import pytest

from rig.load import Load
from rig.ports import free_port
from rig.wait import wait_for

KAMAL = os.environ.get("DISCODE_KAMAL", "")
ROOT = Path(__file__).parents[2]
VERSION = "v0.9.9"  # newer than the oldest kamal-proxy that Kamal takes
APP = """\
import http.server, os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(0))

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def log_message(self, *_): pass
    def do_GET(self):
        body = os.environ["APP_VERSION"].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

http.server.ThreadingHTTPServer(("", 80), Handler).serve_forever()
"""
SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host_key
AuthorizedKeysFile {folder}/key.pub
PidFile {folder}/sshd.pid
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
MaxStartups 100:30:200
ForceCommand {folder}/host
"""
# What the server's machine is: a home of its own, and the test's daemon.
HOST = """\
#!/bin/sh
export HOME={folder}/home DOCKER_HOST=unix://{folder}/docker.sock
cd "$HOME"
exec sh -c "$SSH_ORIGINAL_COMMAND"
"""
DEPLOY = """\
service: shop
image: acme/shop
servers: [127.0.0.1]
proxy:
  host: shop.test
  app_port: 80
  healthcheck: {{interval: 1, path: /up}}
  run:
    http_port: {http}
    https_port: {https}
    bind_ips: [127.0.0.1]
    registry: 127.0.0.1:{registry}
    repository: acme/kamal-proxy
    version: {version}
registry:
  server: 127.0.0.1:{registry}
  username: nobody
  password: [REGISTRY_PASSWORD]
builder: {{arch: amd64}}
ssh:
  port: {ssh}
  keys: ["{folder}/key"]
  keys_only: true
"""


class Place:
    """A server with Docker and SSH, and a registry; closed also when only half of it came up."""

    def __init__(self, folder: Path):
        self.folder, self.processes = folder, []
        self.port, self.https, self.ssh, self.registry = (free_port() for _ in range(4))
        (folder / "home").mkdir()
        self.env = {**os.environ, "HOME": str(folder), "DOCKER_HOST": f"unix://{folder}/docker.sock"}

    def start(self):
        self._start_docker()
        self._start_registry()
        self._start_ssh()
        project = self.folder / "project"
        (project / "config").mkdir(parents=True)
        (project / ".kamal").mkdir()
        (project / ".kamal" / "secrets").write_text("REGISTRY_PASSWORD=none\n")
        ports = {"http": self.port, "https": self.https, "registry": self.registry, "ssh": self.ssh}
        text = DEPLOY.format(folder=self.folder, version=VERSION, **ports)
        (project / "config" / "deploy.yml").write_text(text)
        return self

    def _spawn(self, *words):
        with (self.folder / "log").open("ab") as log:
            self.processes.append(subprocess.Popen(words, stdout=log, stderr=log, env=self.env))

    def _start_docker(self):
        folders = ("--data-root", f"{self.folder}/data", "--exec-root", f"{self.folder}/exec")
        files = ("-H", f"unix://{self.folder}/docker.sock", "--pidfile", f"{self.folder}/docker.pid")
        network = ("--bridge", "none", "--iptables=false", "--ip-masq=false")
        self._spawn("dockerd", *folders, *files, *network, "--default-address-pool", "base=10.218.0.0/16,size=24")
        wait_for(lambda: subprocess.run(["docker", "info"], env=self.env, capture_output=True).returncode == 0)

    def _start_registry(self):
        settings = self.folder / "registry.yml"
        storage = f"storage: {{filesystem: {{rootdirectory: {self.folder}/registry}}}}"
        settings.write_text(f"version: 0.1\n{storage}\nhttp: {{addr: 127.0.0.1:{self.registry}}}\n")
        self._spawn("docker-registry", "serve", str(settings))

    def _start_ssh(self):
        for name in ("key", "host_key"):
            self.run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name))
        host = self.folder / "host"
        host.write_text(HOST.format(folder=self.folder))
        host.chmod(0o755)
        (self.folder / "sshd.conf").write_text(SSHD.format(folder=self.folder, port=self.ssh))
        Path("/run/sshd").mkdir(exist_ok=True)  # sshd insists on its folder
        self._spawn("/usr/sbin/sshd", "-D", "-e", "-f", str(self.folder / "sshd.conf"))

    def run(self, *words, code=0, **options):
        done = subprocess.run(words, env=self.env, capture_output=True, text=True, timeout=400, **options)
        assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout[-6000:]}\n{done.stderr[-3000:]}"
        return done.stdout

    def build_proxy(self):
        """The edge's image, under a name and version that Kamal takes for kamal-proxy's."""
        name = f"127.0.0.1:{self.registry}/acme/kamal-proxy:{VERSION}"
        # The cache of the build is the user's own, not this place's.
        env = {**self.env, "HOME": os.environ.get("HOME", "/root")}
        done = subprocess.run([ROOT / "images/edge/build", "--tag", name], env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        self.run("docker", "push", "--quiet", name)
        return name

    def build_app(self, version, base):
        name = f"127.0.0.1:{self.registry}/acme/shop:{version}"
        text = textwrap.dedent(
            f"""\
            FROM {base}
            USER root
            LABEL service=shop
            ENV APP_VERSION={version}
            COPY app.py /app.py
            CMD ["python3", "/app.py"]
            """
        )
        folder = self.folder / "app"
        folder.mkdir(exist_ok=True)
        (folder / "Dockerfile").write_text(text)
        (folder / "app.py").write_text(APP)
        self.run("docker", "build", "--quiet", "--network", "none", "--tag", name, str(folder))
        self.run("docker", "push", "--quiet", name)
        self.run("docker", "rmi", name)

    def kamal(self, *words, code=0):
        return self.run(KAMAL, *words, code=code, cwd=self.folder / "project")

    def close(self):
        subprocess.run("docker ps -aq | xargs -r docker rm -f", shell=True, env=self.env, capture_output=True)
        for process in reversed(self.processes):
            process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(120)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@pytest.fixture
def place():
    folder = Path(tempfile.mkdtemp(prefix="kamal-"))  # short: a socket's path has room for some 100 characters
    made = Place(folder)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.skipif(not KAMAL, reason="bin/test --kamal")
@pytest.mark.timeout(1200)
def test_kamal_deploys_through_the_edge_without_a_failed_request(place):
    place.start()
    base = place.build_proxy()
    for version in ("v1", "v2", "v3"):
        place.build_app(version, base)
    print(place.kamal("version").strip())
    begun = time.monotonic()
    place.kamal("setup", "--skip-push", "--version", "v1")
    print(f"setup {time.monotonic() - begun:.1f} s")
    assert _version(place) == "v1"
    with Load(place.port, "shop.test") as load:
        for version in ("v2", "v3"):
            begun = time.monotonic()
            place.kamal("deploy", "--skip-push", "--version", version)
            print(f"deploy {time.monotonic() - begun:.1f} s")
            assert _version(place) == version, "the new version answers as soon as Kamal is done"
        place.kamal("rollback", "v2", "--version", "v3")
        assert _version(place) == "v2"
    print(f"{load.count} requests, failed {len(load.bad)}")
    assert not load.bad, load.bad[:5]
    assert "shop" in place.kamal("proxy", "details") + place.kamal("app", "details")
    image = place.run("docker", "inspect", "-f", "{{.Config.Image}}", "kamal-proxy").strip()
    assert image == base, "it was the edge that served"


def _version(place):
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", place.port, timeout=240)
    connection.request("GET", "/", headers={"Host": "shop.test"})
    return connection.getresponse().read().decode()
