"""The same vendor and customer with container images: an engine and a registry of their own."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager, ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from place import Place, folder_of
from rig.databases import ENTRYPOINT, POSTGRES, REDIS, Image, postgres, redis
from rig.debian import Debian
from rig.engine import DockerEngine
from rig.images import Shelf, build_edge
from rig.ports import free_port
from rig.registry import Registry

EDGE = "discode-edge:chaos"
PROXY = "discode-proxy"
FILE = """\
app: {app}
version: {version}
image: {repository}
port: 3000
health: {{path: /up, timeout: 10s, deadline: {deadline}}}
volumes: {{storage: {{path: /app/storage, share: true}}}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  GREETING: {{ask: "Greeting?", optional: true}}
  ADDRESS: "${{url}}"
{env}update: {{strategy: {strategy}, confirm: {confirm}, drain: 60s, stop: 3s, hold: {hold}}}
"""


class DockerPlace(Place):
    file = FILE
    door = Place.door.replace("command:", "port: 4000, command:")

    def __init__(self, folder: Path, *, confirm: str = "600ms"):
        self.engine, self.registry = DockerEngine(), Registry(folder / "registry")
        self.digests: dict[str, str] = {}  # of what is published to stand beside an app
        self._shelf = Shelf(self.registry)
        os.environ["DOCKER_HOST"] = self.engine.host
        super().__init__(folder, confirm=confirm)

    def init(self) -> None:
        self.engine.start()
        self.registry.start()
        build_edge(self.engine.host, EDGE)
        # Two runs beside each other must not want one port. A command has an option for the other port alone.
        (self.home / "config.toml").write_text(f"https_port = {free_port()}\n")
        super().init()

    def install_words(self) -> tuple[str, ...]:
        return (*super().install_words(), "--proxy-image", EDGE)

    def close(self) -> None:
        with ExitStack() as ends:  # whatever fails before it, the engine ends
            ends.callback(self._give_up_the_disk)
            ends.callback(self.engine.close)
            ends.callback(self.registry.stop)
            self._leave()

    def _ca_address(self) -> AbstractContextManager[str]:
        return self.engine.bridge("chaos-ca")

    def _made(self, source: Path, app: str, version: str, behaviour: str) -> dict[str, str]:
        """The image, pushed."""
        files: dict[str, bytes | Path] = {path.name: path for path in folder_of(app).glob("*.py")}
        files |= {"VERSION": version.encode(), "BEHAVIOUR": behaviour.encode()}
        source.mkdir()
        self._shelf.push_app("acme/chaos", version, files, ["python3", "server.py"], volumes=("/app/storage",))
        return {"repository": f"{self.registry.name}/acme/chaos"}

    def publish_beside(self, tag: str) -> str:
        """Something to stand beside an app, and how the vendor's file says it. `tag`: postgres-15, or redis-7b for one
        with another digest, or postgres-15bad for one that ends at once."""
        kind, _, version = tag.partition("-")
        number = version.rstrip("abd")
        if tag not in self.digests:
            image = _image(kind, number)
            mark = {**image.files, "etc/mark": version.encode()}
            if version.endswith("bad"):
                mark[ENTRYPOINT] = b"#!/bin/sh\necho it is broken\nexit 3\n"
            self.digests[tag] = replace(image, files=mark).push(self.registry, f"acme/{kind}", version)
        return f'{{{kind}: "{number}", image: "{self.registry.name}/acme/{kind}:{version}"}}'


def _image(kind: str, version: str) -> Image:
    by_version, make = {"postgres": (POSTGRES, postgres), "redis": (REDIS, redis)}[kind]
    [suite] = [suite for suite, has in by_version.items() if has == version]
    return make(Debian(suite))


class Containers:
    """A `Machine` whose apps are containers."""

    def __init__(self, place: DockerPlace):
        self._place = place

    def instances(self) -> list[str]:
        found = [one for one in self._ours() if one["Labels"]["discode.role"] != "accessory"]
        return sorted({one["Names"][0].lstrip("/").partition(".")[0] for one in found})

    def running(self) -> list[str]:
        return sorted(
            one["Names"][0].lstrip("/")
            for one in self._ours()
            if one["Labels"]["discode.role"] == "web" and one["State"] == "running"
        )

    def environment(self, instance: str) -> dict[str, str]:
        told = self._api.inspect_container(instance)
        return dict(text.partition("=")[::2] for text in told["Config"]["Env"])

    def programs(self, instance: str) -> list[int]:
        return self._pid(instance)

    def proxy(self) -> list[int]:
        return self._pid(PROXY)

    def volume(self) -> Path:
        return self._place.engine.folder / "data" / "volumes" / f"{self._place.app}_storage" / "_data"

    def table(self) -> str:
        lines = []
        for one in self._api.containers(all=True):
            log = self._api.logs(one["Id"], tail=30).decode(errors="replace")
            lines.append(f"{one['Names']} {one['Image']} {one['State']} {one['Status']}\n{log}\n")
        return "".join(lines) + self._place.engine.words(60)

    def reboot(self) -> None:
        """The engine is killed with all its containers, and started again."""
        self._place.engine.stop(signal.SIGKILL)
        self._place.engine.start()

    @property
    def _api(self) -> Any:
        return self._place.engine.api()

    def _ours(self) -> list[dict[str, Any]]:
        return list(self._api.containers(all=True, filters={"label": f"discode.app={self._place.app}"}))

    def _pid(self, container: str) -> list[int]:
        import docker.errors

        try:
            pid = int(self._api.inspect_container(container)["State"]["Pid"])
        except docker.errors.NotFound:
            return []
        return [pid] if pid else []
