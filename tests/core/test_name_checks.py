"""Where a name leads: a machine with a public address of its own, one behind a router, and all that DNS can say."""

import pytest

from discode.core.name_checks import Found, Look, Machine, Reach, judge, leads_nowhere, record

HOST = "app.example.com"
PUBLIC = Machine(("203.0.113.7", "2001:db8::7", "172.17.0.1"))
V4_ALONE = Machine(("203.0.113.7", "10.0.0.5"))
BEHIND = Machine(("192.168.1.10", "172.17.0.1"))
REMOTE = Machine(is_known=False)
HERE, SILENT, REFUSED = Reach("here"), Reach("silent"), Reach("refused")
OTHER, ROUTER, CDN = Reach("other", "nginx, status 404"), Reach("other"), Reach("other", "Cloudflare", is_cdn=True)


def judged(machine, addresses, **options):
    """Keys, with a ! where it is sure. `reach` of the addresses, in their order; those without one were not tried."""
    seen = dict(zip(addresses, options.pop("reach", ()), strict=False))
    problems = judge(Look(HOST, Found(tuple(addresses)), machine, seen, **options))
    assert all(problem.host == HOST and problem.step for problem in problems)
    return [problem.key + "!" * problem.is_sure for problem in problems]


@pytest.mark.parametrize(
    ("machine", "addresses", "reach", "found"),
    [
        # A machine with a public address of its own.
        (PUBLIC, ["203.0.113.7"], [HERE], []),
        (PUBLIC, ["203.0.113.7"], [], []),
        (PUBLIC, ["203.0.113.7", "2001:db8::7"], [HERE, HERE], []),
        (PUBLIC, ["198.51.100.1"], [OTHER], ["name-elsewhere!"]),
        (PUBLIC, ["198.51.100.1"], [REFUSED], ["name-elsewhere!"]),
        (PUBLIC, ["198.51.100.1"], [SILENT], ["name-elsewhere!"]),
        (PUBLIC, ["198.51.100.1"], [], ["name-elsewhere"]),
        (PUBLIC, ["198.51.100.1"], [Reach("untried")], ["name-elsewhere"]),
        (PUBLIC, ["198.51.100.1"], [HERE], []),  # a reserved address that the cloud passes on
        (PUBLIC, ["198.51.100.1", "198.51.100.2"], [HERE, SILENT], ["name-elsewhere!"]),
        (PUBLIC, ["203.0.113.7", "198.51.100.2"], [HERE, OTHER], ["name-elsewhere!"]),
        (PUBLIC, ["203.0.113.7", "2001:db8::1"], [HERE, SILENT], ["name-ipv6-elsewhere!"]),
        (PUBLIC, ["203.0.113.7", "2001:db8::1"], [HERE], ["name-ipv6-elsewhere"]),
        (V4_ALONE, ["203.0.113.7", "2001:db8::1"], [HERE, REFUSED], ["name-ipv6-elsewhere!"]),
        (V4_ALONE, ["203.0.113.7", "2001:db8::1"], [HERE, Reach("untried")], ["name-ipv6-elsewhere"]),
        (PUBLIC, ["198.51.100.1", "2001:db8::1"], [OTHER, OTHER], ["name-elsewhere!", "name-elsewhere!"]),
        (V4_ALONE, ["2001:db8::1"], [SILENT], ["name-elsewhere"]),
        (PUBLIC, ["198.51.100.1"], [CDN], ["name-behind-proxy!"]),
        (PUBLIC, ["198.51.100.1", "198.51.100.2"], [HERE, HERE], []),  # a CDN that passes on
        (PUBLIC, ["10.9.9.9"], [SILENT], ["name-elsewhere!"]),
        (PUBLIC, ["127.0.0.1"], [HERE], ["name-leads-nowhere!"]),
        (PUBLIC, ["203.0.113.7", "fe80::1"], [HERE, HERE], ["name-leads-nowhere!"]),
        # Its port 80 belongs to something else.
        (PUBLIC, ["203.0.113.7"], [REFUSED], ["port-80-elsewhere"]),
        (PUBLIC, ["203.0.113.7"], [OTHER], ["port-80-elsewhere"]),
        # A machine behind a router or the NAT of a cloud.
        (BEHIND, ["203.0.113.7"], [HERE], []),
        (BEHIND, ["203.0.113.7"], [SILENT], ["name-elsewhere"]),
        (BEHIND, ["203.0.113.7"], [REFUSED], ["name-elsewhere"]),
        (BEHIND, ["203.0.113.7"], [ROUTER], ["name-elsewhere"]),
        (BEHIND, ["203.0.113.7"], [], ["name-elsewhere"]),
        (BEHIND, ["203.0.113.7", "2001:db8::1"], [HERE, SILENT], ["name-ipv6-elsewhere"]),
        (BEHIND, ["203.0.113.7"], [CDN], ["name-behind-proxy!"]),
        (BEHIND, ["192.168.1.10"], [HERE], ["name-private"]),
        # A proxy on another machine, whose addresses nobody here knows.
        (REMOTE, ["203.0.113.7"], [HERE], []),
        (REMOTE, ["203.0.113.7"], [SILENT], ["name-elsewhere"]),
        (REMOTE, ["203.0.113.7"], [OTHER], ["name-elsewhere"]),
    ],
)
def test_where_a_name_leads(machine, addresses, reach, found):
    assert judged(machine, addresses, reach=reach) == found


def test_nothing_is_sure_where_no_ca_asks_at_port_80():
    for machine in (PUBLIC, BEHIND):
        for addresses, reach in ((["198.51.100.1"], [OTHER]), (["198.51.100.1"], [CDN]), (["127.0.0.1"], [HERE])):
            found = judged(machine, addresses, reach=reach, needs_port_80=False)
            assert found and not any(key.endswith("!") for key in found)
    assert judged(BEHIND, ["192.168.1.10"], reach=[HERE], needs_port_80=False) == []
    assert judged(PUBLIC, ["203.0.113.7"], reach=[REFUSED], needs_port_80=False) == []


def test_a_ca_of_an_own_network_comes_to_private_addresses():
    assert judged(BEHIND, ["192.168.1.10"], reach=[HERE], by_world=False) == []
    assert judged(PUBLIC, ["127.0.0.1"], reach=[HERE], by_world=False) == ["name-leads-nowhere"]


def test_a_closed_port_for_https_is_told_and_no_reason_to_refuse():
    open_, closed = (Reach("here", takes_https=takes) for takes in (True, False))
    assert judged(PUBLIC, ["203.0.113.7"], reach=[open_]) == []
    assert judged(BEHIND, ["203.0.113.7"], reach=[closed]) == ["port-443-closed"]
    assert judged(PUBLIC, ["203.0.113.7", "2001:db8::7"], reach=[closed, open_]) == ["port-443-closed"]
    assert judged(PUBLIC, ["203.0.113.7"], reach=[closed], needs_port_80=False) == ["port-443-closed"]


def words(found, machine=PUBLIC, host=HOST, **reach):
    """Of the first problem."""
    seen = {address: answer for answer, addresses in reach.items() for address in addresses}
    kinds = {"here": HERE, "silent": SILENT, "other": OTHER, "cdn": CDN, "refused": REFUSED}
    problem = judge(Look(host, found, machine, {address: kinds[kind] for address, kind in seen.items()}))[0]
    return problem.key + "!" * problem.is_sure, problem.sentence, problem.step


def test_what_is_missing_is_told_with_the_record_to_add():
    records = "app.example.com.  A  203.0.113.7 and app.example.com.  AAAA  2001:db8::7"
    add = f"Add this record where the domain is managed: {records}"
    assert words(Found(missing="name")) == ("name-missing!", "app.example.com does not exist in DNS.", add)
    assert words(Found(missing="name", repeats=3600)) == (
        "name-missing!", "app.example.com does not exist in DNS (the resolver may repeat this for up to 60m).", add,
    )  # fmt: skip
    assert words(Found(missing="address")) == (
        "name-without-address!", "app.example.com exists in DNS, but has no address.", add,
    )  # fmt: skip
    key, told, step = words(Found(missing="name", alias="gone.example.net"), V4_ALONE)
    assert (key, told) == (
        "name-without-target!", "app.example.com is an alias of gone.example.net, which has no address in DNS.",
    )  # fmt: skip
    assert (
        step
        == "Correct the CNAME record of app.example.com, or replace it by this record: app.example.com.  A  203.0.113.7"
    )
    assert words(Found(missing="name"), BEHIND)[2].endswith(
        "app.example.com.  A  (the address at which the world reaches this machine)"
    )


def test_what_is_not_known_is_no_reason_to_refuse():
    key, told, step = words(Found(reason="the resolver 127.0.0.53 does not answer"), V4_ALONE)
    assert (key, told) == (
        "name-unknown", "It is not known where app.example.com points: the resolver 127.0.0.53 does not answer.",
    )  # fmt: skip
    assert step == "If it does not point here: app.example.com.  A  203.0.113.7"


def test_what_points_elsewhere_is_told_with_what_it_should_be():
    assert words(Found(("198.51.100.1",)), V4_ALONE, other=["198.51.100.1"]) == (
        "name-elsewhere!",
        "app.example.com points to 198.51.100.1, which is none of this machine's own addresses (203.0.113.7). Another "
        "server answers there (nginx, status 404).",
        "Change its A record to: app.example.com.  A  203.0.113.7",
    )
    assert words(Found(("203.0.113.7", "2001:db8::1")), V4_ALONE, silent=["2001:db8::1"])[1:] == (
        "app.example.com has an IPv6 address in DNS, 2001:db8::1, that does not lead to this machine. Nothing answers "
        "there at port 80, asked from here.",
        "Remove the record: app.example.com.  AAAA  2001:db8::1",
    )
    assert words(Found(("203.0.113.7", "2001:db8::1")), PUBLIC, silent=["2001:db8::1"])[2] == (
        "Change its AAAA record to: app.example.com.  AAAA  2001:db8::7"
    )
    assert words(Found(("198.51.100.1",)), V4_ALONE, cdn=["198.51.100.1"]) == (
        "name-behind-proxy!",
        "app.example.com points to 198.51.100.1, another proxy (Cloudflare), which does not pass requests on to port "
        "80 of this machine.",
        "Have it pass requests on to this machine, or point the name here (DNS only): app.example.com.  A  203.0.113.7",
    )


def test_behind_a_router_it_is_told_what_would_be_well():
    key, told, step = words(Found(("203.0.113.7",)), BEHIND)
    assert key == "name-elsewhere" and told == (
        "app.example.com points to 203.0.113.7, which is none of this machine's own addresses (192.168.1.10, "
        "172.17.0.1). Whether requests come here from there could not be tried from this machine."
    )
    assert step.startswith("If that is the address of your router or cloud, and it passes ports 80 and 443 on to this")


def test_many_addresses_and_international_names_are_told_briefly():
    addresses = tuple(f"198.51.100.{number}" for number in range(30))
    _, told, _ = words(Found(addresses), host="xn--bcher-kva.example", other=addresses)
    assert told.startswith(
        "bücher.example (xn--bcher-kva.example) points to 198.51.100.0, 198.51.100.1, 198.51.100.2, 198.51.100.3 and "
        "26 more, which"
    )


@pytest.mark.parametrize(
    ("address", "nowhere"),
    [
        ("127.0.0.1", True), ("127.8.8.8", True), ("::1", True), ("0.0.0.0", True), ("::", True), ("169.254.1.1", True),
        ("fe80::1", True), ("224.0.0.1", True), ("ff02::1", True), ("::ffff:127.0.0.1", True), ("10.0.0.1", False),
        ("203.0.113.7", False), ("2001:db8::1", False), ("::ffff:10.0.0.1", False),
    ],
)  # fmt: skip
def test_some_addresses_mean_this_machine_to_itself_alone(address, nowhere):
    assert leads_nowhere(address) is nowhere


def test_a_record_is_written_as_in_a_zone_file():
    assert record(HOST, Machine(("10.0.0.1", "2001:db8::7"))) == "app.example.com.  AAAA  2001:db8::7"
    assert record("*.example.com", V4_ALONE) == "*.example.com.  A  203.0.113.7"
