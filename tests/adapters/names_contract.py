"""What the port of names has to do, by its words. A subclass gives the fixture `site`: a world of names, and what is
said of some."""

from __future__ import annotations

from typing import Protocol

from discode.core.caa import Caa, Policy
from discode.core.name_checks import Found
from discode.ports.names import Names


class Site(Protocol):
    names: Names

    def add(self, host: str, *addresses: str) -> None:
        """DNS has these addresses for a host."""

    def forbid(self, host: str) -> None:
        """No CA may issue for the host."""

    def take(self, host: str) -> None:
        """The name does not exist."""

    def break_ca(self) -> None:
        """The CA does not answer any more."""


class NamesContract:
    def test_each_host_that_is_asked_for_is_told(self, site: Site) -> None:
        site.add("a.test", "192.0.2.1", "2001:db8::1")
        site.add("b.test", "192.0.2.2")
        site.take("gone.test")
        told = site.names.ask(["a.test", "gone.test", "b.test"], caa=False)
        assert set(told) == {"a.test", "gone.test", "b.test"}
        assert told["a.test"].found.addresses == ("192.0.2.1", "2001:db8::1")
        assert told["b.test"].found.addresses == ("192.0.2.2",)
        gone = told["gone.test"].found
        assert gone.missing == "name" and gone.addresses == () and not gone.reason
        assert site.names.ask([], caa=True) == {}

    def test_caa_records_are_told_where_they_are_asked_for(self, site: Site) -> None:
        site.add("a.test", "192.0.2.1")
        site.forbid("a.test")
        assert site.names.ask(["a.test"], caa=True)["a.test"].caa == Policy("a.test", (Caa(0, "issue", ";"),))
        unasked = site.names.ask(["a.test"], caa=False)["a.test"]
        assert unasked.caa == Policy() and unasked.found == Found(("192.0.2.1",))

    def test_the_machine_has_addresses_that_others_can_mean(self, site: Site) -> None:
        machine = site.names.machine()
        assert machine.is_known and "127.0.0.1" not in machine.addresses

    def test_a_ca_tells_its_names_until_it_is_away(self, site: Site) -> None:
        assert site.names.authority().method == "http-01"
        answered = site.names.ask_authority()
        assert answered.identifiers and not answered.reason
        site.break_ca()
        assert site.names.ask_authority().reason and site.names.authority().name
