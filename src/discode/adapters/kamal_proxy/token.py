"""How each proxy shows a token. The edge has one that it always answers to. kamal-proxy has none, but answers for a
service that is stopped with the service's message: such a service is there for as long as somebody asks.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress

from ...core.door_token import FOLDER, answer_to
from ...core.errors import DiscodeError, Failed, Refused
from ...core.installation import Route
from ...core.manifest import Health
from ...ports.proxy import Timing
from ...ports.runtime import Endpoint
from . import commands, listing
from .reach import Token

# No app can have such a name. One service cannot be for some hosts and for all others, too.
ALL_HOSTS, SOME_HOSTS = "discode_look", "discode_look_at"
NOWHERE = Endpoint("127.0.0.1", 9)  # a target that is never asked
# Where kamal-proxy itself answers a CA, it asks no service.
OWN_FOLDER = "/.well-known/discode/"


@contextmanager
def shown_token(run: Callable[..., str], *, is_edge: bool, hosts: Collection[str]) -> Iterator[Token | None]:
    """None: this proxy cannot show one. `run` carries a command to the proxy, and raises DiscodeError."""
    if is_edge:
        kept = listing.token(run(commands.LIST_JSON, has_output=True))
        yield Token(f"{FOLDER}{kept}", answer_to(kept)) if kept else None
        return
    made = secrets.token_hex(16)
    token = Token(f"{OWN_FOLDER}{made}", answer_to(made))
    # A host that has a service of its own gets nothing of what is for all hosts; one that has none must not get one
    # here, or whoever serves it by a wildcard or for all hosts would lose it for a moment.
    known = sorted(set(hosts) & listing.hosts(run(commands.LIST_TABLE, has_output=True)))
    services: dict[str, list[str]] = {ALL_HOSTS: [], **({SOME_HOSTS: known} if known else {})}
    try:
        yield token if _show(run, token, services) else None
    finally:
        for service in services:
            with suppress(DiscodeError):
                run(commands.remove(service))


def _show(run: Callable[..., str], token: Token, services: Mapping[str, list[str]]) -> bool:
    try:
        for service, names in services.items():
            route = Route(hosts=tuple(names), path_prefix=token.path)
            run([*commands.deploy(service, NOWHERE, route, Health(), Timing(deploy=1.0, drain=0.0)), "--force"])
            run(commands.stop(service, token.sign, 0.0))
    except (Refused, Failed):
        return False
    return True
