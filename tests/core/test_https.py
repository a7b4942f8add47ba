"""How HTTPS stands: what is waited for, what is warned of, and in which words."""

import pytest

from discode.core.certificate import DAY, Certificate, CertificateFailure, NameState
from discode.core.https import Https, expected, in_short
from discode.core.installation import Route

NOW = 1_795_874_400.0  # 2026-11-28 14:00 UTC
REFUSED = CertificateFailure("refused", "DNS problem: NXDOMAIN", NOW + 60)
LIMITED = CertificateFailure("rate limited", "the CA's rate limit is reached: too many", NOW + 7200, 2)
AWAY = CertificateFailure("unreachable", "the CA cannot be reached: Connection refused", NOW + 10)


def certificate(days=60.0, life=90.0, **fields):
    ends = NOW + days * DAY
    return Certificate(("a.test",), "Example CA", ends - life * DAY, ends, fields.pop("is_trusted", True), **fields)


def doubted(days=60.0, life=90.0, doubt="certificate has expired"):
    return certificate(days, life, is_trusted=False, doubt=doubt)


def seen(found=None, failure=None, *, is_awaited=False, is_renewed=True):
    return Https((NameState("a.test", found, failure, is_awaited),), NOW, is_renewed)


@pytest.mark.parametrize(
    ("found", "state", "why"),
    [
        (seen(), "none", "it has no certificate yet, and the proxy does not tell why"),
        (seen(is_awaited=True), "none", "it has no certificate yet, and the proxy is still getting it"),
        (seen(failure=CertificateFailure("dns provider", "x refused: no", NOW + 10)), "none",
         "x refused: no; it is tried again in 10 seconds (2026-11-28 14:00 UTC)"),
        (seen(failure=REFUSED), "none",
         "the CA says: DNS problem: NXDOMAIN; it is tried again in 1 minute (2026-11-28 14:01 UTC)"),
        (seen(failure=LIMITED), "none",
         "the CA's rate limit is reached: too many (2 times in a row); it is tried again in 2 hours"
         " (2026-11-28 16:00 UTC)"),
        (seen(failure=AWAY), "none",
         "the CA cannot be reached: Connection refused; it is tried again in 10 seconds (2026-11-28 14:00 UTC)"),
        (seen(doubted(doubt="self-signed certificate")), "untrusted",
         "its certificate of Example CA is not trusted by this machine (self-signed certificate)"),
        (seen(doubted(-200)), "expired",
         "its certificate ended on 2026-05-12, 200 days ago (this machine's clock says 2026-11-28 14:00 UTC)"),
        (seen(doubted(-1), AWAY), "expired",
         "its certificate ended on 2026-11-27, 1 day ago (this machine's clock says 2026-11-28 14:00 UTC); its renewal:"
         " the CA cannot be reached: Connection refused; it is tried again in 10 seconds (2026-11-28 14:00 UTC)"),
        (seen(doubted(455)), "not yet valid",
         "its certificate begins on 2027-11-28, 365 days from now (this machine's clock says 2026-11-28 14:00 UTC)"),
    ],
)  # fmt: skip
def test_why_there_is_no_lock(found, state, why):
    assert found.state(found.names[0]) == state
    assert not found.is_proved
    assert found.sentences() == [f"a.test: {why}."]
    [told] = found.as_dict()["names"]
    assert (told["state"], told["warning"]) == (state, why)


def test_a_lock_needs_no_words():
    found = seen(certificate())
    assert found.is_proved and found.sentences() == []
    assert found.as_dict() == {
        "proved": True,
        "names": [
            {"host": "a.test", "state": "proved", "warning": "", "issuer": "Example CA", "names": ["a.test"],
             "begins": NOW - 30 * DAY, "ends": NOW + 60 * DAY, "days_left": 60, "doubt": "", "failure": None}
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("days", "life", "is_renewed", "is_warned"),
    [(14.1, 90, True, False), (13.9, 90, True, True), (13.9, 365, False, True), (14.1, 365, False, False),
     (5, 6, True, False), (1.4, 6, True, True), (5, 6, False, True), (0.1, 90, True, True)],
)  # fmt: skip
def test_an_end_is_warned_of_from_day_14_on(days, life, is_renewed, is_warned):
    """What lives for days alone, and is renewed by itself, would be warned of all its life."""
    found = seen(certificate(days, life), is_renewed=is_renewed)
    assert bool(found.warning(found.names[0])) == is_warned


def test_a_renewal_that_fails_is_a_matter_when_the_end_is_near():
    early, late = seen(certificate(29), AWAY), seen(certificate(5), AWAY)
    assert early.warning(early.names[0]) == ""
    assert early.as_dict()["names"][0]["failure"]["kind"] == "unreachable"
    assert late.warning(late.names[0]).startswith(
        "its certificate ends in 5 days, and it is not renewed: the CA cannot be reached: Connection refused; it"
    )
    own = seen(certificate(5.9), is_renewed=False)
    assert own.as_dict()["names"][0]["days_left"] == 5
    assert own.warning(own.names[0]) == "its certificate ends in 5 days; give it the next one before that"


@pytest.mark.parametrize(
    ("found", "is_over"),
    [
        (seen(), False),
        (seen(failure=REFUSED), True),
        (seen(failure=LIMITED), True),
        (seen(failure=AWAY), False),
        (seen(failure=CertificateFailure("unreachable", "away", NOW + 600)), True),
        (seen(failure=CertificateFailure("unreachable", "away", NOW + 10, 3)), True),
        (seen(failure=CertificateFailure("clock", "the CA's own certificate is not valid today", NOW + 10)), True),
        (seen(failure=CertificateFailure("not served", "port 443: Connection refused")), False),
        (seen(doubted(doubt="self-signed certificate")), True),
        (seen(doubted(doubt="self-signed certificate"), is_awaited=True), False),
        (seen(doubted(-1)), True),
    ],
)
def test_waiting_ends_when_nothing_will_change(found, is_over):
    assert found.is_over(NOW + 90) == is_over


def test_all_names_count():
    both = Https((NameState("a.test", certificate()), NameState("b.test", None, REFUSED)), NOW)
    assert not both.is_proved and [one.host for one in both.missing] == ["b.test"] and both.is_over(NOW + 90)
    assert not Https((*both.names, NameState("c.test")), NOW).is_over(NOW + 90)
    assert both.in_brief == "b.test: DNS problem: NXDOMAIN"


def test_many_names_are_told_in_few_words():
    many = Https((*(NameState(f"n{number}.test") for number in range(100)), NameState("z.test", None, REFUSED)), NOW)
    assert many.in_brief.startswith("z.test: DNS problem: NXDOMAIN; n0.test: no certificate yet; ")
    assert many.in_brief.endswith("n3.test: no certificate yet; 96 more")
    assert many.sentences()[-1] == "96 more have no trusted certificate either." and len(many.sentences()) == 6


@pytest.mark.parametrize(
    ("found", "short"),
    [
        (None, "-"), (Https((), NOW), "-"), (seen(certificate(60)), "60 days"), (seen(certificate(4)), "4 days left!"),
        (seen(doubted(-3)), "expired"), (seen(), "none"), (seen(doubted(doubt="self-signed certificate")), "untrusted"),
        (Https((NameState("a.test", certificate(60)), NameState("b.test", certificate(40))), NOW), "40 days"),
        (Https((NameState("a.test", certificate(60)), NameState("b.test", doubted(455))), NOW), "not yet valid"),
    ],
)  # fmt: skip
def test_in_a_column(found, short):
    assert in_short("auto", found) == short
    assert in_short("off", found) == "off"


@pytest.mark.parametrize(
    ("route", "hosts"),
    [
        (Route(hosts=("a.example.com",)), ()),
        (Route(hosts=("a.example.com", "a.local"), tls="auto"), ("a.example.com",)),
        (Route(hosts=("a.test", "b.local"), tls="auto"), ("a.test", "b.local")),
        (Route(hosts=("a.test", "192.0.2.7"), tls="auto"), ("a.test",)),
        (Route(hosts=("a.test", "192.0.2.7"), tls="own", certificate=1), ("a.test", "192.0.2.7")),
        (Route(hosts=("a.example.com", "a.local"), tls="own", certificate=1), ("a.example.com", "a.local")),
        (Route(hosts=("b.com", "www.b.com"), tls="auto", redirects={"www.b.com": "b.com"}), ("b.com", "www.b.com")),
    ],
)  # fmt: skip
def test_whose_users_come_by_https(route, hosts):
    assert expected(route).hosts == hosts
