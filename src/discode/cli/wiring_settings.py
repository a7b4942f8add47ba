"""A change of this machine's settings: checked before anything is written, then brought to the proxy that runs. Knows
the adapters, like `wiring`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

from ..core.errors import DiscodeError, UsageError
from ..core.host_settings import EAB_KEY, SETTINGS, contradiction, half_binding, half_provider, only_for_an_edge

if TYPE_CHECKING:
    from ..adapters.hostconfig import HostConfig
    from .wiring_host import Host

SECRETS = [name for name, row in SETTINGS.items() if row.is_secret]
PAIRS = ({"acme_eab_kid", EAB_KEY}, {"dns_provider", "dns_credentials"})  # one without the other is of no use

TAKEN_UP = "The proxy uses it from now on. Each certificate is served until there is another one."
NOT_RUNNING = "The proxy is not running; it goes by it when it starts."
OLD_EDGE = (
    "The proxy that runs does not go by it: it is of an earlier version, or has options of its own. To replace a "
    "container: discode proxy update. For an edge on this machine: discode proxy stop, then: discode proxy start."
)
UNTRUSTED = "No browser trusts certificates of Let's Encrypt's staging."


def settings(host: Host) -> HostSettings:
    return HostSettings(host)


class HostSettings:
    def __init__(self, host: Host):
        self._host = host

    def values(self) -> dict[str, tuple[Any, bool]]:
        """Each setting's value, and whether it is another than the default. Of a secret only that."""
        from ..adapters.hostconfig import HostConfig

        now, defaults = asdict(self._host.config), asdict(HostConfig())
        found = {name: (value, value != defaults[name]) for name, value in now.items()}
        secrets = {name: (None, bool(self._secret(name))) for name in SECRETS}
        return {name: {**found, **secrets}[name] for name in SETTINGS}

    def change(self, given: Mapping[str, Any], *, skip_checks: bool) -> list[str]:
        """None: the default. The answer says, in sentences, from when it counts.

        Raises UsageError for what does not go together, and what the proxy's own part refuses; then nothing has
        changed.
        """
        from ..adapters.hostconfig import HostConfig

        before, defaults = self._host.config, asdict(HostConfig())
        given = dict(given)
        for pair in PAIRS:
            if any(name in pair and value is None for name, value in given.items()):
                given |= dict.fromkeys(pair - {name for name, value in given.items() if value})
        fields = {name: defaults[name] if value is None else value for name, value in given.items() if name in defaults}
        wanted = replace(before, **fields)
        secrets = {name: value or "" for name, value in given.items() if name in SECRETS}
        self._check(before, wanted, secrets)
        if not skip_checks and any(name.startswith("acme_") for name in given):
            self._look(wanted, secrets)
        old = {name: self._secret(name) for name in secrets}
        self._keep(wanted, secrets, [name for name, value in given.items() if value is None and name in defaults])
        try:
            words = self._bring({*secrets, *(name for name in fields if _differ(before, wanted, name))})
            return words + (self._try_dns() if not skip_checks and any(map(is_for_dns, given)) else [])
        except DiscodeError:
            self._keep(before, old)
            self._host.keeper().bring_files()
            raise

    def _check(self, before: HostConfig, wanted: HostConfig, secrets: Mapping[str, str]) -> None:
        changed = {name for name in asdict(wanted) if _differ(before, wanted, name)}
        if (fixed := [name for name in changed if SETTINGS[name].is_fixed]) and self._host.has_apps():
            raise UsageError(
                f"{fixed[0]} cannot be changed while apps are installed: they go by it. Nothing was changed.",
                "Uninstall them first, or use another DISCODE_HOME.",
                key="other-proxy",
            )
        values = {**asdict(wanted), **{name: secrets.get(name, self._secret(name)) for name in SECRETS}}
        if (wrong := contradiction(values)) is not None:
            name, what, expected = wrong
            raise UsageError(f"{name} {what}. Nothing was changed.", f"Give {expected}.", key="invalid-setting")
        if lacking := half_binding(values):
            raise UsageError(
                f"An external account binding has an id and a key, and {lacking} is not set. Nothing was changed.",
                f"Give both: discode proxy config set acme_eab_kid=ID {EAB_KEY}",
                key="invalid-setting",
            )
        if lacking := half_provider(values):
            raise UsageError(
                f"A DNS provider asks for credentials, and {lacking} is not set. Nothing was changed.",
                "Give both: discode proxy config set dns_provider=NAME dns_credentials=FILE",
                key="invalid-setting",
            )
        if "dns_credentials" in changed:
            from ..adapters.dns_settings import credentials

            credentials(wanted)
        if "acme_ca_bundle" in changed:
            from ..adapters.acme_settings import ca_bundle

            ca_bundle(wanted)
        for_an_edge = set(only_for_an_edge(values))
        self._check_proxy(wanted, for_an_edge if "proxy_image" in changed else for_an_edge & {*changed, *secrets})

    def _check_proxy(self, wanted: HostConfig, asked: set[str]) -> None:
        """Before the first install, which chooses the proxy, everything goes."""
        if wanted.proxy == "docker":
            self._host.check_image(wanted, sorted(asked))

    def _look(self, wanted: HostConfig, secrets: Mapping[str, str]) -> None:
        """At the CA, as far as this machine can see it. Raises Refused."""
        from ..adapters.acme_directory import look

        if wanted.acme_directory:
            key = secrets.get(EAB_KEY, self._secret(EAB_KEY))
            look(wanted.acme_directory, wanted.acme_ca_bundle, has_binding=bool(wanted.acme_eab_kid and key))

    def _bring(self, changed: set[str]) -> list[str]:
        """To the proxy that runs."""
        counts = {SETTINGS[name].counts for name in changed}
        words = []
        if self._host.config.proxy == "docker":
            differs = self._host.container().state()["differs"] if counts & {"proxy", "container"} else ""
            words += [f"The container has others ({differs}). To apply yours: discode proxy update"] if differs else []
        elif "proxy" in counts and (edge := self._host.edge()).running() is not None:
            edge.reopen()
            words.append("The proxy uses them now; no request was lost.")
        words += self._bring_trusted() if "requests" in counts else []
        return words + (self._bring_certificates(changed) if "certificates" in counts else [])

    def _bring_trusted(self) -> list[str]:
        """The proxies in front that are trusted."""
        from ..adapters.kamal_proxy.trusted import until_taken_up

        self._host.keeper().bring_files()
        if not self._host.config.proxy:
            return []
        if (carrier := self._host.carrier()) is None:
            return [NOT_RUNNING]
        if not carrier.is_edge:  # kamal-proxy believes nobody, whatever is set
            return [OLD_EDGE] if self._host.config.trusted_proxies else []
        is_taken_up = until_taken_up(carrier, self._host.config.trusted_proxies)
        return ["The proxy uses it from now on." if is_taken_up else OLD_EDGE]

    def _try_dns(self) -> list[str]:
        """Also with settings that are what they were: their file may have changed. Raises Refused."""
        from .wiring_dns import DnsTrial

        if not self._host.config.dns_provider:
            return []
        trial = DnsTrial(self._host)
        if not trial.can_be_asked():
            return ["It is tried when the proxy runs: discode proxy dns check example.com"]
        return [trial.check_one_of(_proved_hosts(self._host))]

    def _bring_certificates(self, changed: set[str]) -> list[str]:
        from ..adapters.kamal_proxy.authority import AUTHORITY, until_taken_up

        host = self._host
        host.keeper().bring_files()
        words = [UNTRUSTED] if "acme_staging" in changed and host.config.acme_staging else []
        if not host.config.proxy:
            return words
        if (carrier := host.carrier()) is None:
            return [*words, NOT_RUNNING]
        if not carrier.is_edge:
            return [*words, "Each app gets its certificates so from its next command on: discode restart APP"]
        wanted = host.edge_files().get(AUTHORITY, b"")
        return [*words, TAKEN_UP if until_taken_up(carrier, wanted) else OLD_EDGE]

    def _keep(self, config: HostConfig, secrets: Mapping[str, str], drop: list[str] = []) -> None:
        from ..adapters import hostconfig

        for name, value in secrets.items():
            hostconfig.keep_secret(self._host.home, name, value)
        self._host.save(config, drop)

    def _secret(self, name: str) -> str:
        from ..adapters import hostconfig

        return hostconfig.secret(self._host.home, name)


def is_for_dns(name: str) -> bool:
    return name.startswith("dns_")


def _proved_hosts(host: Host) -> Iterator[str]:
    """Those of the installed apps whose certificates come from a CA."""
    from ..adapters.files import FileStore

    store = FileStore(host.home, "discode")
    for app in store.apps():
        if (installation := store.installation(app)) is not None and installation.route.tls == "auto":
            yield from installation.route.hosts


def _differ(before: HostConfig, wanted: HostConfig, name: str) -> bool:
    return bool(getattr(before, name) != getattr(wanted, name))
