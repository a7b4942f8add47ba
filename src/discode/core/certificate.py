"""The certificate of a host name, as a client on this machine sees it, and why there is none. Pure.

A name is proved when a client that knows nothing of Discode would show a lock: the proxy ends the handshake for it with
a certificate that is for this name, in its time, and of a CA that this machine trusts.
"""

from __future__ import annotations

from dataclasses import dataclass

DAY = 86400.0
WARNED = 14 * DAY  # of life left: a renewal begins when a third is, so by then it has failed for a while
SHORT_LIFE = 7 * DAY  # Let's Encrypt's short-lived ones have 6 days, those of a CA in a company often one


@dataclass(frozen=True)
class Certificate:
    """`begins` and `ends` are Unix time. `doubt`: why a client does not trust it, in OpenSSL's words."""

    names: tuple[str, ...]
    issuer: str
    begins: float
    ends: float
    is_trusted: bool
    doubt: str = ""

    def days_left(self, now: float) -> int:
        """Whole days; negative when it is over."""
        return int((self.ends - now) // DAY)

    def is_ending(self, now: float, *, is_renewed: bool) -> bool:
        """Whether its owner is to be warned. `is_renewed`: by itself; one that lives for days alone is then warned of
        when a quarter of its life is left."""
        life = self.ends - self.begins
        return self.ends - now < (life / 4 if is_renewed and life <= SHORT_LIFE else WARNED)

    def is_current(self, now: float) -> bool:
        return self.begins <= now < self.ends


@dataclass(frozen=True)
class CertificateFailure:
    """The last try to get one. `kind`: `refused` by the CA, `rate limited`, `unreachable` and the others of the edge
    (`edge/tls/schedule.py`); `not served` when the proxy takes no TLS at all. `reason` goes on after a colon.
    `next_try` is Unix time, None when nobody tries again by itself; `count` of tries in a row."""

    kind: str
    reason: str
    next_try: float | None = None
    count: int = 1


@dataclass(frozen=True)
class NameState:
    """What is known of a host name. Both: the certificate is served, and its renewal fails. `is_awaited`: the proxy
    says that it is getting one, the first or another."""

    host: str
    certificate: Certificate | None = None
    failure: CertificateFailure | None = None
    is_awaited: bool = False

    @property
    def is_proved(self) -> bool:
        return self.certificate is not None and self.certificate.is_trusted
