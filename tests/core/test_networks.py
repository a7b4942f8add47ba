import pytest

from discode.core.errors import UsageError
from discode.core.host_settings import SETTINGS
from discode.core.networks import check_networks, networks


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", ()),
        ("192.0.2.7", ("192.0.2.7/32",)),
        (" 10.0.0.0/8 , 192.0.2.7 ", ("10.0.0.0/8", "192.0.2.7/32")),
        ("::1,fd00::/8", ("::1/128", "fd00::/8")),
        ("::ffff:192.0.2.7", ("192.0.2.7/32",)),
        ("::ffff:10.0.0.0/104", ("10.0.0.0/8",)),
        ("192.0.2.7,192.0.2.7/32", ("192.0.2.7/32",)),
    ],
)
def test_addresses_and_networks(text, found):
    assert networks(text) == found


@pytest.mark.parametrize(
    "text",
    ["proxy.example.com", "10.0.0.1/8", "0.0.0.0/0", "::/0", "::ffff:0:0/96", "10.0.0.0/33", "192.0.2.7,", ",", "*",
     "fe80::1%eth0", "192.0.2.7\n10.0.0.0/8", "http://192.0.2.7", "192.0.2.7:80", "10.0.0.0-10.0.0.9"],
)  # fmt: skip
def test_what_is_none_is_refused(text):
    with pytest.raises(ValueError, match=r"\S"):
        networks(text)
    with pytest.raises(UsageError) as raised:
        check_networks(text)
    assert "--trusted-proxies 192.0.2.7,10.0.0.0/8" in raised.value.next_step
    assert not SETTINGS["trusted_proxies"].holds(text)


def test_the_setting_is_kept_in_one_form():
    row = SETTINGS["trusted_proxies"]
    assert row.read("192.0.2.7, ::1") == "192.0.2.7/32,::1/128"
    assert row.holds("192.0.2.7/32,::1/128") and not row.holds(7)
