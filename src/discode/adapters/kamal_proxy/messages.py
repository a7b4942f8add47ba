"""The contract's exit codes and fixed messages, as errors of ours. The only place that reads the proxy's words.

kamal-proxy ends with 0, or with 1 and `Error: …` on stderr; its few messages are part of the command contract.
"""

from __future__ import annotations

from collections.abc import Sequence

from ...core.errors import DiscodeError, Failed, ProxyUnreachable, Refused, ReleaseFailed
from ...core.public_names import wildcard_without_dns
from .carrier import Answer

_UNHEALTHY = "target failed to become healthy"
_CONFLICT = "host settings conflict with another service"
_UNKNOWN_SERVICE = "service not found"
_WILDCARD = "automatic TLS does not support wildcards"
_NO_SERVER = ("dial unix", "the proxy does not answer at")  # behind the socket is no kamal-proxy, no edge


class UnknownService(Failed):
    key = "unknown-service"


def check(argv: Sequence[str], answer: Answer) -> str:
    """The command's output. Raises ReleaseFailed, Refused, UnknownService, ProxyUnreachable, else Failed."""
    if answer.code == 0:
        return answer.stdout
    words = (answer.stderr.strip() or answer.stdout.strip()).removeprefix("Error: ")
    raise _error(argv, answer.code, words)


def _error(argv: Sequence[str], code: int, words: str) -> DiscodeError:
    command = " ".join(argv[:2])
    if _UNHEALTHY in words:
        return ReleaseFailed(
            f"The proxy did not switch traffic over: {words}.", "Tell the vendor; a newer release may fix it."
        )
    if _CONFLICT in words:
        return Refused(
            f"The proxy rejected {argv[1]}: another app on this machine has the same host and path.",
            "Give one of them a host name of its own: --host app.example.com",
            key="host-taken",
        )
    if _WILDCARD in words:
        return wildcard_without_dns("a wildcard name")
    if _UNKNOWN_SERVICE in words:
        return UnknownService(
            f"The proxy has no route for {argv[1]}, which gets no requests.", f"Bring it back: discode settle {argv[1]}"
        )
    if any(sign in words for sign in _NO_SERVER):
        return ProxyUnreachable(
            f"The proxy is not running: {words}. Its routes are unknown.", "Start it: discode proxy start"
        )
    return Failed(
        f"The proxy refused {command!r} ({code}): {words or 'no reason given'}. Its routes are unchanged.",
        "See what it says of itself: discode proxy status. Then run the command again.",
        key="proxy-refused",
    )
