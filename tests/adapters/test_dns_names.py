"""The port of names keeps its contract: over real DNS and a CA's directory, and in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from names_contract import NamesContract

from discode.adapters.hostconfig import HostConfig
from discode.adapters.names import WorldNames
from discode.core.authority import Answered
from discode.core.caa import Caa, Policy
from discode.testing.memory_names import MemoryNames
from rig import web
from rig.certificates import make_certificate, serving
from rig.dns import DnsServer


class Directory(web.Handler):
    def do_GET(self) -> None:
        self.reply(200, json.dumps({"newOrder": "https://ca.test", "meta": {"caaIdentities": ["ca.test"]}}).encode())


class RealSite:
    def __init__(self, folder: Path):
        certificate, key, _ = make_certificate("127.0.0.1")
        (folder / "ca.pem").write_bytes(certificate)
        self._dns, self._ca = DnsServer(), web.Web(Directory, serving(certificate, key))
        config = HostConfig(
            dns_resolvers=self._dns.address, acme_directory=f"https://127.0.0.1:{self._ca.port}/directory",
            acme_ca_bundle=str(folder / "ca.pem"),
        )  # fmt: skip
        self.names = WorldNames(lambda: config, lambda: True)

    def add(self, host: str, *addresses: str) -> None:
        for address in addresses:
            self._dns.add(host, "AAAA" if ":" in address else "A", address)

    def forbid(self, host: str) -> None:
        self._dns.add(host, "CAA", '0 issue ";"')

    def take(self, host: str) -> None:
        assert not any(name == host for name, _ in self._dns.records)

    def break_ca(self) -> None:
        self._ca.close()

    def close(self) -> None:
        self._dns.close()


class MemorySite:
    def __init__(self) -> None:
        self.names = MemoryNames()

    def add(self, host: str, *addresses: str) -> None:
        self.names.add(host, *addresses)

    def forbid(self, host: str) -> None:
        addresses = self.names.records[host].found.addresses
        self.names.add(host, *addresses, caa=Policy(host, (Caa(0, "issue", ";"),)))

    def take(self, host: str) -> None:
        self.names.take(host)

    def break_ca(self) -> None:
        self.names.answered = Answered(reason="connection refused")


class TestReal(NamesContract):
    @pytest.fixture
    def site(self, tmp_path: Path) -> Iterator[RealSite]:
        made = RealSite(tmp_path)
        yield made
        made.close()


class TestMemory(NamesContract):
    @pytest.fixture
    def site(self) -> MemorySite:
        return MemorySite()
