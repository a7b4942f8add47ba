"""Whether a domain lets a CA issue for a name: CAA records, RFC 8659, with the parameters of RFC 8657. Pure.

The records that count are those of the name itself, or else of the nearest name above it that has any.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .name_checks import Problem
from .public_names import is_wildcard

CRITICAL = 0x80  # RFC 8659, 4.1
_KNOWN = {"issue", "issuewild", "iodef", "contactemail", "contactphone", "issuemail", "issuevmc"}


@dataclass(frozen=True)
class Caa:
    """One record. `value` as it is, without quotes."""

    flags: int
    tag: str
    value: str

    def __str__(self) -> str:
        return f'{self.flags} {self.tag} "{self.value}"'


@dataclass(frozen=True)
class Policy:
    """The records that count for a name, and `at` which name they stand. `reason`: why they are not known."""

    at: str = ""
    records: tuple[Caa, ...] = ()
    reason: str = ""


def climb(host: str) -> list[str]:
    """The names to be asked for records, in their order: the name and all above it, but not the root."""
    labels = host.removeprefix("*.").split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


def judge_caa(host: str, policy: Policy, ca: Collection[str], method: str) -> Problem | None:
    """`ca`: the names by which the CA goes in such records; empty when nobody knows. `method`: of its challenge, such
    as `http-01`."""
    if policy.reason:
        what = f"It is not known whether CAA records forbid a certificate for {host}: {policy.reason}."
        return Problem("caa-unknown", host, what, "A CA that cannot ask either issues none: check the domain's DNS.")
    if not ca:
        return None
    unknown = [one for one in policy.records if one.flags & CRITICAL and one.tag.lower() not in _KNOWN]
    if unknown:
        what = f"A CAA record of {policy.at} ({unknown[0]}) is one that no CA may overlook, and none knows."
        return Problem("caa-forbids", host, what, f"Remove it: {policy.at}.  CAA  {unknown[0]}", is_sure=True)
    counting = _counting(host, policy.records)
    if not counting or any(_allows(one.value, ca, method) for one in counting):
        return None
    return _forbidden(host, policy.at, counting, sorted(ca)[0], method)


def _counting(host: str, records: Iterable[Caa]) -> list[Caa]:
    """For a wildcard, `issuewild` where there is any; RFC 8659, 4.3."""
    records = list(records)
    wild = [one for one in records if one.tag.lower() == "issuewild"] if is_wildcard(host) else []
    return wild or [one for one in records if one.tag.lower() == "issue"]


def _allows(value: str, ca: Collection[str], method: str) -> bool:
    """A value that is not well formed allows nobody. An `accounturi` is the CA's to compare."""
    issuer, *rest = (part.strip() for part in value.split(";"))
    methods = [text for name, _, text in (part.partition("=") for part in rest) if name.strip() == "validationmethods"]
    if issuer.lower().rstrip(".") not in {name.lower() for name in ca}:
        return False
    return all(method in (one.strip() for one in text.split(",")) for text in methods)


def _forbidden(host: str, at: str, counting: list[Caa], ca: str, method: str) -> Problem:
    issuers = {part for one in counting if (part := one.value.partition(";")[0].strip())}
    tag = counting[0].tag.lower()
    if ca in {issuer.lower() for issuer in issuers}:
        what = f"CAA records of {at} let {ca} issue certificates for {host}, but not by {method}."
    elif issuers:
        what = f"CAA records of {at} let only {', '.join(sorted(issuers))} issue certificates for {host}, not {ca}."
    else:
        what = f"CAA records of {at} let no CA issue certificates for {host}."
    return Problem("caa-forbids", host, what, f'Add this record: {at}.  CAA  0 {tag} "{ca}"', is_sure=True)
