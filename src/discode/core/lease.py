"""A lease: the hub's signed word that an installation has a license, good for a time without the hub.

A JWT (RFC 7519) signed with Ed25519 (`EdDSA`, RFC 8037). It is for the app, which may or may not ask for one; Discode
itself never stops an app by it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .errors import TrustError

ALGORITHM = "EdDSA"
TYPE = "lease+jwt"
LEEWAY = 300.0  # seconds by which the clocks of hub and installation may differ
LONGEST = 4096  # characters
OLD_SPELLING = "licence"  # of the claim and of the customer's file: what was signed and stored that way is still read


@dataclass(frozen=True)
class Lease:
    """Times are Unix time in seconds. No `channels` means all. `license_ends`: when the license itself ends, which the
    lease may be renewed until; None: never, or an earlier hub, which does not tell."""

    app: str
    installation: str
    license: str
    customer: str
    channels: tuple[str, ...]
    issued: float
    ends: float
    license_ends: float | None = None

    def is_ending(self, now: float) -> bool:
        """A quarter of its time is left: it was to be renewed long ago."""
        return now >= self.ends - (self.ends - self.issued) / 4

    def is_stale(self, now: float) -> bool:
        """Half of its time is over, or its clock is not ours: a new one is due."""
        return not self.issued - LEEWAY <= now < self.issued + (self.ends - self.issued) / 2


def claims(lease: Lease, issuer: str, identity: str) -> dict[str, Any]:
    """What is signed; `identity` is unique to each lease."""
    told = {} if lease.license_ends is None else {"license_ends": int(lease.license_ends)}
    return {
        **told, "iss": issuer, "aud": lease.app, "sub": lease.installation, "jti": identity, "iat": int(lease.issued),
        "exp": int(lease.ends), "license": lease.license, "customer": lease.customer, "channels": list(lease.channels),
    }  # fmt: skip


def read_lease(text: str, public_key: str, app: str, installation: str, now: float) -> Lease:
    """A lease that holds now, for this app on this installation. Raises TrustError: its key says which rule broke."""
    lease = signed_lease(text, public_key)
    _must_hold(lease, app, installation, now)
    return lease


def signed_lease(text: str, public_key: str) -> Lease:
    """What the hub has signed, whether it holds or not. Raises TrustError when it did not sign that."""
    import jwt  # late: only an app with a license needs it

    try:
        if len(text) > LONGEST:
            raise ValueError("too long")
        if jwt.get_unverified_header(text).get("typ") != TYPE:
            raise ValueError("not a lease")
        # Time is checked below: by the caller's clock, not by this library's.
        told = jwt.decode(
            text, public_key, [ALGORITHM], options={
                "require": ["exp", "iat", "sub", "aud", "customer", "channels"], "verify_aud": False,
                "verify_exp": False, "verify_iat": False, "verify_nbf": False,
            },
        )  # fmt: skip
        return _lease(told)
    except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
        raise TrustError("The hub did not sign this lease.", "Fetch a new one.", key="lease-invalid") from error


def _must_hold(lease: Lease, app: str, installation: str, now: float) -> None:
    if lease.app != app:
        raise TrustError(f"The lease is for {lease.app}, not for {app}.", key="lease-other-app")
    if lease.installation != installation:
        raise TrustError("The lease is for another installation.", key="lease-other-installation")
    if now < lease.issued - LEEWAY:
        raise TrustError("The lease starts in the future.", "Set this machine's clock.", key="lease-early")
    if now >= lease.ends + LEEWAY:
        raise TrustError("The lease has ended.", "Fetch a new one: discode license lease APP", key="lease-ended")


def _lease(told: dict[str, Any]) -> Lease:
    texts = [told["aud"], told["sub"], told.get("license", told.get(OLD_SPELLING)), told["customer"]]
    if not all(isinstance(text, str) for text in [*texts, *told["channels"]]):
        raise TypeError("a claim is not text")
    app, installation, license, customer = texts
    channels, issued, ends = tuple(told["channels"]), float(told["iat"]), float(told["exp"])
    license_ends = float(told["license_ends"]) if told.get("license_ends") is not None else None
    return Lease(app, installation, license, customer, channels, issued, ends, license_ends)
