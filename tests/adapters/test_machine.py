"""The networks that this machine is in, from the kernel's table."""

import sys

import pytest

from discode.adapters.machine import direct, direct_routes

TABLE = """\
Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0
tun0\t00000080\t010200C0\t0003\t0\t0\t0\t00000080\t0\t0\t0
tun0\t000010AC\t00000000\t0001\t0\t0\t0\t0000F0FF\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0
"""


@pytest.mark.skipif(sys.byteorder == "big", reason="the table is a little-endian machine's")
def test_networks_without_a_gateway_are_this_machines():
    assert direct(TABLE) == ["172.16.0.0/255.240.0.0", "192.0.2.0/255.255.255.0"]


def test_the_table_of_this_machine_can_be_read():
    assert all("/" in one for one in direct_routes())
