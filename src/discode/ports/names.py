"""Host names as the world around this machine knows them: DNS, the machine's addresses, the CA."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from ..core.authority import Answered, Authority
from ..core.caa import Policy
from ..core.name_checks import Found, Machine


@dataclass(frozen=True)
class Told:
    """What DNS says of a host."""

    found: Found
    caa: Policy = field(default_factory=Policy)


class Names(Protocol):
    """No call raises, and each ends within seconds: what could not be found out is part of the answer."""

    def ask(self, hosts: Collection[str], *, caa: bool) -> Mapping[str, Told]:
        """What the resolver of this host says of each; `caa`: also of its CAA records. Of a wildcard, what it says of a
        name that the wildcard covers."""

    def machine(self) -> Machine:
        """The addresses of the machine that the proxy is on. Nothing is asked for it."""

    def authority(self) -> Authority:
        """The CA, by the settings of this host. Nothing is asked for it."""

    def ask_authority(self) -> Answered:
        """How the CA's directory answers now."""
