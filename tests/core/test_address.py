import pytest

from discode.core.address import is_loopback, may_ask_there, without_login

OWN = [
    "localhost",
    "LOCALHOST:5000",
    "localhost.",
    "127.0.0.1",
    "127.9.8.7:80",
    "[::1]:5000",
    "::1",
    "::ffff:127.0.0.1",
]
NEAR = ["127.evil.example", "127.0.0.1.evil.example:80", "127.1", "1270.0.0.1", "localhost.evil.example"]


@pytest.mark.parametrize("host", OWN)
def test_this_machines_own(host):
    assert is_loopback(host)


@pytest.mark.parametrize("host", [*NEAR, "[::2]:80", "10.0.0.1", ""])
def test_what_only_looks_like_it(host):
    assert not is_loopback(host)


@pytest.mark.parametrize(
    ("realm", "registry"),
    [
        ("https://auth.example.com/token", "registry.example.com"),
        ("https://10.0.0.7/token", "registry.example.com"),
        ("http://127.0.0.1:5001/token", "127.0.0.1:5000"),
        ("http://localhost:5001/token", "localhost:5000"),
        ("https://auth.example.com/token", "localhost:5000"),
    ],
)
def test_where_a_password_may_go(realm, registry):
    assert may_ask_there(realm, registry) is None


@pytest.mark.parametrize(
    ("realm", "why"),
    [
        ("http://auth.example.com/token", "without encryption"),
        ("http://127.evil.example/token", "without encryption"),
        ("http://localhost:x@auth.example.com/", "without encryption"),
        ("http://127.0.0.1:8900/api", "an address of this machine"),
        ("https://localhost/api", "an address of this machine"),
        ("https://[::1]/api", "an address of this machine"),
        ("https://[::ffff:127.0.0.1]/api", "an address of this machine"),
        ("http://169.254.169.254/latest/meta-data", "an address of this machine"),
        ("https://0.0.0.0/", "an address of this machine"),
        ("file:///etc/passwd", "no web address"),
        ("", "no web address"),
        ("https://[::1/", "no address"),
        ("https://a.example:99999/", "no address"),
    ],
)
def test_where_it_may_not(realm, why):
    assert why in (may_ask_there(realm, "registry.example.com") or "")


def test_a_login_is_not_shown():
    assert (
        without_login("https://ann:pass@a.example/x: 401, http://b.example")
        == "https://a.example/x: 401, http://b.example"
    )
