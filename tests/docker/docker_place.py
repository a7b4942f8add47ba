"""The vendor and the customer of `Place`, with images: the same server, on the tests' engine and registry."""

import json
import textwrap
from pathlib import Path

from place import APP, SERVER, Place
from rig import pace
from rig.engine import empty, own_networks
from rig.images import Shelf
from rig.ports import free_port

IMAGE_SERVER = SERVER.replace('("127.0.0.1", int', '("0.0.0.0", int').replace(
    'if behaviour == "exits":',
    'if behaviour == "eats":\n    hog = [b"x" * (1 << 20) for _ in range(500)]\nif behaviour == "exits":',
)
FILE = """\
app: {app}
version: {version}
image: {repository}
port: 3000
health: {{path: {health}, timeout: 10s, deadline: {deadline}}}
volumes: {{data: {{path: /app/data, share: true}}}}
env: {{SECRET: {{generate: hex64}}, GREETING: {{ask: "Greeting?", optional: true}}{env}}}
resources: {{memory: 64MB}}
update: {{confirm: {confirm}, drain: 60s, stop: 3s}}
"""


class DockerPlace(Place):
    def __init__(self, folder: Path, daemon, registry, proxy_image, *more):
        super().__init__(folder)
        self.daemon, self.registry, self.shelf = daemon, registry, Shelf(registry)
        self.env["DOCKER_HOST"] = daemon.host
        self.https_port, self.proxy = free_port(), ("--proxy-image", proxy_image, *more)
        self.home.mkdir()
        # 443 is the machine's; every place has ports of its own.
        (self.home / "config.toml").write_text(f"https_port = {self.https_port}\n")

    @property
    def api(self):
        return self.daemon.api()

    def publish(
        self, version, behaviour="good", extra="", *, app=APP, health="/up", confirm=None, code=0, files=None,
        platform="linux/amd64", env="",
    ):  # fmt: skip
        content = {"server.py": IMAGE_SERVER.encode(), "VERSION": version.encode(), "BEHAVIOUR": behaviour.encode()}
        command = ["python3", "server.py"]
        self.shelf.push_app(f"acme/{app}", version, {**content, **(files or {})}, command, platform=platform)
        file = self.folder / "discode.yml"
        # A container has to come up first, which takes longer than a process.
        deadline = pace.seconds(5) if behaviour == "never-healthy" or health != "/up" else 120
        text = FILE.format(
            app=app,
            version=version,
            env=f", {env}" if env else "",
            repository=f"{self.registry.name}/acme/{app}",
            health=health,
            confirm=confirm or ("200ms" if behaviour == "good" else "1s"),
            deadline=f"{deadline}s",
        )
        file.write_text(text + textwrap.dedent(extra))
        return self.run("release", "publish", "--file", file, *self.vendor_words(), "--json", code=code).last

    def install(self, *args, code=0, app=APP, host="shop.test"):
        options = ("--host", host, "--http-port", self.port, *self.proxy, *args)
        return self.run("install", app, "--from", self.repo, *options, code=code)

    def instances(self):
        told = self.api.containers(all=True, filters={"label": f"discode.app={APP}"})
        return sorted(name.lstrip("/") for one in told for name in one["Names"])

    def instance_env(self):
        told = self.api.inspect_container(self.run("status", APP, "--json").last["instance"])
        return dict(text.partition("=")[::2] for text in told["Config"]["Env"])

    def left(self):
        """Everything on the engine but images."""
        api = self.api
        found = [name for one in api.containers(all=True) for name in one["Names"]]
        found += [one["Name"] for one in own_networks(api)]
        return found + sorted(one["Name"] for one in api.volumes()["Volumes"] or [])

    def secret(self):
        return json.loads(self.get("/env")[1])["SECRET"]

    def close(self):
        empty(self.api)
        self.run("proxy", "stop", code=None)
