"""What a client sees of a certificate, with real servers; and of the edge's, with its reasons."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from discode.adapters import web
from discode.adapters.kamal_proxy import listing
from discode.adapters.kamal_proxy.handshake import handshake, looked_at
from discode.core.certificate import Certificate, CertificateFailure, NameState
from discode.core.errors import ProxyUnreachable
from rig.certificates import make_certificate, serving, trusting
from rig.ports import free_port
from rig.web import Handler, Web

Serve = Callable[..., int]
HERE = "127.0.0.1"


@pytest.fixture
def serve() -> Iterator[Serve]:
    """The port of a server with that certificate and key."""
    made: list[Web] = []

    def start(certificate: bytes, key: bytes) -> int:
        made.append(Web(Handler, serving(certificate, key)))
        return made[-1].port

    yield start
    for one in made:
        one.close()


def test_a_certificate_that_a_client_trusts(serve: Serve) -> None:
    root, _, issuer = make_certificate()
    certificate, key, (made, _) = make_certificate("a.test", "*.b.test", issuer=issuer, days=(-3, 60))
    port, trust = serve(certificate, key), trusting(root.decode())
    found = handshake("a.test", HERE, port, trust)
    name = issuer[0].subject.rfc4514_string().removeprefix("CN=")
    begins, ends = made.not_valid_before_utc.timestamp(), made.not_valid_after_utc.timestamp()
    assert found == Certificate(("a.test", "*.b.test"), name, begins, ends, True)
    assert found.days_left(ends - 86400 * 1.5) == 1
    assert handshake("*.b.test", HERE, port, trust) == found, "a wildcard is asked for by a name below it"


@pytest.mark.parametrize(
    ("host", "days", "is_known", "doubt"),
    [
        ("a.test", (-1, 30), False, "self-signed certificate"),
        ("a.test", (-30, -1), True, "certificate has expired"),
        ("a.test", (1, 30), True, "certificate is not yet valid"),
        ("other.test", (-1, 30), True, "Hostname mismatch, certificate is not valid for 'other.test'."),
    ],
)
def test_a_certificate_that_a_client_does_not_trust(
    serve: Serve, host: str, days: tuple[float, float], is_known: bool, doubt: str
) -> None:
    certificate, key, (made, _) = make_certificate("a.test", days=days)
    trust = trusting((certificate if is_known else make_certificate()[0]).decode())
    found = handshake(host, HERE, serve(certificate, key), trust)
    assert isinstance(found, Certificate)
    assert (found.names, found.is_trusted, found.doubt) == (("a.test",), False, doubt)
    assert found.ends == made.not_valid_after_utc.timestamp()
    assert found.issuer == made.issuer.rfc4514_string().removeprefix("CN=")


def test_no_handshake_at_all_is_a_failure_that_says_so() -> None:
    port, trust = free_port(), web.trusted()
    found = handshake("a.test", HERE, port, trust)
    assert found == CertificateFailure("not served", f"port {port}: Connection refused")
    told = CertificateFailure("refused", "CAA forbids it", 1.0, 3)
    assert looked_at(["a.test", "b.test"], HERE, port, trust, {"b.test": NameState("b.test", None, told)}) == (
        NameState("a.test", None, found),
        NameState("b.test", None, told),
    ), "the proxy knows better"


def test_a_bundle_of_the_host_is_trusted_beside_the_machine(tmp_path: Path, serve: Serve) -> None:
    certificate, key, _ = make_certificate("a.test")
    port, bundle = serve(certificate, key), tmp_path / "ca.pem"
    for text, is_trusted in ((b"", False), (b"no certificate", False), (certificate, True)):
        bundle.write_bytes(text)
        found = handshake("a.test", HERE, port, web.trusted_also(bundle))
        assert isinstance(found, Certificate)
        assert found.is_trusted == is_trusted
    bundle.unlink()
    assert web.trusted_also(bundle).cert_store_stats() == web.trusted().cert_store_stats()


def test_the_reasons_of_the_edge_are_read() -> None:
    told = """{"services": [{"name": "a", "certificates": [
        {"host": "a.test", "error": "no such name", "kind": "rate limited", "count": 4, "source": "acme",
         "next_try": "2026-11-28T14:00:00+00:00", "of_this_directory": false},
        {"host": "b.test", "error": null, "next_try": null, "source": "acme", "of_this_directory": true},
        {"host": "d.test", "under_way": true},
        {"host": "c.test", "error": "of an earlier version", "next_try": null}]}, {"name": "plain"}]}"""
    limited = CertificateFailure("rate limited", "no such name", 1795874400.0, 4)
    refused = CertificateFailure("refused", "of an earlier version", None, 1)
    assert listing.names(told) == {
        "a.test": NameState("a.test", None, limited, is_awaited=True),
        "b.test": NameState("b.test"),
        "c.test": NameState("c.test", None, refused),
        "d.test": NameState("d.test", is_awaited=True),
    }
    with pytest.raises(ProxyUnreachable):
        listing.names('{"services": [{"certificates": [{"error": "x"}]}]}')
