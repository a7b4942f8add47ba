"""Another route for the same instance: one switch of the proxy, and the end of a flow that was interrupted at it.

A route that was asked for is brought in forward. kamal-proxy goes on with a deploy whose caller has died, and its list
does not tell all of a route; an end that went back could be overtaken by it. Only where the proxy refuses the new route
the old one stays.
"""

from __future__ import annotations

from ..core.errors import DiscodeError, Failed, Refused
from ..core.installation import Installation
from ..core.journal import Journal, Side
from .doors import probe_itself, where_they_lead
from .instance import runs, switch
from .record import finish, write_if_possible
from .world import Site


def put(site: Site, installation: Installation) -> bool:
    """Its route, for whoever has its requests now: no instance is started. An app that is stopped or ill can have other
    addresses as well. False when the proxy does not know the app: it gets its route with its requests.

    Raises Refused or Failed when the proxy does not take the route.
    """
    serving = site.proxy.serving(installation.app)
    if serving is not None:
        # After a switch that is forced, kamal-proxy answers 503 until its first check of the target.
        doors, force = where_they_lead(serving, installation), not _answers(site, installation)
        switch(site, installation, serving.endpoint, doors=doors, force=force)
    return serving is not None


def lead_to_https(site: Site, installation: Installation) -> None:
    """Now that its hosts have certificates. The edge leads users there by itself, host by host; kamal-proxy those of
    all hosts or of none, and as it is told with the route. Another command that is at work on the app tells it, too."""
    try:
        with site.store.lock(installation.app):
            if site.store.journal(installation.app) is None and _is_there(site, installation):
                put_if_wanted(site, installation)
    except DiscodeError as error:
        site.report.note(f"HTTP may not lead to HTTPS before the next change of {installation.app}: {error.sentence}")


def _is_there(site: Site, installation: Installation) -> bool:
    there = site.store.installation(installation.app)
    return there is not None and (there.instance, there.route) == (installation.instance, installation.route)


def put_if_wanted(site: Site, installation: Installation) -> None:
    """Once there are certificates, kamal-proxy is told to send plain HTTP to HTTPS. Another proxy does so by itself."""
    if installation.route.tls == "auto" and site.proxy.wants_route_again(installation.route):
        put(site, installation)


def _answers(site: Site, installation: Installation) -> bool:
    """Whether the instance itself does; through the proxy it may not be reached yet, or not any more."""
    return runs(site, installation) and probe_itself(site, installation).ok


def conclude_route(site: Site, journal: Journal, cause: BaseException | None) -> Side:
    """The side that stays."""
    before, after = journal.before, journal.after
    assert before is not None and after is not None
    refusal = None if journal.verdict == "back" else _refusal(site, after)
    if journal.verdict != "back" and refusal is None:
        finish(site, journal, "after", "settled-forward", cause)
        return "after"
    journal = journal.going_back()
    write_if_possible(site, journal)
    put(site, before)
    finish(site, journal, "before", "failed" if refusal else "settled-back", refusal or cause)
    return "before"


def _refusal(site: Site, after: Installation) -> DiscodeError | None:
    try:
        put(site, after)
    except (Refused, Failed) as error:
        return error
    return None
