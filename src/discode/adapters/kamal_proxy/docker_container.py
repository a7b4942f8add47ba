"""kamal-proxy's container on this machine: absent, created, running, answering.

It is started again by Docker after a reboot, and keeps its routes in a volume of its own name.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ...core.errors import DiscodeError, ProxyUnreachable, Refused, RuntimeUnreachable
from . import commands
from .docker_exec import DockerExec
from .obstacles import port_obstacle

START = 10.0  # seconds from the start of the container to the first answer
POLL = 0.1
STATE = "/home/kamal-proxy/.config/kamal-proxy"  # where the image keeps its routes


@dataclass(frozen=True)
class ContainerSettings:
    """`network` is the one that apps are in, too: there the proxy finds them by name."""

    name: str
    image: str
    network: str
    http_port: int = 80
    https_port: int = 443
    bind: str = "0.0.0.0"


class DockerContainer:
    """`client` is a `docker.DockerClient`; one from the environment when none is given."""

    def __init__(self, settings: ContainerSettings, client: Any = None):
        self._settings = settings
        self._client = client
        self.exec = DockerExec(settings.name, client)

    def ensure(self) -> None:
        """Raises Refused when a port is taken or the image cannot be had, RuntimeUnreachable without Docker."""
        import docker.errors
        import requests

        try:
            self._ensure()
        except (docker.errors.DockerException, requests.RequestException) as error:
            raise self._failure(error) from error
        self._wait()

    def _ensure(self) -> None:
        import docker.errors

        containers = self._connected().containers
        try:
            container = containers.get(self._settings.name)
        except docker.errors.NotFound:
            container = self._created()
        if container.status != "running":
            container.start()

    def _created(self) -> Any:
        import docker.errors

        client, wanted = self._connected(), self._settings
        self._have_image()
        self._have_network()
        try:
            return client.containers.create(
                wanted.image,
                name=wanted.name,
                labels={"discode.role": "proxy"},
                network=wanted.network,
                ports={"80/tcp": (wanted.bind, wanted.http_port), "443/tcp": (wanted.bind, wanted.https_port)},
                volumes={wanted.name: {"bind": STATE, "mode": "rw"}},
                restart_policy={"Name": "unless-stopped"},
            )
        except docker.errors.APIError as error:
            if error.status_code != 409:  # somebody else has created it since we looked
                raise
            return client.containers.get(wanted.name)

    def _have_image(self) -> None:
        import docker.errors

        images, image = self._connected().images, self._settings.image
        try:
            images.get(image)
        except docker.errors.ImageNotFound:
            images.pull(image)

    def _have_network(self) -> None:
        import docker.errors

        networks, name = self._connected().networks, self._settings.network
        try:
            networks.get(name)
        except docker.errors.NotFound:
            networks.create(name, driver="bridge", labels={"discode.role": "network"})

    def _wait(self) -> None:
        """kamal-proxy opens its socket a moment after its container runs; its command fails until then."""
        deadline = time.monotonic() + START
        while self.exec.run(commands.LIST_TABLE, START).code != 0:
            if time.monotonic() >= deadline:
                raise ProxyUnreachable(
                    f"The container {self._settings.name} runs, but its proxy did not answer within {START:g} s.",
                    f"See: docker logs {self._settings.name}",
                )
            time.sleep(POLL)

    def _failure(self, error: Exception) -> DiscodeError:
        import docker.errors

        wanted = self._settings
        if isinstance(error, docker.errors.NotFound):
            return Refused(
                f"The proxy's image {wanted.image} cannot be had: {error.explanation}. Nothing was changed.",
                "Choose another one in config.toml (proxy_image).",
                key="proxy-image",
            )
        if not isinstance(error, docker.errors.APIError):
            return RuntimeUnreachable(f"Docker does not answer: {error}.", "Start Docker, then run the command again.")
        found = port_obstacle(wanted.bind, (wanted.http_port, wanted.https_port))
        if found is not None:
            self._forget()
            return found
        return ProxyUnreachable(
            f"Docker did not start the container {wanted.name}: {error.explanation or error}.",
            f"See: docker inspect {wanted.name}",
        )

    def _forget(self) -> None:
        """A container keeps the ports that it was created with: the next try shall see the settings of then."""
        import docker.errors

        try:
            container = self._connected().containers.get(self._settings.name)
            if container.status != "running":
                container.remove()
        except docker.errors.DockerException:
            return

    def _connected(self) -> Any:
        if self._client is None:
            import docker

            self._client = docker.from_env()
        return self._client
