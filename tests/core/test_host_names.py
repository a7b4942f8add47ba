import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from discode.core.errors import UsageError
from discode.core.host_names import LONGEST, check_host, check_hosts, shown

LONG = ".".join(["a" * 49] * 5)  # 249 characters


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("app.example.com", "app.example.com"),
        ("APP.Example.COM", "app.example.com"),
        ("app.example.com.", "app.example.com"),
        ("*.Example.COM.", "*.example.com"),
        ("localhost", "localhost"),
        ("*.localhost", "*.localhost"),
        ("*.lan", "*.lan"),
        ("192.0.2.7", "192.0.2.7"),
        ("127.example.com", "127.example.com"),
        ("a.b-c.9d", "a.b-c.9d"),
        ("a" * 63 + ".example", "a" * 63 + ".example"),
        (f"{LONG}.abc", f"{LONG}.abc"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("*.BÜCHER.example.", "*.xn--bcher-kva.example"),
        ("XN--bcher-KVA.example", "xn--bcher-kva.example"),
        ("straße.example", "xn--strae-oqa.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
    ],
)
def test_a_host_is_known_as_in_dns(text, host):
    assert check_host(text) == host
    assert check_host(host) == host


@pytest.mark.parametrize(
    ("text", "what", "instead"),
    [
        ("", "it is empty", None),
        (" \n", "it is empty", None),
        (",", "it is empty", None),
        ("\u00a0\u001f", "it is empty", None),
        (".", "nothing between two dots", None),
        ("a..b", "nothing between two dots", None),
        ("app.example.com..", "nothing between two dots", None),
        ("http://app.example.com", "a scheme", "app.example.com"),
        ("https://app.example.com:8443/shop/x?y=1#z", "a scheme", "app.example.com --path-prefix /shop/x"),
        ("https://*.example.com/", "a scheme", "*.example.com"),
        ("http://", "a scheme", None),
        ("app.example.com:80", "a port", "app.example.com"),
        ("192.0.2.7:80", "a port", "192.0.2.7"),
        ("app.example.com/shop/", "a path", "app.example.com --path-prefix /shop"),
        ("app.example.com/../etc", "a path", "app.example.com"),
        ("app.example.com?x", "more than a name", "app.example.com"),
        ("admin@app.example.com", "a user", "app.example.com"),
        ("https://admin:hunter2@app.example.com", "a scheme", "app.example.com"),
        ("admin:hunter2@app.example.com", "a user", "app.example.com"),
        (" app.example.com\n", "blanks or commas around it", "app.example.com"),
        ("a.example.com b.example.com", "blanks or commas", "a.example.com --host b.example.com"),
        ("a.example.com,*.b.example.com", "blanks or commas", "a.example.com --host *.b.example.com"),
        ("app_1.example.com", "no CA signs such a name", "app-1.example.com"),
        ("_app.example.com", "no CA signs such a name", "app.example.com"),
        ("*", "a wildcard stands before a name", None),
        ("*.", "a wildcard stands before a name", None),
        ("*.com", "all names that end in .com, which no CA signs", "*.example.com"),
        ("app.*.example.com", "at the beginning", "*.example.com"),
        ("*.*.example.com", "at the beginning", "*.example.com"),
        ("*app.example.com", "a whole part", "*.example.com"),
        ("app*.example.com", "at the beginning", "*.example.com"),
        ("*.192.0.2.7", "no names below it", "192.0.2.7"),
        ("-app.example.com", "begins or ends with a dash", "app.example.com"),
        ("app-.example.com", "begins or ends with a dash", "app.example.com"),
        ("app.exam\0ple.com", "only letters, digits, dashes", "app.example.com"),
        ("app.example.123", "only IP addresses end in digits", "app.example.com"),
        ("123", "only IP addresses end in digits", "app.example.com"),
        ("256.0.0.1", "only IP addresses end in digits", "app.example.com"),
        ("1.2.3", "only IP addresses end in digits", "app.example.com"),
        ("2001:db8::1", "an IPv6 address", None),
        ("[::1]", "an IPv6 address", None),
        ("a" * 64 + ".example", "64 characters, and DNS takes 63", None),
        ("ä" * 60 + ".example", "characters, and DNS takes 63", None),
        (f"{LONG}.abcd", "254 characters, and DNS takes 253", None),
        ("x" * 100_000, "100000 characters", None),
        ("😀.example", "international names cannot have", "app.example.com"),
        ("app.exam\u200bple\u200d.com", "international names cannot have", "app.example.com"),
        ("xn--zzzzzz99999.example", "international names cannot have", "app.example.com"),
    ],
)
def test_what_is_no_host_is_told_with_what_to_type_instead(text, what, instead):
    with pytest.raises(UsageError) as raised:
        check_host(text)
    told, step = raised.value.sentence, raised.value.next_step
    assert raised.value.name == "invalid-host" and what in told and "hunter2" not in told + step
    assert len(told) < 250 and "Nothing was changed." in told
    given = re.search(r"--host (.+?)(?:\. |$)", step)
    if instead is not None:
        assert given is not None
        words = shlex.split(f"--host {given[1]}")
        assert " ".join(words[1:]) == instead
        for option, value in zip(words[::2], words[1::2], strict=True):
            assert option == "--path-prefix" or check_host(value) == value
    else:
        assert step.endswith((".", "com"))


def test_a_host_that_is_given_twice_is_one_host():
    texts = ["app.example.com", "*.example.com", "APP.example.com.", "bücher.example", "xn--bcher-kva.example"]
    assert check_hosts(texts) == ("app.example.com", "*.example.com", "xn--bcher-kva.example")
    assert len(check_hosts(f"a{number}.example.com" for number in range(101))) == 101


def test_an_international_name_is_shown_both_ways():
    assert shown("*.xn--bcher-kva.example") == "*.bücher.example (*.xn--bcher-kva.example)"
    assert shown("app.example.com") == "app.example.com"
    assert shown("xn--zzzzzz99999.example") == "xn--zzzzzz99999.example"


@given(st.text(max_size=80) | st.text("ab*_-.:/@ xn\u00fc\u0130\u3002", max_size=80))
def test_whatever_is_typed_is_a_host_or_refused(text):
    try:
        host = check_host(text)
    except UsageError as error:
        assert error.name == "invalid-host" and error.next_step
    else:
        assert check_host(host) == host and host.isascii() and host == host.lower() and 0 < len(host) <= LONGEST
