"""Names change, and nobody who comes by HTTPS is led to a name without a certificate.

before the change   a name with a certificate is neither given up nor sent on, for one that has none yet
after the change    what got a name or HTTPS is looked at until it has its certificate, or says why not
"""

from __future__ import annotations

from ..core.authority import never_certified
from ..core.domains import leaned_on
from ..core.errors import NoHttps, Refused
from ..core.https import Https, expected
from ..core.installation import Installation, Route
from .prove import https_words, look_by_https, prove, proved_if_possible
from .world import Site


def certificates_first(site: Site, app: str, before: Route, after: Route) -> None:
    """Waits for what users will be led to, where they had HTTPS. Raises Refused when it does not come."""
    gone = tuple(host for host in before.served if host not in after.served)
    names = leaned_on(before, after)
    if not (names and before.is_secure and after.is_secure and _any_proved(site, before, gone)):
        return
    never = never_certified(after, names, site.names.authority())
    seen = (look_by_https if never else prove)(site, _of(after, names))
    if not seen.is_proved:
        why = f"{'. '.join(never)}." if never else " ".join(seen.sentences())
        first = "Choose a public name" if never else f"Wait until it has one, see: discode domain list {app}"
        raise Refused(
            f"{', '.join(gone)} has a certificate, and what would be left has none: {why} Nothing was changed.",
            f"{first}. To go on without: --skip-checks",
            key="no-certificate",
        )


def fresh(before: Route, after: Route) -> tuple[str, ...]:
    """Hosts that are new, and where the app gets HTTPS the others, too."""
    known = before.hosts if before.is_secure or not after.is_secure else ()
    return tuple(host for host in after.hosts if host not in known)


def awaited(before: Route, after: Route) -> tuple[str, ...]:
    """Those of the fresh hosts that are to get HTTPS. What is expected of a host depends on those beside it, so the
    whole route says it: a private name by itself would be waited for."""
    new = fresh(before, after)
    return tuple(host for host in expected(after).hosts if host in new)


def proved_then(site: Site, before: Route, after: Installation) -> tuple[Https | None, str]:
    """How the hosts stand that are new to HTTPS, and that in words; none are, or it cannot be seen: None."""
    new = after.changed(route=_of(after.route, awaited(before, after.route)))
    https = proved_if_possible(site, new)
    return https, https_words(site, new, https) if https else ""


def no_https(https: Https | None, app: str) -> NoHttps:
    """Of a change that was taken back."""
    why = " ".join(https.sentences()) if https else "It could not be seen whether there is one."
    return NoHttps(
        f"HTTPS was required, and there is none. {why} {app} has its earlier addresses again.",
        "Put that right, then run the command again; without --require-https the name is served by HTTP until there is "
        "a certificate.",
    )


def _any_proved(site: Site, route: Route, hosts: tuple[str, ...]) -> bool:
    return bool(hosts) and any(one.is_proved for one in look_by_https(site, _of(route, hosts)).names)


def _of(route: Route, hosts: tuple[str, ...]) -> Route:
    return route.changed(hosts=hosts, redirects={})
