"""An app's addresses change: each function takes its route and answers the one that is asked for. Pure.

    names      ->  added, removed
    redirects  ->  redirected (a name is sent on to another one of the app), answering (it is not any more)
    path       ->  below
    HTTPS      ->  secured

Names that are sent on are among the hosts: they are asked for like the others, and have certificates like them. A
redirect leads to a name that serves, so there are no chains and no circles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from .errors import Refused, UsageError
from .installation import Route
from .public_names import Tls, default_tls, is_wildcard


def added(route: Route, hosts: Iterable[str], *, wildcards: bool = False) -> Route:
    """Names that it has already are left as they are. `wildcards`: whether this machine gets certificates for such."""
    new = [host for host in dict.fromkeys(hosts) if host not in route.hosts]
    return _with_names(route, (*route.hosts, *new), route.redirects, wildcards)


def removed(app: str, route: Route, hosts: Iterable[str], *, wildcards: bool = False) -> Route:
    """As `added`. Raises UsageError for a name that it does not have, Refused for one that others lead to."""
    gone = frozenset(hosts)
    for host in sorted(gone):
        _must_have(app, route, host)
    redirects = {source: to for source, to in route.redirects.items() if source not in gone}
    if left := [source for source, to in redirects.items() if to in gone]:
        to, names = redirects[left[0]], " ".join([*sorted(gone), *left])
        verb = "leads" if len(left) == 1 else "lead"
        raise Refused(
            f"{', '.join(left)} {verb} to {to}, which would be nobody's. Nothing was changed.",
            f"Let it lead elsewhere: discode domain redirect {app} {left[0]} --to HOST. "
            f"Or remove all: discode domain remove {app} {names}",
            key="redirect-target",
        )
    return _with_names(route, tuple(host for host in route.hosts if host not in gone), redirects, wildcards)


def redirected(app: str, route: Route, source: str, to: str, *, wildcards: bool = False) -> Route:
    """`source` need not be a name of the app yet. What has led to it leads to `to` as well; where `to` has led to it,
    the two change places. Raises UsageError, Refused."""
    _must_be_possible(app, route, source, to)
    turned = {one: target for one, target in route.redirects.items() if one != to}
    redirects = {one: to if target == source else target for one, target in turned.items()} | {source: to}
    return _with_names(route, tuple(dict.fromkeys([*route.hosts, source])), redirects, wildcards)


def answering(app: str, route: Route, source: str) -> Route:
    """`source` is answered by the app again. Raises UsageError when it is no name of it."""
    _must_have(app, route, source)
    return route.changed(redirects={one: to for one, to in route.redirects.items() if one != source})


def below(route: Route, path_prefix: str) -> Route:
    return route.changed(path_prefix=path_prefix)


def secured(route: Route, tls: Tls) -> Route:
    return route.changed(tls=tls, certificate=route.certificate if tls == "own" else 0)


def leaned_on(before: Route, after: Route) -> tuple[str, ...]:
    """Hosts that users are led to, by a redirect or for want of another one, when names do not answer any more."""
    gone = [host for host in before.served if host not in after.served]
    targets = [after.redirects[host] for host in gone if host in after.redirects]
    left = [after.host] if after.served and len(targets) < len(gone) else []
    return tuple(dict.fromkeys([*targets, *left]))


def told(before: Route, after: Route) -> str:
    """What has changed, for people and the history: `+new.example.com, -old.example.com`. Empty when nothing has."""
    words = [f"+{host}" for host in after.hosts if host not in before.hosts]
    words += [f"-{host}" for host in before.hosts if host not in after.hosts]
    words += [f"{one} → {to}" for one, to in after.redirects.items() if before.redirects.get(one) != to]
    words += [f"{one} answers" for one in before.redirects if one in after.hosts and one not in after.redirects]
    words += [f"below {after.path_prefix}"] if before.path_prefix != after.path_prefix else []
    words += [f"HTTPS {after.tls}"] if before.tls != after.tls else []
    is_other = before.tls == after.tls and before.certificate != after.certificate
    words += ["another certificate"] if is_other else []
    return ", ".join(words)


def tls_for(route: Route, hosts: Sequence[str], *, wildcards: bool = False) -> Tls:
    """HTTPS with other names. It follows them as long as it is what an install would choose for those that there are;
    what somebody has chosen otherwise stays. No name is to lose it because another one comes."""
    if not hosts:
        return "off"
    then = default_tls(hosts, wildcards=wildcards)
    is_usual = route.tls == default_tls(route.hosts, wildcards=wildcards)
    has_lost_all = not set(route.hosts) <= set(hosts)
    return then if is_usual and (then != "off" or has_lost_all) else route.tls


def _with_names(route: Route, hosts: tuple[str, ...], redirects: Mapping[str, str], wildcards: bool) -> Route:
    return secured(route.changed(hosts=hosts, redirects=redirects), tls_for(route, hosts, wildcards=wildcards))


def _must_have(app: str, route: Route, host: str) -> None:
    if host not in route.hosts:
        names = ", ".join(route.hosts) or "every host that no other app uses"
        raise UsageError(
            f"{host} is no name of {app}. Nothing was changed.", f"Its names are: {names}", key="unknown-host"
        )


def _must_be_possible(app: str, route: Route, source: str, to: str) -> None:
    if source == to:
        raise UsageError(
            f"{source} cannot lead to itself. Nothing was changed.",
            f"Name another host: discode domain redirect {app} {source} --to HOST",
            key="invalid-redirect",
        )
    if is_wildcard(to):
        raise UsageError(
            f"{to} is no address that a browser could go to. Nothing was changed.",
            f"Name one host: discode domain redirect {app} {source} --to {to.removeprefix('*.')}",
            key="invalid-redirect",
        )
    if to not in route.hosts:
        raise Refused(
            f"{to} is no name of {app}, so nothing can be sent there. Nothing was changed.",
            f"Add it first: discode domain add {app} {to}",
            key="redirect-target",
        )
    if (further := route.redirects.get(to, source)) != source:
        raise Refused(
            f"{to} itself leads to {further}. Nothing was changed.",
            f"Go there at once: discode domain redirect {app} {source} --to {further}",
            key="redirect-target",
        )
