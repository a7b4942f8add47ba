"""`bind`, as an operator writes it, and the sockets that are opened for it."""

from __future__ import annotations

import pytest

from discode.core.listening import addresses, joined, reached_at


@pytest.mark.parametrize(
    ("bind", "sockets", "reached"),
    [
        ("::", ("0.0.0.0", "::"), "127.0.0.1"),
        ("[::]", ("0.0.0.0", "::"), "127.0.0.1"),
        ("0.0.0.0,::", ("0.0.0.0", "::"), "127.0.0.1"),
        ("10.0.0.5, ::", ("0.0.0.0", "::"), "127.0.0.1"),
        ("", ("0.0.0.0", "::"), "127.0.0.1"),
        ("0.0.0.0", ("0.0.0.0",), "127.0.0.1"),
        ("0.0.0.0,10.0.0.5,::1", ("0.0.0.0", "::1"), "127.0.0.1"),
        ("10.0.0.5", ("10.0.0.5",), "10.0.0.5"),
        ("::1", ("::1",), "::1"),
        ("[2001:db8::5]", ("2001:db8::5",), "2001:db8::5"),
        ("127.0.0.1, ::1,127.0.0.1", ("127.0.0.1", "::1"), "127.0.0.1"),
    ],
)
def test_what_is_listened_at(bind: str, sockets: tuple[str, ...], reached: str) -> None:
    assert addresses(bind) == sockets
    assert reached_at(bind) == reached


def test_an_address_with_its_port() -> None:
    assert (joined("10.0.0.5", 80), joined("::1", 80)) == ("10.0.0.5:80", "[::1]:80")
