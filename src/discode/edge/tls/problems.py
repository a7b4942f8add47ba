"""Why a CA gave no certificate: its problems (RFC 8555, 6.7; RFC 7807) and those of the way to it, each as a kind that
programs tell apart and a sentence for people. Pure."""

from __future__ import annotations

import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from .schedule import Kind

LONGEST = 300  # characters of a CA's own words
# By the last word of an ACME error's type; what is not here is a refusal.
KINDS: Mapping[str, Kind] = {
    "rateLimited": "rate limited",
    "serverInternal": "unreachable",
    "badNonce": "unreachable",
    "externalAccountRequired": "account required",
    "userActionRequired": "terms changed",
    "invalidContact": "contact refused",
    "invalidEmail": "contact refused",
    "unsupportedContact": "contact refused",
    "rejectedIdentifier": "name refused",
    "unsupportedIdentifier": "name refused",
    "caa": "caa",
    "dns": "dns",
    "dnssec": "dns",
    "unknownHost": "dns",
    "connection": "not reached",
    "tls": "not reached",
    "incorrectResponse": "another answered",
}
SENTENCES: Mapping[Kind, str] = {
    "rate limited": "the CA's rate limit is reached: {why}",
    "account required": "the CA wants an account of its own to be named (external account binding), {settings}: {why}",
    "terms changed": "the terms of the CA have changed, and a person has to agree to them{where}; then renew: {why}",
    "contact refused": "the CA refuses the contact address, acme_email: {why}",
    "name refused": "the CA does not issue certificates for this name: {why}",
    "caa": "the CAA records of this name forbid the CA: {why}",
}
BINDING = "acme_eab_kid and acme_eab_key"
# X509_V_ERR_CERT_NOT_YET_VALID and X509_V_ERR_CERT_HAS_EXPIRED: openssl-verification-options(1).
BY_THE_CLOCK = (9, 10)
_MOMENT = re.compile(r"retry after (\d{4}-\d\d-\d\d)[T ](\d\d:\d\d:\d\d)(?:\.\d+)?(?: ?(?:UTC|Z)|(?=[^+\d]|$))", re.I)


def kind_of(types: list[str]) -> Kind:
    """Of the first ACME error type that says more than "refused"."""
    kinds = (KINDS.get(name.rpartition(":")[2]) for name in types)
    return next((kind for kind in kinds if kind), "refused")


def sentence(kind: Kind, why: str, *, link: str = "") -> str:
    """`why`: the CA's own words. `link`: where a person can do something about it, if the CA says so."""
    text = SENTENCES.get(kind, "{why}")
    return text.format(why=why, settings=BINDING, where=f" at {link}" if link else "")


def first_line(text: object) -> str:
    return (str(text).splitlines() or [""])[0][:LONGEST]


def asked_wait(header: str, text: str, now: float) -> float | None:
    """Seconds that a CA asks for: in Retry-After, as seconds or as a date (RFC 9110, 10.2.3), or in its words, as Let's
    Encrypt says it: `retry after 2026-11-29 10:00:00 UTC`. None where it says nothing, or a time that is over."""
    until = _moment_of(header, now)
    if until is None and (found := _MOMENT.search(text)):
        with suppress(ValueError):  # a day or an hour that there is not
            until = datetime.fromisoformat(f"{found[1]}T{found[2]}+00:00").timestamp()
    return until - now if until is not None and until > now else None


def _moment_of(header: str, now: float) -> float | None:
    if header.strip().isdigit():
        return now + float(header)
    try:
        return parsedate_to_datetime(header).timestamp() if header else None
    except (ValueError, TypeError, OverflowError):
        return None


def on_the_way(error: BaseException, directory: str, now: float, *, is_tls: bool) -> tuple[Kind, str]:
    """What lies between this machine and the CA, from the exceptions behind `error`. `is_tls`: the library says that it
    was the handshake; older ones look at the name themselves."""
    for cause in causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            if cause.verify_code in BY_THE_CLOCK:
                today = datetime.fromtimestamp(now, UTC)
                why = f"this machine's clock says {today:%Y-%m-%d %H:%M} UTC; is that right?"
                return "clock", f"the CA's own certificate is not valid today ({cause.verify_message}): {why}"
            return "untrusted", (
                f"this machine does not trust the CA's own certificate ({cause.verify_message}); "
                "of a CA of your own, its root is the setting acme_ca_bundle"
            )
    if is_tls:
        lines = [line for cause in causes(error) if (line := first_line(cause))]
        why = min(lines, key=len)
        return "untrusted", f"the CA's own certificate is not for {directory}, or its TLS is broken: {why}"
    return "unreachable", f"the CA cannot be reached: {_shortest(error)} ({directory})"


def causes(error: BaseException) -> Iterator[BaseException]:
    """The exception and what is behind it; urllib3 puts the one before it among its arguments."""
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        one = waiting.pop(0)
        if any(one is before for before in seen):
            continue
        seen.append(one)
        yield one
        near = (one.__cause__, one.__context__, getattr(one, "reason", None), *one.args)
        waiting.extend(each for each in near if isinstance(each, BaseException))


def _shortest(error: BaseException) -> str:
    """`Connection refused` rather than the name of a pool and of an object in it."""
    system = [cause.strerror for cause in causes(error) if isinstance(cause, OSError) and cause.strerror]
    return first_line(system[-1] if system else error)
