"""The parts of `bin/demo --hub`: a hub, a stock registry, a vendor and a customer with a Docker engine each."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from customer import APP, HERE, HOST, CommandFailed, Ran
from docker_customer import EDGE_IMAGE

from rig.engine import DockerEngine
from rig.images import PATH, base_archive, build_edge
from rig.place import Place
from rig.ports import free_port
from rig.registry import Registry
from rig.wait import wait_for

AUTH = "auth: {{token: {{realm: '{url}/token', service: '{name}', issuer: '{url}', rootcertbundle: '{bundle}'}}}}"
BASE = "base:local"
DOCKERFILE = f"""\
FROM {BASE}
ENV PATH={PATH} HOST=0.0.0.0 PYTHONUNBUFFERED=1
WORKDIR /app
COPY . /app
EXPOSE 3000
VOLUME /app/storage
CMD ["python3", "server.py"]
"""
FILE = """\
app: {app}
version: {version}
image: {repository}
port: 3000
health: {{path: /up, timeout: 2s, deadline: 10s}}
volumes: {{storage: /app/storage}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  GREETING: hello
update: {{strategy: overlap, confirm: 3s, drain: 10s, stop: 5s}}
"""
# What install.sh says that it needs. No Python among them: the customer's command brings its own.
TOOLS = [
    "sh",
    "curl",
    "tar",
    "gzip",
    "sha256sum",
    "base64",
    "mktemp",
    "id",
    "uname",
    "sed",
    "mkdir",
    "rm",
    "mv",
    "ln",
    "readlink",
    "tail",
    "cat",
]


def said(command: list[str], environment: Mapping[str, str], code: int | None = 0, given: str | None = None) -> Ran:
    """A command to its end, with the JSON lines that it told."""
    begun = time.time()
    done = subprocess.run(command, env=dict(environment), input=given, capture_output=True, text=True, timeout=300)
    events = [(time.time(), json.loads(line)) for line in done.stdout.splitlines() if line.startswith("{")]
    if code is not None and done.returncode != code:
        words = " ".join(Path(command[0]).name if n == 0 else word for n, word in enumerate(command))
        raise CommandFailed(f"{words} exited with {done.returncode}: {done.stdout[-600:]}{done.stderr[-600:]}")
    return Ran(done.returncode, events[-1][1] if events else {"text": done.stdout + done.stderr}, begun, time.time())


class HubServer:
    """The operator: `discode hub init` and `serve`, and a CNCF registry that asks the hub for every token."""

    def __init__(self, folder: Path):
        self.folder, self.token_file, self.port = folder / "hub", folder / "token", free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.registry = Registry(folder / "registry")
        self._log = folder / "hub.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._discode("init", "--url", self.url, "--vendor", "acme", "--registry", self.registry.name,
                      "--token-file", str(self.token_file))  # fmt: skip
        with self._log.open("wb") as log:
            command = [sys.executable, "-m", "discode", "hub", "serve", str(self.folder), "--port", str(self.port)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        wait_for(lambda: status(f"{self.url}/healthz") == 200, what="the hub's answer", unless=self._ended)
        bundle = self.folder / "keys" / "registry.crt"
        self.registry._auth = AUTH.format(url=self.url, name=self.registry.name, bundle=bundle)
        self.registry.start()

    def _ended(self) -> str:
        assert self._process is not None
        return self._log.read_text()[-600:] if self._process.poll() is not None else ""

    def add_build(self, build: Path) -> None:
        said([sys.executable, "-m", "discode", "hub", "build", str(build), str(self.folder)], os.environ)

    def secrets_in_log(self, secrets: list[str]) -> int:
        text = self._log.read_text()
        return sum(secret in text for secret in secrets)

    def stop(self) -> None:
        self.registry.stop()
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(30)

    def _discode(self, verb: str, *words: str) -> None:
        said([sys.executable, "-m", "discode", "hub", verb, str(self.folder), *words], os.environ)


class Vendor:
    """Keys, an engine that builds images, and `docker push` with an API token."""

    def __init__(self, folder: Path, hub: HubServer, app: str = APP):
        self.folder, self.hub, self.app, self.engine = folder, hub, app, DockerEngine()
        self.environment = {
            **os.environ, "DOCKER_HOST": self.engine.host, "DOCKER_CONFIG": str(folder / "docker"),
            "DISCODE_HUB": hub.url, "NO_COLOR": "1", "DOCKER_BUILDKIT": "0",
        }  # fmt: skip

    @property
    def repository(self) -> str:
        return f"{self.hub.registry.name}/acme/{self.app}"

    def start(self) -> None:
        self.folder.mkdir(parents=True)
        self.engine.start()
        self.bring_base()
        self.discode("release", "init")
        token = self.hub.token_file.read_text()
        self.docker("login", self.hub.registry.name, "-u", "vendor", "--password-stdin", given=token)

    def bring_base(self) -> None:
        """What the app is built on, into the engine."""
        with base_archive().open("rb") as archive:
            self.engine.api().import_image_from_data(archive.read(), repository="base", tag="local")

    def publish(self, version: str) -> None:
        """`docker build`, `docker push`, `discode release publish`."""
        source = self.folder / "app"
        shutil.copytree(HERE / "app", source, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        (source / "VERSION").write_text(version)
        (source / "BEHAVIOUR").write_text("good")
        (source / "Dockerfile").write_text(DOCKERFILE)
        self.docker("build", "--quiet", "-t", f"{self.repository}:{version}", str(source))
        self.docker("push", f"{self.repository}:{version}")
        file = self.folder / "discode.yml"
        file.write_text(FILE.format(app=self.app, version=version, repository=self.repository))
        self.discode("release", "publish", "--file", str(file))

    def issue(self, path: Path) -> str:
        """A license; its id. The key is in the file."""
        words = ("--customer", "Example Ltd", "--days", "365", "--key-file", str(path))
        return str(self.discode("license", "issue", self.app, *words).last["license"])

    def revoke(self, license: str) -> None:
        self.discode("license", "revoke", license, "--reason", "not paid")

    def docker(self, *words: str, given: str | None = None) -> str:
        return str(said(["docker", *words], self.environment, given=given).last["text"])

    def discode(self, *words: str) -> Ran:
        keys = ("--keys", str(self.folder / "keys")) if words[0] == "release" else ()
        where = ("--token-file", str(self.hub.token_file), *keys)
        return said([sys.executable, "-m", "discode", *words, *where, "--json"], self.environment)


class Customer(Place):
    """A machine with Docker, curl and no Python; `install.sh` brings the command."""

    tools: Sequence[str] = TOOLS

    def __init__(self, folder: Path, hub: HubServer, app: str = APP, host: str = HOST):
        super().__init__(folder, app, host, folder / "state")
        self.hub, self.engine = hub, DockerEngine()
        tools = folder / "tools"
        self.environment = {
            "PATH": str(tools), "HOME": str(folder), "DISCODE_PREFIX": str(folder / "discode"),
            "DISCODE_HOME": str(folder / "state"), "DOCKER_HOST": self.engine.host, "NO_COLOR": "1",
            "DOCKER_CONFIG": str(folder / "docker"),
        }  # fmt: skip

    def start(self) -> None:
        tools = self.folder / "tools"
        tools.mkdir(parents=True)
        for tool in self.tools:
            (tools / tool).symlink_to(str(shutil.which(tool)))
        self.engine.start()
        build_edge(self.engine.host, EDGE_IMAGE)

    def run_installer(self) -> None:
        """As the docs say: `curl … | sh`."""
        said(["/bin/sh", "-c", f"curl -fsS {self.hub.url}/install.sh | sh"], self.environment)
        with (self.folder / "state" / "config.toml").open("a") as config:
            config.write(f"https_port = {free_port()}\n")  # 443 is the machine's own

    def discode(self, *words: str, code: int | None = 0) -> Ran:
        return said([str(self.folder / "discode" / "bin" / "discode"), *words, "--json"], self.environment, code)

    def install(self, key_file: Path | None, code: int | None = 0) -> Ran:
        proxy = ("--proxy", "docker", "--proxy-image", EDGE_IMAGE, "--http-port", str(self.port))
        license = ("--license-file", str(key_file)) if key_file else ()
        return self.discode("install", self.app, "--host", self.host, *proxy, *license, code=code)

    def pull(self, reference: str, key: str) -> tuple[bool, str]:
        """`docker login` with a license key and `docker pull`, into an engine that has not got the image."""
        host = reference.partition("/")[0]
        environment = {**self.environment, "PATH": os.environ["PATH"]}
        login = ["docker", "login", host, "-u", "license", "--password-stdin"]
        done = said(login, environment, None, key)
        if done.code == 0:
            done = said(["docker", "pull", reference], environment, None)
        said(["docker", "logout", host], environment, None)
        return done.code == 0, str(done.last.get("text", ""))[-300:].strip()


def status(url: str, **headers: str) -> int:
    """0 when nobody answers."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def told(url: str, **headers: str) -> Any:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return json.loads(answer.read())
