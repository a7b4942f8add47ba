"""Secrets for people and programs: `<kind>_<id>_<secret>`, shown once and stored as a hash.

The secret part has 160 random bits, too many to guess, so one SHA-256 without a salt is enough. It is found by its id
and compared in constant time, even if the id is unknown, so that timing reveals nothing.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

API_TOKEN = "dht"  # a vendor's; the prefixes let scanners for leaked secrets find them
LICENSE_KEY = "dlk"
_FORM = re.compile(r"(dht|dlk)_([a-z2-7]{8})_([a-z2-7]{32})")
_NOBODY = hashlib.sha256(b"nobody").hexdigest()


@dataclass(frozen=True)
class Secret:
    """`text` is shown once; `hash` is stored."""

    kind: str
    id: str
    text: str = field(repr=False)
    hash: str = field(repr=False)


def make(kind: str) -> Secret:
    identity, secret = _random(5), _random(20)
    return Secret(kind, identity, f"{kind}_{identity}_{secret}", _hash(secret))


def parse(text: str) -> Secret | None:
    """None for text of any other form."""
    match = _FORM.fullmatch(text) if len(text) <= 64 else None
    return Secret(match[1], match[2], text, _hash(match[3])) if match else None


def matches(given: Secret | None, kept_hash: str | None) -> bool:
    """Whether the given secret matches the stored one; takes equally long if there is none."""
    same = hmac.compare_digest(given.hash if given else _NOBODY, kept_hash or _NOBODY)
    return same and given is not None and kept_hash is not None


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _random(size: int) -> str:
    """`size` random bytes, a multiple of 5, in base 32."""
    return base64.b32encode(secrets.token_bytes(size)).decode().lower()
