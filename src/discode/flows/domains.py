"""Change an app's addresses while it serves: its names, redirects, path and HTTPS.

1. what must have its certificate before others are sent to it: wait for that. Nobody holds the app's lock meanwhile
2. settle whatever an earlier run left; the route that is asked for; nothing to do, or a refusal with its reason
3. journal; the proxy changes the route in one step, for the instance that serves; save
   or, where the app has been told its own address: `replace`, with a new instance that comes with the new route
4. what got a name that had none: wait for its certificate, again without the lock

A stopped app stays stopped: the proxy goes on answering 503 for it, at its new addresses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ..core import domains
from ..core.errors import DiscodeError, Failed, Refused, UsageError
from ..core.installation import Installation, Route
from ..core.journal import Journal
from ..core.public_names import Tls
from .address import with_route
from .bring import Missing, lacks, with_bytes
from .certificate import Read, certified, must_cover
from .clash import must_be_free, tell_what_is_taken_over
from .conclude import carry_out
from .domain_https import awaited, certificates_first, fresh, no_https, proved_then
from .doors import check_proxy
from .name_look import ask_doors, ask_names
from .record import finish
from .replace import preflight, replace
from .rerouting import lead_to_https, put
from .world import Result, Site, Steps, World

Change = Callable[[Route], Route]


class NeedsConsent(Refused):
    """The app is reached at fewer or at more addresses than the command names. A terminal can ask the `question`."""

    key = "needs-consent"

    def __init__(self, sentence: str, command: str):
        self.question = f"{sentence} Go on?"
        super().__init__(f"{sentence} Nothing was changed.", f"If that is what you want: {command} --yes")


def add(
    world: World,
    app: str,
    hosts: Iterable[str],
    *,
    tls: Tls | None = None,
    sure: bool = False,
    require_https: bool = False,
    skip_checks: bool = False,
) -> Result:
    """Names that the app has already are no error. Raises NeedsConsent, Refused, NoHttps."""
    names = tuple(hosts)

    def change(route: Route) -> Route:
        if not route.hosts and not sure:
            raise NeedsConsent(
                f"{app} answers at every name that no other app has, and at this machine's address. "
                f"Afterwards it answers at {', '.join(names)} alone.",
                f"discode domain add {app} {' '.join(names)}",
            )
        after = _secured(domains.added(route, names, wildcards=world.names.authority().by_dns), tls)
        if require_https and not after.is_secure:
            raise UsageError(
                f"HTTPS is required, but {app} would have none with these names. Nothing was changed.",
                f"With automatic certificates: discode domain add {app} {' '.join(names)} --tls auto --require-https",
                key="https-options",
            )
        return after

    done = f"{app} answers at {_listed(names)} now."
    return _changed(world, _Wanted(app, "added", done, change, require_https, skip_checks))


def remove(world: World, app: str, hosts: Iterable[str], *, sure: bool = False, skip_checks: bool = False) -> Result:
    """Raises UsageError for a name that the app does not have; NeedsConsent for the last one; Refused, also for one
    with a certificate where those that are left have none, unless checks are skipped."""
    names = tuple(hosts)

    def change(route: Route) -> Route:
        after = domains.removed(app, route, names, wildcards=world.names.authority().by_dns)
        if not after.hosts and not sure:
            raise NeedsConsent(
                f"No name would be left. {app} would answer at every name that no other app has, and at this "
                "machine's address, without HTTPS.",
                f"discode domain remove {app} {' '.join(names)}",
            )
        return after

    done = f"{app} has given up {_listed(names)}."
    return _changed(world, _Wanted(app, "removed", done, change, skip_checks=skip_checks))


def redirect(world: World, app: str, source: str, to: str, *, skip_checks: bool = False) -> Result:
    """Who comes to `source` is sent to the same path at `to`. Raises UsageError; Refused as `remove`."""
    done = f"{source} leads to {to} now."

    def change(route: Route) -> Route:
        return domains.redirected(app, route, source, to, wildcards=world.names.authority().by_dns)

    return _changed(world, _Wanted(app, "redirected", done, change, skip_checks=skip_checks))


def answer(world: World, app: str, source: str) -> Result:
    """The app answers at `source` again, which was sent to another name."""
    done = f"{app} answers at {source} again."
    return _changed(world, _Wanted(app, "answering", done, lambda route: domains.answering(app, route, source)))


def move(world: World, app: str, path_prefix: str) -> Result:
    """Below another path."""
    done = f"{app} answers below {path_prefix} now." if path_prefix != "/" else f"{app} answers at all paths now."
    return _changed(world, _Wanted(app, "moved", done, lambda route: domains.below(route, path_prefix)))


def secure(world: World, app: str, tls: Tls) -> Result:
    """Raises UsageError without a host, for which a certificate could be."""
    done = f"{app} gets its certificates by itself now." if tls == "auto" else f"{app} is served by plain HTTP now."

    def change(route: Route) -> Route:
        if tls != "off" and not route.hosts:
            raise UsageError(
                f"Certificates are for host names, and {app} has none. Nothing was changed.",
                f"Give it one: discode domain add {app} app.example.com",
                key="https-options",
            )
        return _secured(route, tls)

    return _changed(world, _Wanted(app, "secured", done, change))


def certify(world: World, app: str, read: Read) -> Result:
    """With a certificate of the customer's own, in place of whatever it has. `read` gives it for the hosts that the app
    has then, and raises what is wrong with it."""
    done = f"{app} has this certificate now."
    wanted = _Wanted(app, "secured", done, lambda route: certified(world, app, route, read))
    return _made(world, wanted, world.steps())


def _secured(route: Route, tls: Tls | None) -> Route:
    return route if tls is None else domains.secured(route, tls)


def _listed(names: tuple[str, ...]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))


@dataclass(frozen=True)
class _Wanted:
    """`done`: what it comes to, in a sentence. `requires_https`: it is taken back when there is no certificate."""

    app: str
    outcome: str
    done: str
    change: Change
    requires_https: bool = False
    skip_checks: bool = False


def _changed(world: World, wanted: _Wanted) -> Result:
    """With a look at the names first. Nobody holds the app's lock while DNS or a CA is asked."""
    steps, before = world.steps(), world.installed(wanted.app)
    _look(world, wanted, before, wanted.change(before.route), steps)
    return _made(world, wanted, steps)


def _look(world: World, wanted: _Wanted, before: Installation, route: Route, steps: Steps) -> None:
    """Raises Refused where names that are new to HTTPS, or users of those that go, would not get it."""
    site = world.site(before.kind, steps)
    _must_be_possible(world, site, before.changed(route=route))
    site.proxy.prepare(https=route.is_secure)
    if new := fresh(before.route, route):
        known = [host for host in route.hosts if host not in new]
        own = f"discode certificate set {wanted.app} --certificate FILE --private-key FILE"
        asked = ask_names(world, route, steps, skip=wanted.skip_checks, known=known, own=own)
        ask_doors(world, site.proxy, asked, steps)
    if not wanted.skip_checks:
        certificates_first(site, wanted.app, before.route, route)


def _made(world: World, wanted: _Wanted, steps: Steps) -> Result:
    app = wanted.app
    journals: list[Journal] = []
    result = with_bytes(world, app, steps, lambda: _under_the_lock(world, wanted, steps, journals))
    return _proved(world, wanted, steps, result, journals[-1]) if journals else result


def _proved(world: World, wanted: _Wanted, steps: Steps, result: Result, journal: Journal) -> Result:
    """The result, with how those stand that are new to HTTPS. Raises NoHttps when that was required."""
    before, after = journal.before, journal.after
    assert before is not None and after is not None
    if not awaited(before.route, after.route):
        return result
    site = world.site(after.kind, steps)
    https, words = proved_then(site, before.route, after)
    if wanted.requires_https and not (https and https.is_proved):
        back = _Wanted(wanted.app, "", "", lambda route: before.route if route == after.route else route)
        with_bytes(world, wanted.app, steps, lambda: _under_the_lock(world, back, steps, []))
        raise no_https(https, wanted.app)
    if https and https.is_proved:
        lead_to_https(site, after)
    return dataclasses.replace(result, message=f"{result.message} {words}".strip(), https=https)


def _under_the_lock(world: World, wanted: _Wanted, steps: Steps, journals: list[Journal]) -> Result | Missing:
    """Appends the journal of what was changed."""
    app, before = wanted.app, world.installed(wanted.app)
    route = wanted.change(before.route)
    site = world.site(before.kind, steps)
    if route == before.route:
        return _result(site, before, before, "nothing-to-do", f"Nothing to do: {app} is set up that way already.")
    _must_be_possible(world, site, before.changed(route=route))
    tell_what_is_taken_over(world, app, route)
    after = with_route(site, before, route)
    if after.instance != before.instance and (missing := lacks(site, before, before.release)):
        return missing
    journal = Journal(flow="domain", started=world.clock.now(), before=before, after=after)
    message = _told_again(site, journal) if after.instance != before.instance else _rerouted(site, journal)
    journals.append(journal)
    return _result(site, before, after, wanted.outcome, f"{wanted.done} {message}".strip())


def _must_be_possible(world: World, site: Site, after: Installation) -> None:
    """Raises Refused for a route that the proxy cannot have with its doors, or that another app has, or for which no
    certificate is."""
    check_proxy(site, after)
    must_be_free(world, after.app, after.route, is_new=False)
    must_cover(world, after.app, after.route)


def _told_again(site: Site, journal: Journal) -> str:
    """Of an app that knows its address: a new instance comes with the new route."""
    assert journal.after is not None
    with site.steps("preflight", "Checking disk and memory"):
        site.proxy.ensure()
        preflight(site, journal.after)
    replace(site, journal)
    return f"{journal.after.app} has been restarted, because it is told its own address."


def _rerouted(site: Site, journal: Journal) -> str:
    after, is_routed = journal.after, True
    assert after is not None

    def flow() -> None:
        nonlocal is_routed
        site.proxy.ensure()
        with site.steps("route", "Changing the route"):
            is_routed = put(site, after)
        with site.steps("save", "Saving"):
            finish(site, journal, "after", "done")

    kept, error = carry_out(site, journal, flow)
    if error is not None and (kept == "before" or not isinstance(error, DiscodeError)):
        raise _explained(error) from error
    return "" if is_routed else f"The proxy sends it no requests now; bring it back with: discode settle {after.app}"


def _explained(error: BaseException) -> BaseException:
    """It is settled by now: the addresses are those of before."""
    if not isinstance(error, DiscodeError):
        return error
    kind = type(error) if isinstance(error, Refused | Failed) else Failed
    return kind(f"{error.sentence} The addresses are as they were.", error.next_step, key=error.name)


def _result(site: Site, before: Installation, after: Installation, outcome: str, message: str) -> Result:
    """With where it is reached now."""
    stopped = f"It is stopped; start it with: discode start {after.app}" if after.state == "stopped" else ""
    where = f"Its address is {site.proxy.url(after.route)}."
    return Result(
        "domain", before.app, outcome, before.version, after.version, str(after.instance), site.steps.seconds,
        " ".join(filter(None, (message, where, stopped))),
    )  # fmt: skip
