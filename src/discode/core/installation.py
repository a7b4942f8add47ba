"""An app on this host: what the customer wants, which release serves, and which it can go back to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from .fields import Slug
from .kept import Kept
from .login import split_login
from .manifest import Health
from .model import Model
from .names import InstanceName
from .public_names import Tls, covered, is_wildcard
from .release import Release
from .version import parse_version

# 2: its route has what an earlier Discode would drop with the next switch. 3: its app has another name at the vendor's,
# by which alone its releases are found.
SCHEMA = 3
KEPT = 2  # releases kept for a rollback, beside the one that serves
FIRST_PAUSE = 3600.0  # seconds until a release that failed is tried again by itself; four times as long each time
LONGEST_PAUSE = 7 * 86400.0


class Route(Model, frozen=True, kw_only=True):
    """The requests that belong to the app. No hosts means every host that no other app uses.

    `tls`: `auto` has the proxy get certificates from a CA, `own` gives it the customer's, `off` serves plain HTTP.
    `certificate`: which of them, a number that the store gives; 0 for none.
    `redirects`: hosts whose requests are sent on to another host of the route, one that serves.
    """

    hosts: tuple[str, ...] = ()
    path_prefix: str = "/"
    tls: Tls = "off"
    redirects: Mapping[str, str] = {}
    certificate: int = 0

    @property
    def is_secure(self) -> bool:
        """Whether its users come by HTTPS."""
        return self.tls != "off"

    @property
    def served(self) -> tuple[str, ...]:
        """Hosts at which the app itself answers."""
        return tuple(host for host in self.hosts if host not in self.redirects)

    @property
    def canonical(self) -> str:
        """The one host to which all others are sent; empty when some go elsewhere, or none does."""
        whole = set(self.redirects.values())
        return self.served[0] if self.redirects and len(self.served) == 1 and whole == {*self.served} else ""

    @property
    def some_host(self) -> str:
        """A host name at which it answers; empty without hosts, when it covers any."""
        first = self.served[0] if self.served else ""
        return covered(first)

    def asked_as(self, health: Health) -> str:
        """The name by which a health check asks for the app: that of its users. Many an app refuses any other."""
        return health.host or self.some_host or "localhost"

    @property
    def host(self) -> str:
        """The name that its users type: the first that is a whole one and serves. `*.example.com` alone stands for the
        domain, and no host for this machine."""
        whole = [host for host in self.served if not is_wildcard(host)]
        return next(iter([*whole, *self.served]), "localhost").removeprefix("*.")

    def as_routed(
        self, hosts: tuple[str, ...], path_prefix: str, redirects: Mapping[str, str] | None, *, is_secure: bool
    ) -> Route:
        """The route that a proxy tells of, with what it does not tell as it is here. No redirects known: None."""
        told = self.redirects if redirects is None else redirects
        kept = {source: to for source, to in told.items() if source in hosts and to in hosts}
        tls: Tls = "off" if not is_secure else "auto" if self.tls == "off" else self.tls
        own = self.certificate if tls == "own" else 0
        return Route(hosts=hosts, path_prefix=path_prefix, tls=tls, certificate=own, redirects=kept)

    def url(self, http_port: int, https_port: int) -> str:
        """The address as its users type it, with the proxy's port for it, unless that goes without saying."""
        scheme, port, usual = ("https", https_port, 443) if self.is_secure else ("http", http_port, 80)
        at = "" if port == usual else f":{port}"
        return f"{scheme}://{self.host}{at}{self.path_prefix.rstrip('/')}"


class BadRelease(Model, frozen=True, kw_only=True):
    """A release that did not make it here. `last` and `retry_at` are Unix time; None: not again by itself, for the
    customer went back from it."""

    version: str
    tries: int
    last: float
    reason: str
    retry_at: float | None

    @property
    def was_left(self) -> bool:
        return self.retry_at is None


class Installation(Model, frozen=True, kw_only=True):
    """States: `running` (its instance serves) or `stopped` (the proxy answers 503 for it, the instance is down).

    `installation_schema` is 1 where an earlier Discode can go on with it. One that knows no HTTPS would put the app
    back on plain HTTP, and refuses instead.
    """

    installation_schema: int = 1
    app: Slug
    source: str
    channel: str = "stable"
    route: Route = Route()
    release: Release
    number: int = 1  # of the instance, see InstanceName
    settings: int = 1  # the revision of the settings that the instance runs with
    state: Literal["running", "stopped"] = "running"
    previous: tuple[Release, ...] = ()  # newest first
    bad: Mapping[str, BadRelease] = {}  # by release key
    seed: str = ""  # random, private: its place in every rollout comes of it
    # Names that the install found from an earlier installation, and used again.
    reused_data: tuple[str, ...] = ()
    reused_settings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        # An earlier version kept the source's login in its address; see adapters/files/access.py.
        bare, login = split_login(self.source)
        if login is not None:
            msgspec.structs.force_setattr(self, "source", bare)
        if self.installation_schema <= SCHEMA:
            needed = 3 if self.release.product else 2 if self.route.is_secure or self.route.redirects else 1
            msgspec.structs.force_setattr(self, "installation_schema", needed)

    @property
    def version(self) -> str:
        return self.release.version

    @property
    def kind(self) -> Literal["archive", "image"]:
        return self.release.manifest.artifact.kind

    @property
    def health_host(self) -> str:
        """The name by which a health check asks for the app."""
        return self.route.asked_as(self.release.manifest.health)

    @property
    def instance(self) -> InstanceName:
        return InstanceName(self.app, self.release.key, self.number)

    def with_release(self, release: Release, settings: int) -> Installation:
        """The same installation on another release; the one that serves now becomes the first to go back to."""
        previous = [self.release, *(old for old in self.previous if old.key not in (release.key, self.release.key))]
        bad = {key: entry for key, entry in self.bad.items() if key != release.key}
        return self.changed(
            release=release, number=1, settings=settings, state="running", previous=tuple(previous[:KEPT]), bad=bad
        )

    def redeployed(self, settings: int) -> Installation:
        """The same release in a new instance, with a revision of its settings."""
        return self.changed(number=self.number + 1, settings=settings, state="running")

    def seeded(self, seed: str) -> Installation:
        return self.changed(seed=seed)

    def with_state(self, state: Literal["running", "stopped"]) -> Installation:
        return self.changed(state=state)

    def with_settings(self, settings: int) -> Installation:
        return self.changed(settings=settings)

    def remembering(self, release: Release, reason: str, now: float, *, again: bool = True) -> Installation:
        """The same installation, that knows of one more failure of `release`. Not `again`: the customer left it."""
        tries = self.bad[release.key].tries + 1 if release.key in self.bad else 1
        pause = min(FIRST_PAUSE * 4 ** (tries - 1), LONGEST_PAUSE)
        entry = BadRelease(
            version=release.version, tries=tries, last=now, reason=reason, retry_at=now + pause if again else None
        )
        return self.changed(bad={**self.bad, release.key: entry})

    def avoided(self, now: float) -> dict[str, BadRelease]:
        """Releases, by key, that are not to be tried by themselves now."""
        return {key: bad for key, bad in self.bad.items() if bad.retry_at is None or bad.retry_at > now}

    def left(self) -> Kept:
        """What there is to know of it when it is not installed any more."""
        return Kept(app=self.app, kind=self.kind, version=self.version, source=self.source)

    def kept_keys(self) -> frozenset[str]:
        """Keys of the releases whose image or archive stays on the machine."""
        return frozenset([self.release.key, *(release.key for release in self.previous)])

    def is_newer_than(self, release: Release) -> bool:
        return parse_version(self.version) > parse_version(release.version)
