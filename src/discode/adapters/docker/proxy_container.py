"""The proxy's container on this machine: absent, created, running, answering; and replaced by another.

Docker starts it again after a crash and a reboot; its routes are in a volume of its own name. It is replaced only when
the user says so (`replace`), for that interrupts the traffic of all apps for a moment: `<name>-next` is made first, and
whatever a killed command left of this is brought to its end by the next `ensure`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException
from typing import Any

from ...core.errors import DiscodeError, Failed, ProxyUnreachable, Refused
from ...core.listening import EVERYWHERE, IPV4, addresses
from ..kamal_proxy import commands
from ..kamal_proxy.carrier import Answer
from ..kamal_proxy.obstacles import port_obstacle, taken
from ..port_owner import PortOwner
from . import app_network, containers
from .engine import Engine
from .exec import EDGE, DockerExec
from .handed import STATE
from .names import PROXY, ROLE
from .network import Network
from .whose import container_name, publisher

START = 60.0  # seconds from the start of the container to the first answer
END = 10  # what requests under way get when it is replaced
POLL = 0.05


@dataclass(frozen=True)
class ContainerSettings:
    """`network` is the proxy's own. It joins that of each app: there it finds instances by name."""

    name: str
    image: str
    network: str
    http_port: int = 80
    https_port: int = 443
    bind: str = EVERYWHERE


class ProxyContainer:
    """`note` tells the user what they should know. `files`: what an edge reads of the CA and the DNS provider in its
    volume; empty ones are to be absent."""

    def __init__(
        self,
        engine: Engine,
        settings: ContainerSettings,
        note: Callable[[str], None] = lambda text: None,
        files: Callable[[], Mapping[str, bytes]] = dict,
    ):
        self._engine, self._settings, self._note, self._files = engine, settings, note, files
        self._network = Network(engine, settings.network)
        self.exec = DockerExec(engine, settings.name, settings.image)

    def prepare(self, https: bool = False) -> None:
        """Raises Refused as `ensure` would. A container has both ports, with HTTPS or without."""
        with self._translated():
            if self._inspect(self._settings.name) is None and self._inspect(self._next) is None:
                self._have_image()
                if found := self._port_taken():
                    raise found

    def ensure(self) -> None:
        """Raises Refused when a port is taken, the image cannot be had or the name is somebody else's."""
        with self._translated():
            is_new = self._end_replacement()
            told = self._startable()
            if told is None:
                self._create(self._settings.name)
            elif (differs := self._differences(told, of_old=False)) and told["State"]["Running"]:
                self._note(f"The proxy runs with other settings ({differs}). To apply yours: discode proxy update")
            is_up = told is not None and told["State"]["Running"] and not told["State"]["Restarting"]
            if not is_up:
                self._start(self._settings.name, is_new=told is None)
            else:
                self._join(self._settings.name)
        if told is None or not is_up or is_new or _has_just_started(told):
            self._wait(self._settings.name)
        self.bring_files()

    def bring_files(self) -> None:
        """An edge looks at them each second. Nothing while no container runs."""
        with self._translated():
            told = self._inspect(self._settings.name)
        if told is not None and told["State"]["Running"]:
            self.exec.put(self._files())

    def ask_about_dns(self, argv: Sequence[str], timeout: float) -> Answer:
        """`dns …`, in the container. Raises ProxyUnreachable when it does not run."""
        return self.exec.run(["dns", *argv], timeout)

    def is_edge(self) -> bool | None:
        """Whether the image of the settings is the edge's; None when it is not here to tell."""
        import docker.errors

        with self._translated():
            try:
                told = self._engine.api.inspect_image(self._settings.image)
            except docker.errors.ImageNotFound:
                return False if is_kamal_proxys(self._settings.image) else None
        return EDGE in ((told.get("Config") or {}).get("Labels") or {})

    def retire(self, purge: bool) -> None:
        """Remove it and the network; with `purge` its volume too, which has certificates."""
        import docker.errors

        with self._translated():
            for name in (self._settings.name, self._next):
                if self._inspect(name) is not None:
                    containers.stop(self._engine, name, END)
                    containers.remove(self._engine, name)
            self._network.remove()
            if purge:
                try:
                    self._engine.api.remove_volume(self._settings.name)
                except docker.errors.NotFound:
                    return

    def shutdown(self) -> None:
        with self._translated():
            if self._inspect(self._settings.name) is not None:
                containers.stop(self._engine, self._settings.name, END)

    def state(self) -> dict[str, Any]:
        """Whether it runs, with which image, and what differs from the settings."""
        with self._translated():
            told = self._inspect(self._settings.name)
        if told is None:
            return {"running": False, "image": None, "differs": ""}
        differs = self._differences(told)
        return {"running": bool(told["State"]["Running"]), "image": told["Config"]["Image"], "differs": differs}

    def replace(self) -> float:
        """Put a container with the settings of now in the old one's place. The answer is the seconds in which no
        request was taken. Raises Failed when the new one does not answer; then the old one serves."""
        with self._translated():
            self._end_replacement()
            self._have_image()
            if self._inspect(self._settings.name) is None:
                self.ensure()
                return 0.0
            self._create(self._next)
            begun = time.monotonic()
            containers.stop(self._engine, self._settings.name, END)
            try:
                self._start(self._next, is_new=True)
                self._wait(self._next)
            except DiscodeError as error:
                self._back()
                raise Failed(
                    f"{error.sentence} The old proxy is back; requests were refused for "
                    f"{time.monotonic() - begun:.1f} s.",
                    error.next_step,
                    key=error.name,
                ) from error
            gap = time.monotonic() - begun
            self._end_replacement()
            self._join(self._settings.name)  # networks of apps that were installed meanwhile
        self.exec = DockerExec(self._engine, self._settings.name)  # the new one may be of another kind
        self.bring_files()
        return gap

    def _startable(self) -> dict[str, Any] | None:
        """None when it is not there, or was removed because it cannot start any more: all it knows is in a volume."""
        told = self._inspect(self._settings.name)
        if told is None or told["State"]["Running"] or not app_network.has_lost_one(self._engine, told):
            return told
        containers.remove(self._engine, self._settings.name)
        return None

    @property
    def _next(self) -> str:
        return app_network.proxies(self._settings.name)[1]

    def _join(self, name: str) -> None:
        app_network.join(self._engine, name, app_network.of_all_apps(self._engine, self._settings.network))

    def _end_replacement(self) -> bool:
        """Forward when the next one runs, else back: whichever of the two that is, one is left with the name. Says
        whether that one is new."""
        told = self._inspect(self._next)
        if told is None:
            return False
        if not told["State"]["Running"]:
            containers.remove(self._engine, self._next)
            return False
        containers.remove(self._engine, self._settings.name)
        self._engine.api.rename(self._next, self._settings.name)
        return True

    def _back(self) -> None:
        containers.remove(self._engine, self._next)
        self._engine.api.start(self._settings.name)
        self._join(self._settings.name)
        self._wait(self._settings.name)

    def _inspect(self, name: str) -> dict[str, Any] | None:
        """Raises Refused when it is somebody else's."""
        import docker.errors

        try:
            told = dict(self._engine.api.inspect_container(name))
        except docker.errors.NotFound:
            return None
        if (told["Config"]["Labels"] or {}).get(ROLE) != PROXY:
            raise Refused(
                f"A container named {name} exists and does not belong to Discode. Nothing was changed.",
                f"Rename it (docker rename {name} other-name), or choose another name: proxy_container in config.toml.",
                key="name-taken",
            )
        return told

    def _create(self, name: str) -> None:
        import docker.errors
        import docker.types

        api, wanted = self._engine.api, self._settings
        self._have_image()
        self._network.ensure()
        try:
            api.inspect_volume(wanted.name)
        except docker.errors.NotFound:
            api.create_volume(wanted.name, labels={ROLE: PROXY})
        api.create_container(
            wanted.image,
            name=name,
            labels={ROLE: PROXY},
            ports=[80, 443],
            networking_config=api.create_networking_config({wanted.network: api.create_endpoint_config()}),
            host_config=api.create_host_config(
                network_mode=wanted.network,
                port_bindings=_published(wanted),
                mounts=[docker.types.Mount(target=STATE, source=wanted.name, type="volume")],
                restart_policy={"Name": "unless-stopped"},
                log_config=docker.types.LogConfig(type="json-file", config=containers.LOG),
            ),
        )

    def _have_image(self) -> None:
        import docker.errors

        image = self._settings.image
        try:
            self._engine.api.inspect_image(image)
        except docker.errors.ImageNotFound:
            self._note(f"Pulling the proxy's image {image} ...")
            try:
                for event in self._engine.api.pull(image, stream=True, decode=True):
                    if "error" in event:
                        raise self._no_image(str(event["error"])) from None
            except docker.errors.APIError as error:
                raise self._no_image(str(error.explanation or error)) from error

    def _no_image(self, why: str) -> Refused:
        another = "choose another image: discode proxy update --image IMAGE"
        if self._inspect(self._settings.name) is None:
            another = (
                "install again without it: with --proxy edge the proxy is a program on this machine, which needs "
                "HAProxy and no image; --proxy-image IMAGE names one that can be had"
            )
        return Refused(
            f"The proxy's image {self._settings.image} cannot be pulled: {why.rstrip('.')}. Nothing was changed.",
            f"Check the network, or {another}",
            key="proxy-image",
        )

    def _start(self, name: str, *, is_new: bool) -> None:
        import docker.errors

        self._join(name)
        try:
            self._engine.api.start(name)
        except docker.errors.APIError as error:
            found = self._port_taken()
            if is_new:
                # A container keeps the ports that it was made with: the next try shall see the settings of then.
                containers.remove(self._engine, name)
            raise (found or self._not_started(error)) from error

    def _port_taken(self) -> Refused | None:
        wanted = self._settings
        ports = (wanted.http_port, wanted.https_port)
        if self._engine.is_local:
            found = port_obstacle(wanted.bind, ports, lambda known: container_name(self._engine, known))
            if found is not None:
                return found
        # An engine may keep a port with rules of the firewall alone, or be on another machine.
        names = ((port, publisher(self._engine, port)) for port in ports)
        return next((taken(port, PortOwner(container=name)) for port, name in names if name), None)

    def _not_started(self, error: Any) -> ProxyUnreachable:
        return ProxyUnreachable(
            f"Docker could not start the proxy's container: {error.explanation or error}.",
            f"See: docker inspect {self._settings.name}",
        )

    def _wait(self, name: str) -> None:
        """The proxy opens its socket and its ports a moment after its container runs; its command fails until then."""
        deadline = time.monotonic() + START
        while not (_answers(DockerExec(self._engine, name)) and self._takes_requests(name)):
            with self._translated():
                self._engine.api.inspect_container(name)  # an engine that has gone is not to be waited for
            if time.monotonic() >= deadline:
                raise ProxyUnreachable(
                    f"The container {name} is running, but its proxy did not answer within {START:g} s.",
                    f"See: docker logs {name}",
                )
            time.sleep(POLL)

    def _takes_requests(self, name: str) -> bool:
        """Any answer will do: Docker's own forwarder opens connections that nobody behind it takes."""
        with self._translated():
            bound = self._engine.api.inspect_container(name)["HostConfig"]["PortBindings"]["80/tcp"][0]
        host = self._engine.published_host(bound.get("HostIp") or EVERYWHERE)
        connection = HTTPConnection(host, int(bound["HostPort"]), timeout=START)
        try:
            connection.request("GET", "/", headers={"Connection": "close", "User-Agent": "discode"})
            return bool(connection.getresponse().status)
        except (OSError, HTTPException):
            return False
        finally:
            connection.close()

    def _differences(self, told: dict[str, Any], *, of_old: bool = True) -> str:
        """What is and what should be, for people; empty when nothing differs. `of_old`: also that a container of an
        earlier version listens on IPv4 alone, where nobody has chosen that."""
        wanted, ports = self._settings, told["HostConfig"]["PortBindings"] or {}
        pairs = [("image", told["Config"]["Image"], wanted.image)]
        for inner, name, port in (
            ("80/tcp", "http_port", wanted.http_port),
            ("443/tcp", "https_port", wanted.https_port),
        ):
            bound = ports.get(inner) or [{}]
            pairs.append((name, bound[0].get("HostPort"), str(port)))
            listens = ",".join(one.get("HostIp") or EVERYWHERE for one in bound)
            if of_old or (listens, wanted.bind) != (IPV4, EVERYWHERE):
                pairs.append(("bind", listens, ",".join(ip or EVERYWHERE for ip in _host_ips(wanted.bind))))
        return ", ".join(
            dict.fromkeys(f"{name} {is_now}, not {should}" for name, is_now, should in pairs if is_now != should)
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        import docker.errors

        try:
            with self._engine.errors("manage the proxy"):
                yield
        except docker.errors.APIError as error:
            raise Failed(
                f"Docker refused to manage the proxy: {error.explanation or error}.",
                containers.NEXT,
                key="engine-refused",
            ) from error


def _host_ips(bind: str) -> tuple[str, ...]:
    """Empty: the engine publishes for IPv4, and for IPv6 where the machine has it. Told `::`, it fails without."""
    found = addresses(bind)
    return ("",) if EVERYWHERE in found else found


def _published(wanted: ContainerSettings) -> dict[int, list[Any]]:
    """In the notation of Docker's SDK."""
    ports = {80: wanted.http_port, 443: wanted.https_port}
    return {inner: [(ip, port) if ip else port for ip in _host_ips(wanted.bind)] for inner, port in ports.items()}


def is_kamal_proxys(image: str) -> bool:
    """By its name."""
    return image.partition("@")[0].rpartition(":")[0].removeprefix("docker.io/") == "basecamp/kamal-proxy"


def _answers(carrier: DockerExec) -> bool:
    try:
        return carrier.run(commands.LIST_TABLE, START).code == 0
    except ProxyUnreachable:
        return False  # the container restarts


def _has_just_started(told: dict[str, Any]) -> bool:
    """The engine brings a proxy that died back by itself; it is up then, and takes no command yet."""
    started = datetime.fromisoformat(told["State"]["StartedAt"][:19]).replace(tzinfo=UTC)
    return abs((datetime.now(UTC) - started).total_seconds()) < START
