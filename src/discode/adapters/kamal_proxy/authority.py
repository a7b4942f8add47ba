"""What an edge knows of its CA: a file in its state folder, which it looks at each second."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from ...core.errors import Refused
from . import listing
from .asking import until_it_goes_by
from .carrier import Carrier

AUTHORITY = "acme.json"


@dataclass(frozen=True)
class Ca:
    """What this machine's settings say of automatic certificates. `bundle`: a file of certificates that are trusted
    besides the machine's own, or empty. `only_edge`: the settings that kamal-proxy cannot go by. `before`: called each
    time before the proxy is told to get certificates."""

    bundle: str = ""
    staging: bool = False
    only_edge: tuple[str, ...] = ()
    before: Callable[[], None] = lambda: None


def cannot_go_by(settings: Iterable[str]) -> Refused:
    names = list(settings)
    return Refused(
        f"kamal-proxy gets certificates from Let's Encrypt alone, and cannot go by {', '.join(names)}. "
        "Nothing was changed.",
        "The edge can (docs/docker.md says how to get its image): discode proxy update --image IMAGE. Or go without: "
        f"discode proxy config unset {' '.join(names)}",
        key="proxy-cannot",
    )


def only_the_edge(what: str) -> Refused:
    return Refused(
        f"{what}; the edge does. Nothing was changed.",
        "Put the edge in its place (docs/docker.md says how to get its image): discode proxy update --image IMAGE, or "
        "at a first install --proxy edge or --proxy-image IMAGE. Or go without HTTPS: --tls off",
        key="proxy-cannot",
    )


def until_taken_up(carrier: Carrier, wanted: bytes) -> bool:
    """Whether the edge goes by these settings; one of an earlier version knows of none. Raises as `ask`."""
    revision = hashlib.sha256(wanted).hexdigest()[:12] if wanted else None

    def goes_by(listed: str) -> bool | None:
        now = listing.authority(listed)
        return None if now is None or now.get("fixed") else now.get("revision") == revision

    return until_it_goes_by(carrier, goes_by)
