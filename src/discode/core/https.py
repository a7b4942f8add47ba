"""How the HTTPS of an app stands, name by name, as data and in words. Pure: the time is given.

proved         a client on this machine would show a lock
none           no certificate is served; users come by plain HTTP
expired        it has ended, by this machine's clock
not yet valid  it has not begun, by this machine's clock
untrusted      it is of a CA that this machine does not trust, or for other names
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from .certificate import Certificate, CertificateFailure, NameState
from .clocks import length
from .ends import told_in_days
from .host_names import is_address
from .installation import Route
from .public_names import Tls, is_public

State = Literal["proved", "none", "expired", "not yet valid", "untrusted"]
# What may be over in a moment. All others are words of the CA, or settings: to wait for a while changes nothing.
PASSING = ("unreachable", "not served")
SHOWN = 5  # names in one sentence
AWAY = 3  # tries in a row that do not reach the CA, until nobody waits for it any more
OWN_WORDS = ("refused", "dns", "not reached", "another answered")  # where the reason is what the CA wrote, and no more


def expected(route: Route) -> Route:
    """The part of a route whose users come by HTTPS; without hosts when nobody does. A CA that certifies public names
    certifies no others, so beside one of them they are served as before; and none is asked for an address."""
    if not route.is_secure:
        return route.changed(hosts=(), redirects={})
    if route.tls != "auto":
        return route.changed(redirects={})
    public = tuple(filter(is_public, route.hosts))
    names = tuple(host for host in route.hosts if not is_address(host))
    return route.changed(hosts=public or names, redirects={})


@dataclass(frozen=True)
class Https:
    """Of one route, seen at `now` (Unix time). `is_renewed`: the proxy gets its certificates by itself."""

    names: tuple[NameState, ...]
    now: float
    is_renewed: bool = True

    @property
    def is_proved(self) -> bool:
        return all(one.is_proved for one in self.names)

    @property
    def missing(self) -> tuple[NameState, ...]:
        return tuple(one for one in self.names if not one.is_proved)

    def lacks(self, host: str) -> bool:
        """Whether no certificate at all is offered for that name, so that its users come by HTTP."""
        return any(one.host == host and one.certificate is None for one in self.names)

    @property
    def has_failures(self) -> bool:
        return any(one.failure for one in self.missing)

    @property
    def in_brief(self) -> str:
        """What is missing; the same for as long as it is."""
        missing = sorted(self.missing, key=lambda one: one.failure is None)
        words = [
            f"{one.host}: {one.failure.reason if one.failure else 'no certificate yet'}" for one in missing[:SHOWN]
        ]
        return "; ".join([*words, *([f"{len(missing) - SHOWN} more"] if len(missing) > SHOWN else [])])

    def is_over(self, deadline: float) -> bool:
        """Whether nothing will have changed by then (Unix time)."""
        return all(self._stays(one, deadline) for one in self.missing)

    def _stays(self, one: NameState, deadline: float) -> bool:
        if (failure := one.failure) is not None:
            is_late = failure.next_try is not None and failure.next_try > deadline
            return failure.kind not in PASSING or failure.count >= AWAY or is_late
        return self.state(one) != "none" and not one.is_awaited

    def state(self, one: NameState) -> State:
        if one.certificate is None:
            return "none"
        if one.certificate.is_trusted:
            return "proved"
        if not one.certificate.is_current(self.now):
            return "expired" if one.certificate.ends <= self.now else "not yet valid"
        return "untrusted"

    def warning(self, one: NameState) -> str:
        """What its owner has to know; empty when all is well. A renewal that fails while there is plenty of time left
        is no matter yet."""
        if not one.is_proved:
            return self.why(one)
        assert one.certificate is not None
        if not one.certificate.is_ending(self.now, is_renewed=self.is_renewed):
            return ""
        ends = f"its certificate ends in {told_in_days(one.certificate.ends - self.now)}"
        if not self.is_renewed:
            return f"{ends}; give it the next one before that"
        return f"{ends}, and it is not renewed: {_reason(one.failure, self.now) or 'the proxy does not tell why'}"

    def why(self, one: NameState) -> str:
        """Why it is not proved: what follows `app.example.com: `, without a full stop."""
        state, certificate = self.state(one), one.certificate
        if certificate is None:
            why = "the proxy is still getting it" if one.is_awaited else "the proxy does not tell why"
            return _reason(one.failure, self.now) or f"it has no certificate yet, and {why}"
        if state == "untrusted":
            return f"its certificate of {certificate.issuer} is not trusted by this machine ({certificate.doubt})"
        return f"{_by_the_clock(certificate, self.now)}{_renewal(one.failure, self.now)}"

    def sentences(self) -> list[str]:
        """One for each name that is not proved, and one for all of them that are too many."""
        missing = self.missing
        more = [f"{len(missing) - SHOWN} more have no trusted certificate either."] if len(missing) > SHOWN else []
        return [*(f"{one.host}: {self.why(one)}." for one in missing[:SHOWN]), *more]

    def warnings(self) -> list[str]:
        """A sentence for each name whose owner has to know something."""
        return [f"{one.host}: {warning}." for one in self.names if (warning := self.warning(one))]

    def as_dict(self) -> dict[str, Any]:
        return {"proved": self.is_proved, "names": [self._told(one) for one in self.names]}

    def _told(self, one: NameState) -> dict[str, Any]:
        """Of a certificate only what was seen: None in place of what is not there."""
        found, failure = one.certificate, one.failure
        return {
            "host": one.host, "state": self.state(one), "warning": self.warning(one),
            "issuer": found.issuer if found else None, "names": list(found.names) if found else [],
            "begins": found.begins if found else None, "ends": found.ends if found else None,
            "days_left": found.days_left(self.now) if found else None,
            "doubt": found.doubt if found else "",
            "failure": {
                "kind": failure.kind, "reason": failure.reason, "next_try": failure.next_try, "count": failure.count
            } if failure else None,
        }  # fmt: skip


def in_short(tls: Tls, https: Https | None) -> str:
    """In a column of a table: the days left of the name that has the least, or what is wrong with the worst."""
    if tls == "off":
        return "off"
    if https is None or not https.names:
        return "-"
    for state in ("none", "expired", "not yet valid", "untrusted"):
        if any(https.state(one) == state for one in https.names):
            return state
    days = min(one.certificate.days_left(https.now) for one in https.names if one.certificate)
    return f"{days} day{'s' if days != 1 else ''}{' left!' if https.warnings() else ''}"


def _reason(failure: CertificateFailure | None, now: float) -> str:
    if failure is None:
        return ""
    says = "the CA says: " if failure.kind in OWN_WORDS else ""
    times = f" ({failure.count} times in a row)" if failure.count > 1 else ""
    return f"{says}{failure.reason.rstrip('.')}{times}{_again(failure, now)}"


def _again(failure: CertificateFailure, now: float) -> str:
    if failure.next_try is None:
        return ""
    return f"; it is tried again in {length(max(failure.next_try - now, 1.0))} ({_minute(failure.next_try)})"


def _renewal(failure: CertificateFailure | None, now: float) -> str:
    return f"; its renewal: {_reason(failure, now)}" if failure else ""


def _by_the_clock(certificate: Certificate, now: float) -> str:
    """A certificate out of its time may as well be a clock out of its time; who looks should look at both."""
    clock = f"this machine's clock says {_minute(now)}"
    if certificate.ends <= now:
        return f"its certificate ended on {_day(certificate.ends)}, {length(now - certificate.ends)} ago ({clock})"
    begins = certificate.begins
    return f"its certificate begins on {_day(begins)}, {length(begins - now)} from now ({clock})"


def _minute(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"


def _day(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d}"
