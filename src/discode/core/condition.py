"""How an app is, in one word: the same wherever it is told.

serving         it has the traffic and answers its health check
not answering   it has the traffic, and its health check fails
not serving     it should, and has no traffic, or its instance is not there
stopped         the customer stopped it
unknown         the engine or the proxy does not answer
damaged         its files cannot be read
"""

from __future__ import annotations

from typing import Literal

Condition = Literal["serving", "not answering", "not serving", "stopped", "unknown", "damaged"]
State = Literal["running", "stopped"]


def condition(state: State, *, serves: bool | None, is_healthy: bool) -> Condition:
    """`state` is what is recorded; `serves` None: it cannot be found out."""
    if state == "stopped":
        return "stopped"
    if serves is None:
        return "unknown"
    if not serves:
        return "not serving"
    return "serving" if is_healthy else "not answering"
