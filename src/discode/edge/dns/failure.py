"""Why a record is not there."""

from __future__ import annotations

from typing import Literal

# credentials: the file cannot be used, or the provider rejects what is in it    provider: there is none of that name
# zone: nobody has the name, or the provider does not    unreachable: no answer in time    refused: all else
DnsKind = Literal["credentials", "provider", "zone", "unreachable", "refused"]


class DnsFailure(Exception):
    """Its text is one line, for people; it has no credentials in it."""

    def __init__(self, kind: DnsKind, reason: str):
        super().__init__(reason)
        self.kind, self.reason = kind, reason
