"""The same vendor and customer with container images: an engine and a registry of their own."""

from __future__ import annotations

import os
import signal
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from place import DEMO, Place
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
health: {{path: /up, timeout: 2s, deadline: {deadline}}}
volumes: {{storage: {{path: /app/storage, share: true}}}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  GREETING: {{ask: "Greeting?", optional: true}}
  ADDRESS: "${{url}}"
update: {{strategy: {strategy}, confirm: {confirm}, drain: 5s, stop: 3s, hold: {hold}}}
"""


class DockerPlace(Place):
    file = FILE
    door = Place.door.replace("command:", "port: 4000, command:")

    def __init__(self, folder: Path, *, deadline: str = "8s", confirm: str = "600ms", hold: str = "10s"):
        self.engine, self.registry = DockerEngine(), Registry(folder / "registry")
        self._shelf = Shelf(self.registry)
        os.environ["DOCKER_HOST"] = self.engine.host
        super().__init__(folder, deadline=deadline, confirm=confirm, hold=hold)

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
        self._leave()
        self.registry.stop()
        self.engine.close()
        self._give_up_the_disk()

    def _ca_address(self) -> AbstractContextManager[str]:
        return self.engine.bridge("chaos-ca")

    def _made(self, source: Path, app: str, version: str, behaviour: str) -> dict[str, str]:
        """The image, pushed."""
        files: dict[str, bytes | Path] = {path.name: path for path in (DEMO / app).glob("*.py")}
        files |= {"VERSION": version.encode(), "BEHAVIOUR": behaviour.encode()}
        source.mkdir()
        self._shelf.push_app("acme/chaos", version, files, ["python3", "server.py"], volumes=("/app/storage",))
        return {"repository": f"{self.registry.name}/acme/chaos"}


class Containers:
    """A `Machine` whose apps are containers."""

    def __init__(self, place: DockerPlace):
        self._place = place

    def instances(self) -> list[str]:
        return sorted({one["Names"][0].lstrip("/").partition(".")[0] for one in self._ours()})

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
