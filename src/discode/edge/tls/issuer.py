"""Certificates from a CA by ACME (RFC 8555); how names are proved is in `proof`. The protocol is certbot's `acme`.

Imported by the controller alone, and only when a service wants a certificate: an edge without automatic HTTPS runs
without the library.

Who may have signed the CA's own certificate: the system's authorities, or those in the file that REQUESTS_CA_BUNDLE
names; and those of `ca_bundle`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..dns.failure import DnsFailure
from ..dns.records import Records
from ..services.options import CommandError
from ..services.tls import Authority
from .account import Accounts
from .problems import asked_wait, first_line, kind_of, on_the_way, sentence
from .proof import Proof, Publish
from .schedule import Kind

if TYPE_CHECKING:
    from acme.client import ClientV2
    from acme.messages import OrderResource

LONGEST_ORDER = 90.0  # seconds from the order to the certificate


class NoCertificate(Exception):
    """The CA gave none. `retry_after`: seconds, where the CA said so."""

    def __init__(self, kind: Kind, reason: str, retry_after: float | None = None):
        super().__init__(reason)
        self.kind, self.reason, self.retry_after = kind, reason, retry_after


def check_library() -> None:
    """Raises CommandError when automatic certificates cannot be had on this machine."""
    try:
        import acme.client  # noqa: F401
    except ImportError as error:
        raise CommandError(
            f"automatic certificates need the Python package acme ({error}): pip install acme, then restart the"
            " proxy's controller; or give a certificate with --tls-certificate-path. Nothing was changed"
        ) from None


class Issuer:
    def __init__(self, accounts: Accounts, publish: Publish, records: Records):
        self._accounts, self._publish, self._records = accounts, publish, records

    def issue(self, hosts: Sequence[str], directory: str, authority: Authority, *, is_awaited: bool = False) -> bytes:
        """Chain and key as one PEM text. `is_awaited`: a handshake waits for it. Raises NoCertificate, and CommandError
        without the library."""
        check_library()
        if authority.problem:
            raise NoCertificate("settings", authority.problem)
        proof = Proof(hosts, self._publish, None if is_awaited else self._records)
        try:
            with _translated(directory, answers := _Answers()):
                key, request = _key_and_request(hosts)
                client = self._accounts.client(directory, authority, answers.look)
                return self._order(client, request, proof).encode() + key
        except DnsFailure as failure:
            raise NoCertificate("dns provider", failure.reason) from failure
        except NoCertificate as error:
            if proof.failure is None:
                raise
            reason = f"{error.reason}; and not by DNS: {proof.failure.reason}"
            raise NoCertificate(error.kind, reason, error.retry_after) from error

    def _order(self, client: ClientV2, request: bytes, proof: Proof) -> str:
        order = client.new_order(request)
        with proof.answers(order, client.net.key) as answers:
            for body, response in answers:
                client.answer_challenge(body, response)
            deadline = datetime.now() + timedelta(seconds=LONGEST_ORDER)
            done: OrderResource = client.poll_and_finalize(order, deadline)
        return str(done.fullchain_pem)


class _Answers:
    """Remembers of the CA's last refusal what the library's errors do not carry."""

    def __init__(self) -> None:
        self.retry_after = self.link = self.odd = ""

    def look(self, answer: Any, *_: object, **__: object) -> None:
        kind = answer.headers.get("Content-Type", "").partition(";")[0]
        if "json" not in kind and (answer.status_code >= 400 or kind == "text/html"):
            self.odd = f"{answer.status_code} with {kind or 'no content'}"
        if answer.status_code >= 400:
            self.retry_after = answer.headers.get("Retry-After", "")
            with suppress(ValueError, AttributeError):
                self.link = str(answer.json().get("instance") or "")
            self.link = self.link or answer.links.get("terms-of-service", {}).get("url", "")


@contextmanager
def _translated(directory: str, answers: _Answers) -> Iterator[None]:
    """The library's errors as NoCertificate, by type. None gets through: whoever met it would try again at once."""
    from acme import errors, messages
    from requests.exceptions import RequestException, SSLError

    try:
        yield
    except (NoCertificate, DnsFailure):
        raise
    except messages.Error as error:
        raise _refused([error], answers) from error
    except errors.ValidationError as error:
        raise _refused(_failed_challenges(error), answers, "the CA refused the challenge") from error
    except errors.IssuanceError as error:
        raise _refused([error.error], answers) from error
    except errors.TimeoutError as error:
        raise NoCertificate("unreachable", f"the CA did not finish within {LONGEST_ORDER:.0f} s") from error
    except Exception as error:
        if answers.odd:
            raise NoCertificate("not a CA", f"{directory} does not answer as a CA: {answers.odd}") from error
        # Older versions of the library tell a failed connection as a ValueError.
        if isinstance(error, RequestException | ValueError) and not isinstance(error, json.JSONDecodeError):
            is_tls = isinstance(error, SSLError)
            raise NoCertificate(*on_the_way(error, directory, time.time(), is_tls=is_tls)) from error
        reason = f"{directory} does not answer as a CA: {first_line(error) or type(error).__name__}"
        raise NoCertificate("not a CA", reason) from error


def _refused(errors: list[Any], answers: _Answers, otherwise: str = "the CA gave no reason") -> NoCertificate:
    """`errors` are the library's, one for each name."""
    whole = [one for error in errors for one in (error, *(getattr(error, "subproblems", None) or ()))]
    kind = kind_of([str(error.typ) for error in whole])
    why = "; ".join(dict.fromkeys(_words(error) for error in whole)) or otherwise
    wait = asked_wait(answers.retry_after, why, time.time())
    return NoCertificate(kind, sentence(kind, why, link=answers.link), wait)


def _words(error: Any) -> str:
    """A CA's own, with the name that they are about."""
    name = f"{error.identifier.value}: " if error.identifier is not None else ""
    return name + first_line(error.detail or error.title or error.typ)


def _failed_challenges(error: Any) -> list[Any]:
    return [
        challenge.error.update(identifier=authorization.body.identifier)
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]


def _key_and_request(hosts: Sequence[str]) -> tuple[bytes, bytes]:
    """A fresh key, and the request for a certificate over it; both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    alternatives = x509.SubjectAlternativeName([x509.DNSName(host) for host in hosts])
    builder = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    request = builder.add_extension(alternatives, critical=False).sign(key, hashes.SHA256())
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return private, request.public_bytes(serialization.Encoding.PEM)
