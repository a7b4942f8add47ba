import pytest

from discode.core.errors import Refused, UsageError
from discode.core.login import Login, in_clear, must_be_private, no_login, read_login, split_login


@pytest.mark.parametrize(
    ("address", "bare", "login"),
    [
        ("https://hub.example", "https://hub.example", None),
        ("https://ann:pw@hub.example/a?b", "https://hub.example/a?b", Login("ann", "pw")),
        ("https://ann@hub.example:8443/a", "https://hub.example:8443/a", Login("ann", "")),
        ("http://a%40b:c%3Ad%2Fe@[::1]:80/", "http://[::1]:80/", Login("a@b", "c:d/e")),
        ("https://ann:p@w@hub.example", "https://hub.example", Login("ann", "p@w")),
        ("https://@hub.example", "https://hub.example", None),
        ("https://hub.example/@ann:pw", "https://hub.example/@ann:pw", None),
        ("/srv/ann:pw@releases", "/srv/ann:pw@releases", None),
        ("ssh://ann:pw@hub.example", "ssh://ann:pw@hub.example", None),
        ("https://[ann:pw@hub", "https://[ann:pw@hub", None),
    ],
)
def test_a_login_is_taken_off_an_address(address, bare, login):
    assert split_login(address) == (bare, login)


def test_a_login_does_not_show_its_password():
    assert "pw" not in repr(Login("ann", "pw"))
    assert Login("Aladdin", "open sesame").authorization == "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "RFC 7617"


@pytest.mark.parametrize("text", ["ann:pw", "\ufeffann:pw\r\n", " ann:pw "])
def test_a_line_is_a_login(text):
    assert read_login(text) == Login("ann", "pw")
    assert read_login("ann:p:w").password == "p:w"


@pytest.mark.parametrize("text", ["", "ann", ":pw", "ann:p\nw", "ann:p\x00w"])
def test_anything_else_is_none(text):
    with pytest.raises(UsageError, match="one line: NAME:PASSWORD"):
        read_login(text)


@pytest.mark.parametrize(
    ("address", "is_open"),
    [
        ("http://hub.example", True), ("http://127.0.0.1.example", True), ("http://10.0.0.1", True),
        ("http://[fd00::1]:80", True), ("HTTP://hub.example", True), ("https://hub.example", False),
        ("http://127.0.0.1:8900", False), ("http://localhost", False), ("http://[::1]:8900", False), ("/srv", False),
    ],
)  # fmt: skip
def test_what_others_could_read(address, is_open):
    assert in_clear(address) is is_open
    if is_open:
        with pytest.raises(Refused, match="is not encrypted"):
            must_be_private(address, "--plain-http")
    else:
        must_be_private(address, "--plain-http")


def test_a_hubs_address_has_none():
    assert no_login("https://hub.example") == "https://hub.example"
    with pytest.raises(UsageError) as refused:
        no_login("https://ann:pw@hub.example")
    assert refused.value.next_step == "Give it without them: https://hub.example"
    assert "pw" not in refused.value.sentence
