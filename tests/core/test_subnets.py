"""Whether one more network fits in, as Docker gives subnets."""

import pytest

from discode.core.subnets import has_room

SMALL = [("10.9.0.0/23", 24)]


@pytest.mark.parametrize(
    ("pools", "taken", "room"),
    [
        (SMALL, [], True),
        (SMALL, ["10.9.0.0/24"], True),
        (SMALL, ["10.9.0.0/24", "10.9.1.0/24"], False),
        (SMALL, ["10.9.0.7/32", "10.9.1.128/30"], False),  # a part of a subnet is enough
        (SMALL, ["10.0.0.0/8"], False),
        (SMALL, ["10.9.0.1/24", "fd00::/64", "", "none"], True),  # an interface's notation; what is not IPv4
        ([*SMALL, ("10.10.0.0/24", 24)], ["10.9.0.0/16"], True),
        ([("10.0.0.0/8", 30)], ["10.0.0.0/9", "10.128.0.0/10"], True),
        ([], [], True),
        ([], ["172.16.0.0/12"], True),
        ([], ["172.16.0.0/12", "192.168.0.0/16"], False),  # a VPN that takes all private networks
        ([], ["0.0.0.0/0"], False),
    ],
)
def test_room_for_one_more_network(pools, taken, room):
    assert has_room(pools, taken) is room
