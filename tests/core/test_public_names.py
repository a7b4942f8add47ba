"""What an install does about HTTPS when nobody says, by the names alone."""

import pytest

from discode.core.public_names import covered, default_tls, is_public, is_wildcard

PUBLIC = [
    "app.example.com", "example.com", "*.example.com", "xn--bcher-kva.example.org", "APP.Example.COM.", "a.co.uk",
    "local.example.com", "localhost.example.com", "test.internal.example.com", "home.arpa.example.com", "mylocal.dev",
    "127.example.com",
]  # fmt: skip
PRIVATE = [
    "localhost", "myserver", "app.localhost", "nas.local", "a.b.local", "app.internal", "myapp.test", "box.home.arpa",
    "home.arpa", "internal", "127.0.0.1", "192.0.2.7", "8.8.8.8", "::1", "2001:db8::1", "[2001:db8::1]", "1.2.3",
    "a.0x7f", "app.example", "app.invalid", "abc.onion", "*.local", "*.test", "Nas.LOCAL.", "", ".", "*.com", "a..com",
]  # fmt: skip


@pytest.mark.parametrize("host", PUBLIC)
def test_a_public_name_can_have_a_certificate(host):
    assert is_public(host)


@pytest.mark.parametrize(
    ("host", "is_wild", "name"),
    [
        ("*.example.com", True, "probe.example.com"),
        ("*.local", True, "probe.local"),
        ("example.com", False, "example.com"),
        ("*example.com", False, "*example.com"),
        ("a.*.com", False, "a.*.com"),
    ],
)
def test_a_wildcard_stands_for_one_label_and_can_be_tried_by_one(host, is_wild, name):
    assert (is_wildcard(host), covered(host)) == (is_wild, name)


@pytest.mark.parametrize("host", PRIVATE)
def test_a_private_name_or_an_address_cannot(host):
    assert not is_public(host)


@pytest.mark.parametrize(
    ("hosts", "tls"),
    [
        ([], "off"),
        (["app.example.com"], "auto"),
        (["example.com", "www.example.com"], "auto"),
        (["app.example.com", "app.local"], "auto"),
        (["localhost", "app.example.com"], "auto"),
        (["localhost"], "off"),
        (["myapp.test", "nas.local"], "off"),
        (["192.0.2.7"], "off"),
        (["*.example.com"], "off"),
        (["example.com", "*.example.com"], "off"),
    ],
)
def test_the_default_is_auto_where_a_name_is_public(hosts, tls):
    assert default_tls(hosts) == tls
    assert default_tls(iter(hosts)) == tls


def test_a_machine_with_dns_01_gets_wildcards_certified_too():
    assert default_tls(["*.example.com"], wildcards=True) == "auto"
    assert default_tls(["*.local"], wildcards=True) == "off"
