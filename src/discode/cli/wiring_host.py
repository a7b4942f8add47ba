"""This host's runtimes and its one proxy, as its config.toml has them. Knows the adapters, like `wiring`."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..core.errors import DiscodeError, Refused, UsageError
from ..core.host_settings import one_port_for_both, only_for_an_edge
from ..core.listening import reached_at
from ..core.names import check_port
from ..core.networks import check_networks
from ..flows.world import Platform

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..adapters.docker import Engine, ProxyContainer
    from ..adapters.docker.app_network import Seen
    from ..adapters.hostconfig import HostConfig
    from ..adapters.kamal_proxy import EdgeProcess, KamalProxy
    from ..adapters.kamal_proxy.authority import Ca
    from ..adapters.kamal_proxy.carrier import Carrier
    from ..core.own_certificate import OwnCertificate
    from ..ports.accessories import Accessories
    from ..ports.names import Names
    from ..ports.runtime import Runtime

Kind = Literal["archive", "image"]
ProxyKind = Literal["edge", "docker"]


class Host:
    """What `home` says of this machine. `note` tells the user what they should know; `has_apps` whether an app is
    installed: until then the proxy can be chosen anew."""

    def __init__(self, home: Path, note: Callable[[str], None], has_apps: Callable[[], bool]):
        self.home, self._note, self._has_apps = home, note, has_apps
        self._config: HostConfig | None = None
        self._is_unwritten = False
        self._docker: Engine | None = None
        self._edge: EdgeProcess | None = None

    @property
    def config(self) -> HostConfig:
        """Loaded once a command, with the options of an install. Raises UsageError for a file that is invalid."""
        from ..adapters import hostconfig

        if self._config is None:
            self._config = hostconfig.load(self.home)
        return self._config

    def platform(self, kind: Kind) -> Platform:
        """What was chosen for that kind, or would be chosen by an install now; nothing is written.

        Raises RuntimeUnreachable without Docker, Refused when the host's proxy cannot reach that kind.
        """
        proxy = self._proxy_for(kind)
        return Platform(self._runtime(kind, proxy), self.proxy(proxy), self._accessories(kind, proxy))

    def choose(self, kind: Kind) -> None:
        """Keep for the whole host what `platform` answers now, and what `configure` was told. Raises as `platform`."""
        wanted = replace(self.config, proxy=self._proxy_for(kind))
        if kind == "image":
            # A command from cron or a timer has no DOCKER_HOST, and must mean the same engine.
            wanted = replace(wanted, docker_host=self._docker_host())
        if self._is_unwritten or wanted != self.config:
            self.save(wanted)

    def _runtime(self, kind: Kind, proxy: ProxyKind) -> Runtime:
        if kind == "archive":
            from ..adapters.process.runtime import ProcessRuntime

            return ProcessRuntime(self.home)
        from ..adapters.docker import DockerRuntime

        config = self.config
        addressing: Literal["address", "name"] = "address" if proxy == "edge" else "name"
        return DockerRuntime(self.docker(), config.proxy_network, addressing, config.proxy_container)

    def _accessories(self, kind: Kind, proxy: ProxyKind) -> Accessories:
        """Containers beside containers; an app that runs as processes has none."""
        if kind == "archive":
            from ..adapters.process.accessories import NoAccessories

            return NoAccessories()
        from ..adapters.docker import DockerAccessories

        network, through = self.config.proxy_network, self.config.proxy_container
        return DockerAccessories(self.docker(), network, fixed=proxy == "edge", through=through)

    def kamal_proxy(self) -> KamalProxy:
        """The proxy that was chosen, with what is not of the port. Raises UsageError before the first install."""
        if not self.config.proxy:
            raise UsageError(
                "This machine has no proxy yet: the first install chooses one.", "Install an app: discode install APP"
            )
        return self.proxy(self.config.proxy)

    def proxy(self, kind: ProxyKind) -> KamalProxy:
        from ..adapters.files.certificates import OwnFiles
        from ..adapters.kamal_proxy import KamalProxy

        config, own = self.config, OwnFiles(self.home)
        if kind == "docker":
            container = self.container()
            address = self.docker().published_host(config.bind)
            return KamalProxy(
                container.exec, container, config.http_port, config.https_port, address, self._ca(), own,
                trusted=config.trusted_proxies,
            )  # fmt: skip
        edge = self.edge()
        address = reached_at(config.bind)
        return KamalProxy(edge.socket, edge, config.http_port, config.https_port, address, self._ca(), own)

    def _ca(self) -> Ca:
        from ..adapters.acme_settings import tell_terms
        from ..adapters.kamal_proxy.authority import Ca

        config = self.config
        return Ca(
            config.acme_ca_bundle, config.acme_staging, only_for_an_edge(asdict(config)),
            lambda: tell_terms(self.home, config, self._note),
        )  # fmt: skip

    def docker(self) -> Engine:
        """Raises UsageError when the environment names another engine than the one that the apps are on."""
        from ..adapters.docker import Engine

        if self._docker is None:
            self._docker = Engine(self._docker_host() or None)
        return self._docker

    def ask_ahead(self) -> None:
        """For a flow through the proxy's container: what the engine takes a while to say is asked while the flow reads
        releases. What is wrong is told by who needs the engine."""
        with suppress(DiscodeError):
            if self.config.proxy == "docker":
                self.docker().ask_ahead()

    def _docker_host(self) -> str:
        """That of the apps that are there; until there are some, the environment's."""
        known, asked = self.config.docker_host, os.environ.get("DOCKER_HOST", "")
        if not (known and asked) or known == asked:
            return known or asked
        if self._has_apps():
            raise UsageError(
                f"The apps of this host run on the Docker at {known}, but DOCKER_HOST is {asked}. Nothing was changed.",
                "Unset DOCKER_HOST, or use another DISCODE_HOME for the other engine.",
                key="other-engine",
            )
        return asked

    def container(self, config: HostConfig | None = None) -> ProxyContainer:
        """With the settings of now, or with others."""
        from ..adapters.docker import ContainerSettings, ProxyContainer

        one = config or self.config
        settings = ContainerSettings(
            one.proxy_container, one.proxy_image, one.proxy_network, one.http_port, one.https_port, one.bind
        )  # fmt: skip
        return ProxyContainer(self.docker(), settings, self._note, self.edge_files)

    def edge(self) -> EdgeProcess:
        from ..adapters.kamal_proxy import EdgeProcess

        if self._edge is None:
            config = self.config
            where = config.http_port, config.https_port, config.bind
            self._edge = EdgeProcess(self.home / "edge", *where, self.edge_files, self._container_name)
        return self._edge

    def keeper(self) -> ProxyContainer | EdgeProcess:
        """Of the proxy that was chosen; before the first install the edge's."""
        return self.container() if self.config.proxy == "docker" else self.edge()

    def carrier(self) -> Carrier | None:
        """The way to the proxy, when it runs."""
        if self.config.proxy == "docker":
            container = self.container()
            return container.exec if container.state()["running"] else None
        edge = self.edge()
        return edge.socket if edge.running() is not None else None

    def tell(self, text: str) -> None:
        """What the user should know."""
        self._note(text)

    def has_dns_proof(self) -> bool:
        """Whether names can be proved by DNS records, as wildcards have to be."""
        return bool(self.config.dns_provider)

    def read_own_certificate(
        self, certificate: str, key: str, hosts: Sequence[str]
    ) -> tuple[OwnCertificate, list[str]]:
        """Checked for these hosts, with what the customer should know of it. Raises UsageError."""
        from ..adapters import web
        from ..adapters.own_certificate import read_own

        bundle = self.config.acme_ca_bundle
        trust = web.trusted_also(Path(bundle)) if bundle else web.trusted()
        return read_own(certificate, key, hosts, time.time(), trust)

    def check_image(self, wanted: HostConfig, asked: Sequence[str] | None = None) -> None:
        """Whether the proxy's image can go by the settings of automatic certificates (`asked`: by those alone), and can
        tell proxies in front from other clients. Raises Refused."""
        from ..adapters.kamal_proxy.authority import cannot_go_by
        from ..adapters.kamal_proxy.trusted import must_tell_apart

        names = only_for_an_edge(asdict(wanted)) if asked is None else asked
        if not (names or wanted.trusted_proxies) or self.container(wanted).is_edge() is not False:
            return
        if names:
            raise cannot_go_by(names)
        must_tell_apart(wanted.trusted_proxies, is_edge=False)

    def edge_files(self) -> dict[str, bytes]:
        """What an edge is to know. Settings that cannot be read are left out: no app is to wait for that, and its proxy
        goes on with those that it has."""
        from ..adapters.acme_settings import acme_file
        from ..adapters.dns_settings import dns_files
        from ..adapters.kamal_proxy.authority import AUTHORITY
        from ..adapters.kamal_proxy.trusted import TRUSTED, trusted_file

        try:
            told = {AUTHORITY: acme_file(self.home, self.config), **dns_files(self.config)}
            return {**told, TRUSTED: trusted_file(self.config.trusted_proxies)}
        except UsageError as error:
            self._note(f"{error.sentence} {error.next_step}")
            return {}

    def _container_name(self, known: str) -> str | None:
        from ..adapters.docker.whose import container_name

        try:
            return container_name(self.docker(), known)
        except DiscodeError:  # the environment names another engine
            return None

    def names(self) -> Names:
        from ..adapters.names import WorldNames

        return WorldNames(lambda: self.config, self._has_proxy_here)

    def _has_proxy_here(self) -> bool:
        """Not when it is a container of an engine on another machine."""
        return self.config.proxy != "docker" or self.docker().is_local

    def proxy_state(self) -> dict[str, Any]:
        """For people and programs: which proxy, its port, and whether it runs."""
        config = self.config
        told: dict[str, Any] = {"proxy": config.proxy or "not chosen", "http_port": config.http_port, "pid": None}
        if config.proxy == "docker":
            return {**told, **self.container().state(), "container": config.proxy_container}
        pid = self.edge().running()
        return {**told, "pid": pid, "running": pid is not None}

    def configure(
        self,
        proxy: ProxyKind | None = None,
        http_port: int | None = None,
        https_port: int | None = None,
        image: str | None = None,
        trusted: str | None = None,
    ) -> None:
        """Go by the options of the first install, for the whole host. They are written when the install has a release
        to bring (`choose`): one that is refused before leaves nothing. Raises UsageError when apps are there already
        that go by others."""
        from ..adapters import hostconfig

        config = self.config
        http = None if http_port is None else check_port(http_port, "HTTP port")
        https = None if https_port is None else check_port(https_port, "HTTPS port")
        wanted = replace(
            config,
            proxy=proxy or config.proxy,
            http_port=http or config.http_port,
            https_port=https or config.https_port,
            proxy_image=image or config.proxy_image,
            trusted_proxies=config.trusted_proxies if trusted is None else check_networks(trusted),
        )
        if wanted == config:
            return
        if wanted.http_port == wanted.https_port:
            raise one_port_for_both(
                wanted.http_port, http is not None, https is not None, str(hostconfig.file(self.home))
            )
        if self._is_in_use(config):
            raise UsageError(
                f"The proxy of this machine ({config.proxy}, port {config.http_port}) serves all apps. "
                "Nothing was changed.",
                "Omit these options. To change the proxy for all apps: discode proxy update --help",
                key="other-port" if _ports(wanted) != _ports(config) else "other-proxy",
            )
        hostconfig.check(self.home, wanted)
        self._config, self._edge, self._is_unwritten = wanted, None, True

    def save(self, config: HostConfig, drop: Sequence[str] = ()) -> None:
        """`drop`: settings that are taken out of config.toml. Raises UsageError."""
        from ..adapters import hostconfig

        hostconfig.save(self.home, config, drop)
        self._config, self._edge, self._is_unwritten = config, None, False

    def has_apps(self) -> bool:
        return self._has_apps()

    def _is_in_use(self, config: HostConfig) -> bool:
        return self._has_apps() or (config.proxy != "docker" and self.edge().running() is not None)

    def _proxy_for(self, kind: Kind) -> ProxyKind:
        """The host's proxy, chosen by the kind of its first app and kept."""
        config = self.config
        fitting: ProxyKind = "edge" if kind == "archive" else "docker"
        if config.proxy and (config.proxy == fitting or kind == "image"):
            return config.proxy
        if config.proxy and self._has_apps():
            raise Refused(
                "This machine's proxy is a container, which cannot reach apps that run as processes. "
                "Nothing was changed.",
                "Ask the vendor for a release that is an image, or install the app on another machine.",
                key="other-proxy",
            )
        return fitting


def _ports(config: HostConfig) -> tuple[int, int]:
    return config.http_port, config.https_port


def docker_is_installed() -> bool:
    from ..adapters.docker.install import is_installed

    return is_installed()


def install_docker(say: Callable[[str], None]) -> None:
    from ..adapters.docker.install import install

    install(say)


def start_docker(host: Host, say: Callable[[str], None]) -> None:
    from ..adapters.docker.install import start

    start(host.docker(), say)


def app_networks(host: Host) -> list[Seen]:
    """Those that are there. Raises RuntimeUnreachable."""
    from ..adapters.docker.app_network import look

    return look(host.docker(), host.config.proxy_network, host.config.proxy_container)


def run_a_container(host: Host) -> str:
    from ..adapters.docker.trial import run_a_container

    return run_a_container(host.docker())


def look_at_network(host: Host) -> str:
    from ..adapters.docker.network import Network

    return Network(host.docker(), host.config.proxy_network).look()
