"""The port of names on this host: DNS, the machine's addresses, and the CA of its settings."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..core.lets_encrypt import IDENTIFIER, PRODUCTION, STAGING

if TYPE_CHECKING:  # else imported late: every command has this port, and few ask it
    from ..core.authority import Answered, Authority
    from ..core.name_checks import Machine
    from ..ports.names import Told
    from .hostconfig import HostConfig


class WorldNames:
    """`config`: this host's settings, read when they are needed. `is_here`: whether the proxy is on this machine."""

    def __init__(self, config: Callable[[], HostConfig], is_here: Callable[[], bool]):
        self._config, self._is_here = config, is_here

    def ask(self, hosts: Collection[str], *, caa: bool) -> Mapping[str, Told]:
        from .dns import Dns

        return Dns(self._config().dns_resolvers).ask(hosts, caa=caa)

    def machine(self) -> Machine:
        from ..core.name_checks import Machine
        from .machine import machine

        return machine() if self._is_here() else Machine(is_known=False)

    def authority(self) -> Authority:
        from ..core.authority import Authority

        config = self._config()
        name = urlsplit(self._directory()).hostname or ""
        return Authority(
            name if config.acme_directory else "Let's Encrypt",
            is_own=bool(config.acme_directory),
            by_dns=bool(config.dns_provider),
            wait=config.dns_wait if config.dns_provider else 0,
        )

    def ask_authority(self) -> Answered:
        from . import authority

        config = self._config()
        answered = authority.ask(self._directory(), config.acme_ca_bundle)
        known = answered.identifiers or (() if config.acme_directory else (IDENTIFIER,))
        return replace(answered, identifiers=known)

    def _directory(self) -> str:
        config = self._config()
        return config.acme_directory or (STAGING if config.acme_staging else PRODUCTION)
