"""The kernel's tables of listeners, as proc(5) has them on a little-endian machine, and what is said of them."""

import pytest

from discode.adapters.docker.listening import listeners, told_of

HEAD = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
ANY6, LOOPBACK6 = "0" * 32, "0" * 24 + "01000000"
MAPPED = "0000000000000000FFFF00000100007F"  # ::ffff:127.0.0.1, as Java has it
ADDRESS6 = "000080FE00000000FF00AC4212000204"


def table(*rows):
    return HEAD + "".join(f"   0: {address}:{port:04X} 00000000:0000 {state}\n" for address, port, state in rows)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([], "it listens on no port"),
        ([("0B00007F", 3000, "0A")], "it listens on no port"),  # Docker's resolver
        ([("0100007F", 3000, "01")], "it listens on no port"),  # a connection
        ([("00000000", 8080, "0A"), (ANY6, 9000, "0A")], "it listens on 8080, 9000"),
        ([("0100007F", 3000, "0A")], "it listens on port 3000, but only at 127.0.0.1; it must listen at 0.0.0.0"),
        ([("050012AC", 3000, "0A")], "it listens on port 3000, but only at 172.18.0.5; it must listen at 0.0.0.0"),
        ([(LOOPBACK6, 3000, "0A")], "it listens on port 3000, but only at ::1; it must listen at 0.0.0.0"),
        ([(MAPPED, 3000, "0A")], "it listens on port 3000, but only at 127.0.0.1; it must listen at 0.0.0.0"),
        ([(ANY6, 3000, "0A")], "it listens on port 3000, but only by IPv6, at ::; it must listen at 0.0.0.0"),
        (
            [(ADDRESS6, 3000, "0A")],
            "it listens on port 3000, but only by IPv6, at fe80::42ac:ff:402:12; it must listen at 0.0.0.0",
        ),
        (
            [("0100007F", 8080, "0A"), (LOOPBACK6, 8080, "0A")],
            "it listens on no port but those inside its container: 127.0.0.1 port 8080, ::1 port 8080",
        ),
    ],
)
def test_where_it_listens_is_told(rows, words):
    assert told_of(listeners(table(*rows)), 3000) == words
