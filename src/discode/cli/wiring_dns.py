"""The DNS provider, tried where the proxy is: by a record at a name of the user. Knows the adapters, like `wiring`."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from ..core.errors import Refused

if TYPE_CHECKING:
    from .wiring_host import Host

SETTINGS = ("dns_provider", "dns_credentials", "dns_names", "dns_wait", "dns_timeout", "dns_resolvers")
SLACK = 90.0  # seconds beyond those that the settings give to the provider and the zone's servers


class DnsTrial:
    def __init__(self, host: Host):
        self._host = host

    def can_be_asked(self) -> bool:
        """Whether the proxy is there that would prove names; before the first install it is not chosen yet."""
        if self._host.config.proxy == "docker":
            carrier = self._host.carrier()
            return carrier is not None and carrier.is_edge
        return self._host.config.proxy == "edge" or importlib.util.find_spec("lexicon") is not None

    def check(self, name: str) -> dict[str, Any]:
        """What became of a record at the name's challenge. Raises Refused with what the provider said."""
        self._host.tell(f"Adding a record for {name}, and waiting until all servers of its zone have it ...")
        return self._ask(["check", name])

    def check_file(self) -> None:
        """Only whether there is such a provider, with such options. Raises Refused."""
        self._ask(["check"])

    def check_one_of(self, names: Iterable[str]) -> str:
        """A sentence: which was tried. One whose zone is elsewhere says nothing of the provider. Raises Refused."""
        self.check_file()
        for name in names:
            try:
                return told_of(self.check(name))
            except Refused as error:
                if error.name != "dns-zone":
                    raise
        return "No record was tried yet. With a name of yours: discode proxy dns check example.com"

    def providers(self) -> dict[str, bool]:
        """Each, and whether it can be used without another Python package. Raises Refused."""
        found: dict[str, bool] = self._ask(["providers"])["providers"]
        return found

    def options(self, provider: str) -> list[str]:
        """What its file of credentials may hold. Raises Refused."""
        found: list[str] = self._ask(["providers", provider])["options"]
        return found

    def _ask(self, argv: Sequence[str]) -> dict[str, Any]:
        config = self._host.config
        keeper = self._host.keeper()
        keeper.bring_files()
        answer = keeper.ask_about_dns([*argv, "--json"], config.dns_wait + 3 * config.dns_timeout + SLACK)
        try:
            told: dict[str, Any] = json.loads(answer.stdout)
        except ValueError:
            raise self._failure("provider", answer.stderr.strip().removeprefix("Error: ")) from None
        if "failure" in told:
            raise self._failure(told["failure"], told["reason"])
        return told

    def _failure(self, kind: str, reason: str) -> Refused:
        return Refused(f"Names cannot be proved by DNS: {reason.rstrip('.')}.", self._next(kind), key=f"dns-{kind}")

    def _next(self, kind: str) -> str:
        config = self._host.config
        if not config.dns_provider and kind == "provider":
            return (
                "Set one: discode proxy config set dns_provider=NAME dns_credentials=FILE. "
                "Which there are: discode proxy dns providers"
            )
        if kind == "credentials":
            known = f"discode proxy dns providers {config.dns_provider}"
            return f"Correct {config.dns_credentials}; what may be in it: {known}"
        if kind == "zone":
            return "Try a name of a zone that is at your provider: discode proxy dns check example.com"
        if kind == "unreachable":
            return "Try again later: discode proxy dns check NAME"
        return "See which providers there are: discode proxy dns providers"


def told_of(told: dict[str, Any]) -> str:
    begin = f"{told['provider']} added a record at {told['name']} in the zone {told['zone']}"
    end = " ".join(f"{note}." for note in told["notes"]) or "It was removed again."
    return f"{begin}; all its servers had it after {told['seconds']:g} s. {end}"
