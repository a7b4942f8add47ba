"""DNS, a machine's addresses and a CA in memory. A name that nobody has said anything else of leads to the machine."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace

from ..core.authority import Answered, Authority
from ..core.caa import Policy
from ..core.name_checks import Found, Machine
from ..ports.names import Told


class MemoryNames:
    """`here` is the machine; `questions` are the names that were asked for. `ca` and how it `answered` can be set."""

    def __init__(self) -> None:
        self.here = Machine(("203.0.113.7",))
        self.ca, self.answered = Authority("Let's Encrypt"), Answered(("letsencrypt.org",), 0.0)
        self.records: dict[str, Told] = {}
        self.questions: list[str] = []

    def add(self, host: str, *addresses: str, caa: Policy | None = None) -> None:
        self.records[host] = Told(Found(addresses), caa or Policy())

    def take(self, host: str) -> None:
        """It does not exist any more."""
        self.records[host] = Told(Found(missing="name"))

    def ask(self, hosts: Collection[str], *, caa: bool) -> Mapping[str, Told]:
        self.questions += hosts
        here = Told(Found(self.here.addresses[:1]))
        found = {host: self.records.get(host, here) for host in hosts}
        return found if caa else {host: replace(told, caa=Policy()) for host, told in found.items()}

    def machine(self) -> Machine:
        return self.here

    def authority(self) -> Authority:
        return self.ca

    def ask_authority(self) -> Answered:
        self.questions.append(self.ca.name)
        return self.answered
