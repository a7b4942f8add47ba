"""What a hub answers, as far as its clients read it: anything else is not from a hub. A later one may say more.

A network that wants a login first, or a filter, answers 200 in its place, with a page or with JSON of its own.
"""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypedDict


class Seated(TypedDict):
    """To an activation. `lease_key`: PEM."""

    license: str
    customer: str
    lease: str
    lease_key: str


class Leased(TypedDict):
    lease: str


class Freed(TypedDict):
    freed: Literal[True]


class PullCredentials(TypedDict):
    """A registry's own `token` instead of a password; both for that many seconds. Earlier hubs say neither."""

    username: str
    password: str
    token: NotRequired[str]
    seconds: NotRequired[float]


class Taken(TypedDict):
    """To a report."""

    taken: bool


class About(TypedDict):
    vendor: str
    online_key: dict[str, Any]


class OnlineKey(TypedDict):
    keyid: str
    keytype: str
    scheme: str
    keyval: dict[str, Any]


class Ends(TypedDict):
    ends: list[dict[str, Any]]
    signs: bool
    installs: bool
    proxies: NotRequired[list[str]]


class Version(TypedDict):
    """To a root, or to what was published."""

    version: int


class Blob(TypedDict):
    """Bytes that the hub has."""

    sha256: str
    length: int


class Access(TypedDict):
    access: str


class Held(TypedDict):
    held: bool


class MadeLicense(TypedDict):
    id: str
    key: str


class License(TypedDict):
    """Times are Unix time in seconds."""

    id: str
    app: str
    customer: str
    state: str
    used: int
    seats: int
    lease_days: int
    channels: list[str]
    expires: float | None


class Seat(TypedDict):
    installation: str
    seen: float


class LicenseWithSeats(License):
    installations: list[Seat]


class Signed(TypedDict):
    """Metadata, that the caller verifies."""

    signatures: list[dict[str, Any]]
    signed: dict[str, Any]
