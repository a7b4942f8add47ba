"""A look at the names of a route, before anything is touched: does DNS lead here, may the CA issue, is it there.

First what can be asked without the proxy; then, when the proxy runs, whether its token comes back. What will keep a
certificate from being had is refused; what may do so is told.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from ..core.authority import OWN, Answered, Authority, judge_answer, judge_number, must_be_certifiable
from ..core.caa import judge_caa
from ..core.errors import DiscodeError, PreflightError
from ..core.installation import Installation, Route
from ..core.name_checks import Look, Machine, Problem, Reach, judge, record
from ..core.public_names import is_public
from ..ports.names import Told
from ..ports.proxy import Proxy
from .world import Steps, World

ASKING = 5.0  # seconds for tokens to come back
_MANY = 5  # problems told in one sentence


@dataclass(frozen=True)
class Asked:
    """What is known of the names before the proxy is asked. `told` is empty when there was nothing to ask."""

    ca: Authority
    told: Mapping[str, Told]
    machine: Machine
    tls: str
    found: tuple[Problem, ...] = ()  # what no token will change


def ask_names(
    world: World, route: Route, steps: Steps, *, skip: bool = False, known: Collection[str] = (), own: str = OWN
) -> Asked:
    """Asks nothing for names of private use or `known` ones, for a route without HTTPS, or with `skip`. `own`: what to
    type for a certificate of one's own. Raises
    UsageError for a host that no certificate can be had for, PreflightError when a name will not get one as it is."""
    ca = world.names.authority()
    if route.tls == "auto":
        for sentence in must_be_certifiable(route.hosts, ca, own):
            world.report.note(sentence)
    hosts = [host for host in route.hosts if is_public(host) and host not in known]
    if not hosts or not route.is_secure or skip:
        _hint(world, hosts, route)
        return Asked(ca, {}, Machine(), route.tls)
    with steps("names", "Looking the names up in DNS"):
        is_auto = route.tls == "auto"
        told = world.names.ask(hosts, caa=is_auto)
        found = _of_ca(told, ca, world.names.ask_authority()) if is_auto else []
        asked = Asked(ca, told, world.names.machine(), route.tls, tuple(found))
        problems = found + [one for one in _judged(asked, {}) if not _may_change(one)]
        refuse([one for one in problems if one.is_sure])
    return asked


def _hint(world: World, hosts: list[str], route: Route) -> None:
    """For a name that nothing was asked about: how it gets here, without a look at whether it does."""
    if hosts and route.tls == "off":
        records = "; ".join(record(host, world.names.machine()) for host in hosts[:_MANY])
        world.report.note(f"Without HTTPS, nothing was asked about names. What leads here in DNS: {records}")


def ask_doors(world: World, proxy: Proxy, asked: Asked, steps: Steps) -> None:
    """When the proxy runs. Raises PreflightError as `ask_names`; notes what is not sure."""
    if not asked.told:
        return
    with steps("names", "Asking for this machine by its names"):
        problems = [*asked.found, *_judged(asked, reaches(proxy, asked.told))]
        refuse([one for one in problems if one.is_sure])
    for problem in problems:
        world.report.note(f"{problem.sentence} {problem.step.rstrip('.')}.")


def reaches(proxy: Proxy, told: Mapping[str, Told]) -> Mapping[str, Mapping[str, Reach]]:
    addresses = {host: one.found.addresses for host, one in told.items() if one.found.addresses}
    return proxy.reach(addresses, ASKING) if addresses else {}


def look_at_names(
    world: World, apps: Sequence[Installation], proved: Collection[str]
) -> dict[str, tuple[Problem, ...]]:
    """For apps that are installed: all that is wrong with their names now, by app, and nothing refused. An app without
    HTTPS, or without a name that the world may know, is left out. Everything is asked for once, for all of them.
    `proved`: hosts whose certificate was seen and is trusted."""
    routes = {app.app: app.route for app in apps if app.route.is_secure and any(map(is_public, app.route.hosts))}
    hosts = sorted({host for route in routes.values() for host in route.hosts if is_public(host)})
    if not hosts:
        return {}
    ca, told, machine = world.names.authority(), world.names.ask(hosts, caa=True), world.names.machine()
    is_auto = any(route.tls == "auto" for route in routes.values())
    answered = world.names.ask_authority() if is_auto else Answered()
    seen = _seen_by_proxy(world, apps[0], told)
    return {
        app: _unproved(_all_of(_part(Asked(ca, told, machine, route.tls), route), answered, seen), proved)
        for app, route in routes.items()
    }


def _all_of(asked: Asked, answered: Answered, seen: Mapping[str, Mapping[str, Reach]]) -> list[Problem]:
    found = _of_ca(asked.told, asked.ca, answered) if asked.tls == "auto" else []
    return [*found, *_judged(asked, seen)]


def _part(asked: Asked, route: Route) -> Asked:
    return replace(asked, told={host: asked.told[host] for host in route.hosts if host in asked.told})


def _seen_by_proxy(world: World, some: Installation, told: Mapping[str, Told]) -> Mapping[str, Mapping[str, Reach]]:
    """What comes back for tokens. A host has one proxy for all apps; where it does not answer, that is told of
    elsewhere."""
    try:
        return reaches(world.site(some.kind, world.steps()).proxy, told)
    except DiscodeError:
        return {}


def _unproved(problems: Iterable[Problem], proved: Collection[str]) -> tuple[Problem, ...]:
    """Without what may keep a certificate from being had where one is there: a router that sends nobody from inside to
    its own address is no news then."""
    may_be_well = ("name-elsewhere", "name-private")
    return tuple(one for one in problems if one.is_sure or one.host not in proved or one.key not in may_be_well)


def _of_ca(told: Mapping[str, Told], ca: Authority, answered: Answered) -> list[Problem]:
    problems = judge_answer(ca, answered, next(iter(told))) + judge_number(told, ca)
    by_caa = (judge_caa(host, one.caa, answered.identifiers, ca.method) for host, one in told.items())
    return problems + [problem for problem in by_caa if problem is not None]


def _judged(asked: Asked, seen: Mapping[str, Mapping[str, Reach]]) -> list[Problem]:
    needs_port_80 = asked.tls == "auto" and not asked.ca.by_dns
    return [
        problem
        for host, told in asked.told.items()
        for problem in judge(
            Look(host, told.found, asked.machine, seen.get(host, {}), needs_port_80, by_world=not asked.ca.is_own)
        )
    ]


def _may_change(problem: Problem) -> bool:
    """Whether a token that comes back can make it none."""
    return problem.key in ("name-elsewhere", "name-ipv6-elsewhere", "name-behind-proxy")


def refuse(problems: Iterable[Problem]) -> None:
    """Raises PreflightError for those that there are, with the key of the first."""
    problems = list(problems)
    if not problems:
        return
    told, more = problems[:_MANY], len(problems) - _MANY
    also = f" The same goes for {more} more." if more > 0 else ""
    steps = list(dict.fromkeys(problem.step.rstrip(".") for problem in told))
    raise PreflightError(
        f"{' '.join(problem.sentence for problem in told)}{also} Nothing was changed.",
        f"{'. '.join(steps)}. Then run the command again; to go on without waiting for that: --skip-checks",
        key=problems[0].key,
    )
