"""The proxies in front that an edge trusts: a file in its state folder, which it looks at each second."""

from __future__ import annotations

import json
import time

from ...core.errors import Refused
from ...core.networks import networks
from . import commands
from .carrier import Carrier

TRUSTED = "trusted.txt"
TAKEN_UP = 10.0  # seconds: it looks four times a second, and a reload takes a moment
POLL = 0.1


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
    """Whether the edge goes by it; one of an earlier version knows of no such thing. Raises ProxyUnreachable."""
    deadline = time.monotonic() + TAKEN_UP
    while True:
        now = json.loads(carrier.run(commands.LIST_JSON, TAKEN_UP).stdout or "{}").get("trusted_proxies")
        if now is None or time.monotonic() >= deadline:
            return False
        if tuple(now) == networks(setting):
            return True
        time.sleep(POLL)
