"""The end of a flow that brings a host by HTTPS: its certificate is served and trusted, or it is told why not.

The proxy asks the CA by itself, from the switch on and for as long as the app has the route. What is waited for here is
what a client on this machine sees.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..core.certificate import NameState
from ..core.errors import DiscodeError, Interrupted, NoHttps
from ..core.https import Https, expected
from ..core.installation import Installation, Route
from ..ports.proxy import Proxy
from .world import Site

PATIENCE = 90.0  # seconds: what an order may take, from its challenge to its certificate; records in DNS beside it
POLL = 0.2
QUIET = 3.0  # seconds in which it is no news that there is no certificate yet


def prove(site: Site, route: Route) -> Https:
    """Wait until every host of the route is proved, or as long as that may still come. Raises what the proxy raises."""
    part = expected(route)
    within = PATIENCE + (site.names.authority().wait if route.tls == "auto" else 0)
    begun, told = site.clock.monotonic(), ""
    with site.steps("https", _title(part)):
        while True:
            seen, waited = look_by_https(site, part), site.clock.monotonic() - begun
            if seen.is_proved or waited >= within or seen.is_over(seen.now + within - waited):
                return seen
            if (text := seen.in_brief) != told and (waited >= QUIET or seen.has_failures):
                site.report.waiting(told := text)
            site.clock.sleep(POLL)


def look_by_https(site: Site, route: Route) -> Https:
    """At the hosts of the route whose users come by HTTPS. Raises what the proxy raises."""
    names = site.proxy.https(expected(route)) if route.is_secure else ()
    return Https(names, site.clock.now(), is_renewed=route.tls == "auto")


def names_seen(proxy: Proxy, hosts: Iterable[str]) -> dict[str, NameState]:
    """By host, of any number of apps: one question. Raises what the proxy raises."""
    # The route of nobody: no proxy asks what else there is of it when it is looked at by TLS.
    route = Route(hosts=tuple(dict.fromkeys(hosts)), tls="own", certificate=1)
    return {one.host: one for one in proxy.https(route)}


def has_https(site: Site, installation: Installation) -> bool:
    return look_by_https(site, installation.route).is_proved


def must_be_proved(site: Site, installation: Installation) -> None:
    """Raises NoHttps, while nothing depends on the app yet."""
    seen = prove(site, installation.route)
    if not seen.is_proved:
        raise NoHttps(
            f"HTTPS was required, and there is none. {' '.join(seen.sentences())}",
            f"Put that right, then run the command again; without --require-https {installation.app} is served by HTTP "
            "until there is a certificate.",
        )


def proved_if_possible(site: Site, installation: Installation, *, waits: bool = True) -> Https | None:
    """For an app that serves already and stays, whatever comes: who cannot be asked is told of, and a signal ends the
    waiting alone. None: it has no HTTPS, or it could not be seen. Not `waits`: it has been waited for."""
    if not expected(installation.route).hosts:
        return None
    try:
        try:
            return (prove if waits else look_by_https)(site, installation.route)
        except Interrupted:
            return look_by_https(site, installation.route)
    except DiscodeError as error:
        site.report.note(f"Whether {installation.app} has HTTPS could not be seen: {error.sentence}")
        return None


def address(site: Site, route: Route, https: Https | None) -> str:
    """At which its users reach it now: by HTTP for as long as there is no certificate."""
    is_plain = https is not None and https.lacks(route.host)
    return _by_http(site, route) if is_plain else site.proxy.url(route)


def https_words(site: Site, installation: Installation, https: Https) -> str:
    """The last words of the flow, which have to be right: at which address it is, and what is missing."""
    app, route = installation.app, installation.route
    if https.is_proved:
        return f"It has HTTPS: {site.proxy.url(route)}"
    tried = " The proxy goes on trying by itself." if https.is_renewed else ""
    look = f"To see how it stands: discode status {app}"
    if any(https.state(one) == "none" for one in https.missing):
        served = _by_http(site, route)
        return f"It has no HTTPS yet and is served at {served}. {' '.join(https.sentences())}{tried} {look}"
    return f"Its HTTPS is not what it should be. {' '.join(https.sentences())} {look}"


def _by_http(site: Site, route: Route) -> str:
    return site.proxy.url(route.changed(tls="off", redirects={}))


def _title(route: Route) -> str:
    if len(route.hosts) == 1:
        return f"Waiting for the certificate of {route.hosts[0]}"
    return f"Waiting for the certificates of {', '.join(route.hosts[:3])}{' …' if len(route.hosts) > 3 else ''}"
