"""Leases: what holds, and each way in which one does not. Fuzzed: whatever comes in, it is read or refused."""

from dataclasses import replace

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from discode.core.errors import TrustError
from discode.core.lease import LEEWAY, Lease, claims, read_lease, signed_lease

KEY, OTHER = Ed25519PrivateKey.generate(), Ed25519PrivateKey.generate()
PUBLIC = KEY.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
).decode()  # fmt: skip
HERE, NOW = "a" * 32, 1_800_000_000.0
LEASE = Lease("myapp", HERE, "q3k7m2xa", "Example", ("stable",), NOW, NOW + 1000)


def signed(lease=LEASE, key=KEY, typ="lease+jwt", algorithm="EdDSA", **changes):
    told = {**claims(lease, "https://hub.example.com", "1"), **changes}
    told = {name: value for name, value in told.items() if value is not None}
    return jwt.encode(told, key, algorithm, headers={"typ": typ})


def refusal(text, app="myapp", installation=HERE, now=NOW):
    with pytest.raises(TrustError) as refused:
        read_lease(text, PUBLIC, app, installation, now)
    return refused.value.name


def test_a_lease_holds_from_its_begin_to_its_end_and_some_minutes_for_wrong_clocks():
    for now in (NOW, NOW + 999, NOW - LEEWAY, NOW + 999 + LEEWAY):
        assert read_lease(signed(), PUBLIC, "myapp", HERE, now) == LEASE
    assert refusal(signed(), now=NOW + 1000 + LEEWAY) == "lease-ended"
    assert refusal(signed(), now=NOW - LEEWAY - 1) == "lease-early"


def test_of_another_app_installation_key_and_kind():
    assert refusal(signed(), app="other") == "lease-other-app"
    assert refusal(signed(), installation="b" * 32) == "lease-other-installation"
    assert refusal(signed(key=OTHER)) == "lease-invalid"
    assert refusal(signed(typ="JWT")) == "lease-invalid"
    none = jwt.encode(claims(LEASE, "x", "1"), None, "none", headers={"typ": "lease+jwt"})
    assert refusal(none) == "lease-invalid"
    symmetric = jwt.encode(claims(LEASE, "x", "1"), "k" * 32, "HS256", headers={"typ": "lease+jwt"})
    assert refusal(symmetric) == "lease-invalid"
    for name in ("exp", "iat", "sub", "aud", "license", "customer", "channels"):
        assert refusal(signed(**{name: None})) == "lease-invalid", name
    for name, value in [("channels", 3), ("channels", [1]), ("sub", ["x"]), ("exp", "soon"), ("license", {})]:
        assert refusal(signed(**{name: value})) == "lease-invalid", name


def test_a_lease_is_renewed_at_half_its_time():
    assert not LEASE.is_stale(NOW + 499)
    assert LEASE.is_stale(NOW + 501) and LEASE.is_stale(NOW - 2 * LEEWAY)


def test_it_says_when_the_license_itself_ends_where_that_is_known():
    known = replace(LEASE, license_ends=NOW + 5000)
    assert read_lease(signed(known), PUBLIC, "myapp", HERE, NOW) == known
    assert "license_ends" not in claims(LEASE, "x", "1") and signed_lease(signed(), PUBLIC).license_ends is None
    assert refusal(signed(license_ends="soon")) == "lease-invalid"


def test_one_that_was_not_renewed_is_read_and_told_before_it_ends():
    assert not LEASE.is_ending(NOW + 749) and LEASE.is_ending(NOW + 750)
    assert signed_lease(signed(), PUBLIC) == LEASE
    with pytest.raises(TrustError):
        signed_lease(signed(key=OTHER), PUBLIC)


@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_whatever_comes_in_is_refused(text):
    assert refusal(text) == "lease-invalid"


@settings(max_examples=300)
@given(st.integers(min_value=0, max_value=len(signed()) - 1), st.sampled_from("Aa0._-%"))
def test_no_altered_lease_is_taken_for_another(position, letter):
    text = signed()
    altered = text[:position] + letter + text[position + 1 :]
    try:
        assert read_lease(altered, PUBLIC, "myapp", HERE, NOW) == LEASE  # the spare bits of base64 say nothing
    except TrustError as error:
        assert error.name == "lease-invalid"
