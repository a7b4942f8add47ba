"""The proxies in front that an edge trusts: a file in its state folder, which it looks at each second."""

from __future__ import annotations

from ...core.errors import Refused
from ...core.networks import networks
from . import listing
from .asking import until_it_goes_by
from .carrier import Carrier

TRUSTED = "trusted.txt"


def trusted_file(setting: str) -> bytes:
    """Empty when nobody is trusted."""
    return "".join(f"{network}\n" for network in networks(setting)).encode()


def must_tell_apart(setting: str, *, is_edge: bool) -> None:
    """Raises Refused for kamal-proxy: it would believe everybody, or nobody."""
    if setting and not is_edge:
        raise Refused(
            f"kamal-proxy cannot tell {setting} from other clients: it believes what a request says of its client from "
            "everybody, or from nobody. Nothing was changed.",
            "The edge can (docs/docker.md says how to get its image): discode proxy update --image IMAGE. Or go "
            "without: discode proxy config unset trusted_proxies",
            key="proxy-cannot",
        )


def until_taken_up(carrier: Carrier, setting: str) -> bool:
    """Whether the edge goes by it; one of an earlier version knows of no such thing. Raises as `ask`."""

    def goes_by(listed: str) -> bool | None:
        now = listing.trusted(listed)
        return None if now is None else now == networks(setting)

    return until_it_goes_by(carrier, goes_by)
