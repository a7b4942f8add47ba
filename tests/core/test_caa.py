import pytest

from discode.core.caa import Caa, Policy, climb, judge_caa

HOST = "app.example.com"
LETS_ENCRYPT = ("letsencrypt.org",)


def issue(value, tag="issue", flags=0):
    return Caa(flags, tag, value)


LE = issue("letsencrypt.org")
OTHER = issue("ca.example")


@pytest.mark.parametrize(
    ("records", "host", "allows"),
    [
        ([], HOST, True),
        ([LE], HOST, True),
        ([OTHER], HOST, False),
        ([OTHER, LE], HOST, True),
        ([issue(";")], HOST, False),
        ([issue("")], HOST, False),
        ([issue(";"), LE], HOST, True),
        ([issue(" LetsEncrypt.ORG. ")], HOST, True),
        ([issue("letsencrypt.org", "ISSUE")], HOST, True),
        ([issue("letsencrypt.org.evil.example")], HOST, False),
        ([issue("%%%%")], HOST, False),
        ([issue("mailto:a@b", "iodef")], HOST, True),
        ([issue("mailto:a@b", "iodef"), OTHER], HOST, False),
        # issuewild is for wildcards, and goes before issue there.
        ([issue(";", "issuewild")], HOST, True),
        ([issue(";", "issuewild"), LE], "*.example.com", False),
        ([issue("letsencrypt.org", "issuewild"), issue(";")], "*.example.com", True),
        ([issue("letsencrypt.org", "issuewild"), issue(";")], HOST, False),
        ([LE], "*.example.com", True),
        ([OTHER], "*.example.com", False),
        # RFC 8657
        ([issue("letsencrypt.org; validationmethods=http-01")], HOST, True),
        ([issue("letsencrypt.org; validationmethods=dns-01,http-01")], HOST, True),
        ([issue("letsencrypt.org; validationmethods=dns-01")], HOST, False),
        ([issue("letsencrypt.org;validationmethods = dns-01")], HOST, False),
        ([issue("letsencrypt.org; accounturi=https://ca.example/1")], HOST, True),
        # A critical tag that nobody knows
        ([LE, issue("x", "future", 128)], HOST, False),
        ([LE, issue("x", "future")], HOST, True),
        ([issue("letsencrypt.org", "issue", 128)], HOST, True),
    ],
)
def test_whether_records_let_a_ca_issue(records, host, allows):
    problem = judge_caa(host, Policy("example.com", tuple(records)), LETS_ENCRYPT, "http-01")
    assert (problem is None) is allows
    if problem is not None:
        assert problem.key == "caa-forbids" and problem.is_sure and problem.host == host


def words(*records, host=HOST, method="http-01"):
    problem = judge_caa(host, Policy("example.com", records), LETS_ENCRYPT, method)
    return problem.sentence, problem.step


def test_what_forbids_is_told_with_the_record_that_helps():
    add = 'Add this record: example.com.  CAA  0 issue "letsencrypt.org"'
    assert words(OTHER) == (
        f"CAA records of example.com let only ca.example issue certificates for {HOST}, not letsencrypt.org.", add,
    )  # fmt: skip
    assert words(issue(";")) == (f"CAA records of example.com let no CA issue certificates for {HOST}.", add)
    assert words(issue("letsencrypt.org; validationmethods=dns-01"))[0].endswith("but not by http-01.")
    assert words(issue(";", "issuewild"), host="*.example.com", method="dns-01")[1] == (
        'Add this record: example.com.  CAA  0 issuewild "letsencrypt.org"'
    )
    assert words(LE, issue("x", "future", 128))[1] == 'Remove it: example.com.  CAA  128 future "x"'


def test_a_ca_whose_names_are_not_known_is_not_judged():
    assert judge_caa(HOST, Policy("example.com", (OTHER,)), (), "http-01") is None


def test_records_that_are_not_known_are_no_reason_to_refuse():
    problem = judge_caa(
        HOST, Policy("example.com", reason="the resolver answers with SERVFAIL"), LETS_ENCRYPT, "http-01"
    )
    assert problem is not None and problem.key == "caa-unknown" and not problem.is_sure
    assert "the resolver answers with SERVFAIL" in problem.sentence


def test_the_names_above_are_asked_but_not_the_root():
    assert climb("app.example.com") == ["app.example.com", "example.com", "com"]
    assert climb("*.example.com") == ["example.com", "com"]
