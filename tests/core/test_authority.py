import pytest

from discode.core.authority import Answered, Authority, judge_answer, judge_number, must_be_certifiable
from discode.core.errors import UsageError

LE = Authority("Let's Encrypt")
OWN = Authority("ca.corp.example", is_own=True)
BY_DNS = Authority("Let's Encrypt", by_dns=True)
YEAR = 365 * 86400.0


@pytest.mark.parametrize(
    ("host", "ca", "why"),
    [
        ("192.0.2.7", LE, "192.0.2.7 is an IP address, and certificates are got for names alone."),
        ("192.0.2.7", OWN, "is an IP address"),
        (
            "*.example.com",
            LE,
            "is a wildcard, for which a CA wants a record in DNS (DNS-01), and no dns_provider is set.",
        ),
        ("*.corp.test", OWN, "is a wildcard"),
        ("app.local", LE, "app.local is a name for private use, which Let's Encrypt does not sign."),
        ("app", LE, "is a name for private use"),
        ("*.corp.test", BY_DNS, "is a name for private use"),
        ("app.example.com", LE, None),
        ("*.example.com", BY_DNS, None),
        ("app.test", OWN, None),
        ("xn--bcher-kva.com", LE, None),
    ],
)
def test_what_no_certificate_can_be_had_for_is_refused_with_the_reason(host, ca, why):
    if why is None:
        assert must_be_certifiable([host], ca) == must_be_certifiable([], ca) == []
        return
    with pytest.raises(UsageError) as raised:
        must_be_certifiable([host], ca)
    assert why in raised.value.sentence and raised.value.name == "no-certificate-for-name"
    assert raised.value.next_step.startswith("Give a certificate (--certificate FILE --private-key FILE), or --tls off")


def test_beside_a_name_that_gets_one_others_go_without():
    assert must_be_certifiable(["app.example.com", "192.0.2.7", "nas.local"], LE) == [
        "192.0.2.7 is an IP address, and certificates are got for names alone: it is served by plain HTTP.",
        "nas.local is a name for private use, which Let's Encrypt does not sign: it is served by plain HTTP.",
    ]
    with pytest.raises(UsageError):
        must_be_certifiable(["app.example.com", "*.example.com"], LE)
    with pytest.raises(UsageError):
        must_be_certifiable(["192.0.2.7", "nas.local"], LE)


def keys(ca, answered):
    return [
        (one.key + "!" * one.is_sure, one.sentence, one.step) for one in judge_answer(ca, answered, "app.example.com")
    ]


def test_a_clock_that_is_off_is_told():
    set_it = "Set this machine's clock: timedatectl set-ntp true"
    assert keys(LE, Answered((), 10.0)) == []
    behind = "This machine's clock is 365 days behind that of Let's Encrypt."
    assert keys(LE, Answered((), -YEAR)) == [("clock-off", behind, set_it)]
    because = " By it the CA's own certificate is not valid, so that none can be had."
    found = keys(LE, Answered((), -YEAR, "certificate verify failed", by_clock=True))
    assert found == [("clock-off!", behind + because, set_it)]


def test_a_ca_that_is_away_is_told_and_no_reason_to_refuse():
    ((key, told, step),) = keys(OWN, Answered(reason="connection refused"))
    assert key == "ca-unreachable" and told == "The CA ca.corp.example cannot be reached from here: connection refused."
    assert step == "It is asked again by itself; until then app.example.com is served by plain HTTP."


def test_many_names_of_one_domain_take_weeks():
    hosts = [f"a{number}.example.com" for number in range(101)]
    (problem,) = judge_number(hosts, LE)
    assert (
        not problem.is_sure
        and problem.key == "many-names"
        and problem.sentence
        == (
            "101 names of example.com need as many certificates, and Let's Encrypt issues 50 for a domain in 7 days: "
            "the last ones come after 14 days."
        )
    )
    assert "--host '*.example.com'" in problem.step
    assert judge_number(hosts[:50], LE) == judge_number(hosts, OWN) == judge_number(["a.test"] * 101, LE) == []
    assert judge_number([f"app.a{number}.com" for number in range(101)], LE) == []
