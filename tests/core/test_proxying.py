import pytest

from discode.core.errors import UsageError
from discode.core.proxying import proxy_for

HTTP = {"http_proxy": "http://small:1", "HTTP_PROXY": "http://large:1"}
ALL = {"ALL_PROXY": "socks5://127.0.0.1:1080"}


@pytest.mark.parametrize(
    ("url", "environment", "proxy"),
    [
        ("http://hub.example", {}, None),
        ("http://hub.example", HTTP, "http://small:1"),
        ("http://hub.example", {"HTTP_PROXY": "http://large:1"}, "http://large:1"),
        ("http://hub.example", {"HTTP_PROXY": "http://large:1", "REQUEST_METHOD": "GET"}, None),
        ("https://hub.example", HTTP, None),
        ("https://hub.example", {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128"),
        ("https://hub.example", ALL, "socks5h://127.0.0.1:1080"),
        ("https://hub.example", {**ALL, "https_proxy": "http://p:1"}, "http://p:1"),
        ("https://hub.example", {**ALL, "https_proxy": ""}, "socks5h://127.0.0.1:1080"),
    ],
)
def test_which_one(url, environment, proxy):
    assert proxy_for(url, environment) == proxy


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://127.0.0.1:8900", "127.0.0.0/8"),
        ("http://[::1]:8900", "[::1]"),
        ("http://[::1]:8900", "localhost, ::1"),
        ("http://[fe80::7]/", "fe80::/10"),
        ("http://10.1.2.3/", "10.0.0.0/8"),
        ("http://hub.example", "hub.example"),
        ("http://HUB.example.", "hub.EXAMPLE"),
        ("http://a.hub.example", ".hub.example"),
        ("http://a.hub.example", "*.hub.example"),
        ("http://a.hub.example", "hub.example"),
        ("http://hub.example:8900", "hub.example:8900"),
        ("http://hub.example", "hub.example:80"),
        ("http://hub.example", "x,*"),
    ],
)
def test_what_needs_none(url, listed):
    assert proxy_for(url, {"ALL_PROXY": "http://p:1", "NO_PROXY": listed}) is None


@pytest.mark.parametrize(
    ("url", "listed"),
    [
        ("http://hub.example", "ub.example"),
        ("http://hub.example", "hub.example:8900"),
        ("http://11.1.2.3/", "10.0.0.0/8"),
        ("http://hub.example", " , ,"),
        ("http://hub.example", "[::1],fe80::/10"),
        ("http://hub.example", "a.hub.example"),
    ],
)
def test_what_goes_by_it(url, listed):
    assert proxy_for(url, {"ALL_PROXY": "http://p:1", "NO_PROXY": listed}) == "http://p:1"


@pytest.mark.parametrize("proxy", ["ftp://p:1", "http://", "http://p:99999", "http://[::1"])
def test_one_that_is_none_is_told_with_its_variable(proxy):
    with pytest.raises(UsageError, match=r"\$ALL_PROXY is no address of a proxy") as refused:
        proxy_for("http://hub.example", {"ALL_PROXY": proxy})
    assert "unset ALL_PROXY" in refused.value.next_step
