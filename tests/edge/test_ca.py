"""What a CA may answer, and what is said of it: the issuer alone, against Pebble behind a gate."""

import base64
import json
import os
import time
from contextlib import contextmanager

import pytest

from discode.edge.dns.records import Records
from discode.edge.services.tls import Authority as Settings
from discode.edge.tls.account import Accounts
from discode.edge.tls.folder import CertificateFolder
from discode.edge.tls.issuer import Issuer, NoCertificate
from discode.edge.tls.pem import leaf
from discode.edge.tls.problems import asked_wait
from rig import web
from rig.certificates import make_certificate
from rig.pebble import Authority
from rig.ports import free_port

HTML = (200, {"Content-Type": "text/html"}, b"<html><title>It works!</title></html>")


ANSWERS = {}  # of challenges, by path


class Answering(web.Handler):
    def do_GET(self):
        self.reply(200, ANSWERS[self.path].encode())


@pytest.fixture(scope="module")
def ca(tmp_path_factory):
    where = web.Web(Answering)
    made = Authority(tmp_path_factory.mktemp("ca") / "pebble", where.port)
    try:
        yield made.start()
    finally:
        made.close()
        where.close()


@pytest.fixture
def gate(ca):
    yield ca.gate
    ca.gate.instead.clear()


class Client:
    """An issuer in a folder of its own, whose challenges are answered where the CA asks for them."""

    def __init__(self, ca, folder):
        self.ca, self.said, self.trust = ca, [], ca.trust.read_text()
        self.folder = CertificateFolder(folder)
        records = Records(folder, self.folder.dns_records, self.said.append)
        self.accounts = Accounts(self.folder, self.said.append)
        self.issuer = Issuer(self.accounts, self._answering, records)

    def issue(self, host="a.test", directory="", **settings):
        settings = {"ca_bundle": self.trust, **settings}
        return self.issuer.issue([host], directory or self.ca.directory, Settings(**settings))

    def account(self, **settings):
        """As for an order: the client, with its account's address."""
        return self.accounts.client(
            self.ca.directory, Settings(ca_bundle=self.trust, **settings), lambda *_, **__: None
        )

    def contact(self, **settings):
        from acme import messages

        made = self.account(**settings)
        answer = made.net.post(made.net.account.uri, None, new_nonce_url=made.directory["newNonce"])
        return messages.Registration.from_json(answer.json()).emails

    def refused(self, **options):
        with pytest.raises(NoCertificate) as raised:
            self.issue(**options)
        return raised.value

    @contextmanager
    def _answering(self, answers):
        ANSWERS.update(answers)
        yield


@pytest.fixture
def client(ca, tmp_path):
    return Client(ca, tmp_path)


def problem(code, detail="in its own words", status=403, head=(), **more):
    body = {"type": f"urn:ietf:params:acme:error:{code}", "detail": detail, "status": status, **more}
    return status, {"Content-Type": "application/problem+json", **dict(head)}, json.dumps(body).encode()


ORDER, ACCOUNT, DIRECTORY = "/order-plz", "/sign-me-up", "/dir"


@pytest.mark.parametrize(
    ("path", "answer", "kind", "words"),
    [
        (ORDER, problem("rateLimited", status=429), "rate limited", "the CA's rate limit is reached: in its own words"),
        (ORDER, problem("caa"), "caa", "the CAA records of this name forbid the CA: in its own words"),
        (ORDER, problem("rejectedIdentifier"), "name refused", "does not issue certificates for this name: in its"),
        (ORDER, problem("userActionRequired", instance="https://ca.example/agree"), "terms changed",
         "a person has to agree to them at https://ca.example/agree"),
        (ACCOUNT, problem("externalAccountRequired"), "account required", "acme_eab_kid and acme_eab_key: in its own"),
        (ACCOUNT, problem("invalidContact"), "contact refused", "refuses the contact address, acme_email: in its own"),
        (ORDER, problem("dns"), "dns", "in its own words"),
        (ORDER, problem("connection"), "not reached", "in its own words"),
        (ORDER, problem("unheardOf"), "refused", "in its own words"),
        (ORDER, problem("compound", subproblems=[
            {"type": "urn:ietf:params:acme:error:caa", "detail": "no", "identifier": {"type": "dns", "value": "a.test"}}
        ]), "caa", "a.test: no"),
        (ORDER, problem("serverInternal", status=500), "unreachable", "in its own words"),
        (ORDER, problem("badNonce", status=400), "unreachable", "in its own words"),
        (ORDER, HTML, "not a CA", "does not answer as a CA: 200 with text/html"),
        (DIRECTORY, HTML, "not a CA", "/dir does not answer as a CA: 200 with text/html"),
        (DIRECTORY, (502, *HTML[1:]), "not a CA", "does not answer as a CA: 502 with text/html"),
        (DIRECTORY, (404, {}, b""), "not a CA", "does not answer as a CA: 404 with no content"),
        (DIRECTORY, (200, {"Content-Type": "application/json"}, b"{}"), "not a CA", "does not answer as a CA"),
        (DIRECTORY, (200, {"Content-Type": "application/json"}, b"[1"), "not a CA", "does not answer as a CA"),
        (DIRECTORY, (200, {"Content-Type": "application/json"}, b"[]"), "not a CA", "does not answer as a CA"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_each_bad_answer_has_a_kind_and_a_sentence(client, gate, path, answer, kind, words):
    gate.instead[path] = answer
    error = client.refused()
    assert error.kind == kind and words in error.reason, error.reason


def test_a_ca_that_is_not_trusted_not_there_or_of_another_time_is_told_apart(client, ca):
    error = client.refused(ca_bundle="")
    assert error.kind == "untrusted" and "its root is the setting acme_ca_bundle" in error.reason
    error = client.refused(directory=f"https://localhost:{free_port()}/dir")
    assert error.kind == "unreachable" and "Connection refused" in error.reason
    certificate, key, _ = make_certificate("another.test")
    gate = ca.another_gate(certificate, key)
    try:
        error = client.refused(directory=gate.directory, ca_bundle=certificate.decode())
    finally:
        gate.close()
    assert error.kind == "untrusted" and "match" in error.reason
    certificate, key, _ = make_certificate("localhost", days=(-9, -1))
    gate = ca.another_gate(certificate, key)
    try:
        error = client.refused(directory=gate.directory, ca_bundle=certificate.decode())
    finally:
        gate.close()
    assert error.kind == "clock" and f"this machine's clock says {time.strftime('%Y-')}" in error.reason


def test_a_limits_time_is_from_the_header_or_from_the_words(client, gate):
    gate.instead[ORDER] = problem("rateLimited", status=429, head={"Retry-After": "7200"})
    assert client.refused().retry_after == pytest.approx(7200)
    later = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(time.time() + 90000))
    gate.instead[ORDER] = problem("rateLimited", f"too many, retry after {later} UTC: see https://x", status=429)
    error = client.refused()
    assert 89000 < error.retry_after <= 90000 and later in error.reason


@pytest.mark.parametrize(
    ("header", "text", "expected"),
    [
        ("120", "", 120), ("Thu, 01 Jan 1970 00:20:00 GMT", "", 200), ("soon", "", None), ("", "", None),
        ("", "retry after 1970-01-01T00:20:00Z", 200), ("", "retry after 1970-01-01 00:20:00 UTC: see", 200),
        ("", "retry after 1970-01-01 00:00:01 UTC", None), ("60", "retry after 1970-01-01 00:20:00 UTC", 60),
        ("", "retry after 1970-01-01 25:00:00 UTC", None), ("", "retry after a while", None),
    ],
)  # fmt: skip
def test_the_time_that_a_ca_asks_for(header, text, expected):
    assert asked_wait(header, text, 1000.0) == expected


def test_a_binding_is_asked_for_taken_and_has_an_account_of_its_own(client, ca):
    keys = {kid: base64.urlsafe_b64encode(os.urandom(32)).decode().rstrip("=") for kid in ("kid-1", "kid-2")}
    ca.start(keys=keys)
    try:
        assert client.refused().kind == "account required"
        error = client.refused(eab_kid="kid-1", eab_key=keys["kid-2"])
        assert error.kind == "refused" and error.reason
        assert leaf(client.issue(eab_kid="kid-1", eab_key=keys["kid-1"])).names == ("a.test",)
        one, two, again = (
            client.account(eab_kid=kid, eab_key=keys[kid]).net.account.uri for kid in ("kid-1", "kid-2", "kid-1")
        )
        assert one == again != two, "one for each, and kept"
        for path in client.folder.folder.rglob("*.json"):
            assert keys["kid-1"] not in path.read_text()
    finally:
        ca.start()


def test_the_contact_is_told_with_the_first_order_and_when_it_changes(client):
    first = client.account(email="one@example.com").net.account.uri
    for email in ("one@example.com", "two@example.com", ""):
        assert client.contact(email=email) == ((email,) if email else ())
    assert client.account(email="three@example.com").net.account.uri == first and not client.said


def test_a_contact_that_the_ca_does_not_take_stops_no_renewal(client, gate):
    client.account(email="one@example.com")
    gate.instead["/my-account"] = problem("invalidContact", "no such domain")
    assert leaf(client.issue(email="two@nowhere.example")).names == ("a.test",)
    (said,) = client.said
    assert said.startswith("certificates: the CA does not take two@nowhere.example as contact: ") and "no such" in said


def test_settings_that_cannot_be_used_ask_nobody(client, gate):
    before = gate.orders
    error = client.refused(problem="/key cannot be read")
    assert (error.kind, error.reason) == ("settings", "/key cannot be read") and gate.orders == before
