"""Certificates from a CA by ACME (RFC 8555); how names are proved is in `proof`. The protocol is certbot's `acme`.

Imported by the controller alone, and only when a service wants a certificate: an edge without automatic HTTPS runs
without the library.

A CA's certificate authority for its own address is the system's, or that of the file in REQUESTS_CA_BUNDLE.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..dns.failure import DnsFailure
from ..dns.records import Records
from ..services.options import CommandError
from .folder import CertificateFolder, write
from .proof import Proof, Publish
from .schedule import Kind

if TYPE_CHECKING:
    from acme.client import ClientV2
    from acme.messages import OrderResource
    from josepy.jwk import JWKEC

LONGEST_ORDER = 90.0  # seconds from the order to the certificate
ANSWER = 20  # seconds that the CA may take for one answer


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
    def __init__(self, folder: CertificateFolder, publish: Publish, records: Records):
        self._folder, self._publish, self._records = folder, publish, records
        self._accounts = threading.Lock()  # two orders at once must not register twice

    def issue(self, hosts: Sequence[str], directory: str, *, is_awaited: bool = False) -> bytes:
        """Chain and key as one PEM text. `is_awaited`: a handshake waits for it. Raises NoCertificate, and CommandError
        without the library."""
        check_library()
        proof = Proof(hosts, self._publish, None if is_awaited else self._records)
        try:
            with _translated(waits := _Waits()):
                key, request = _key_and_request(hosts)
                client = self._client(directory, waits)
                return self._order(client, request, proof).encode() + key
        except DnsFailure as failure:
            raise NoCertificate("unreachable", failure.reason) from failure
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

    def _client(self, directory: str, waits: _Waits) -> ClientV2:
        """A client with an account at the CA: the one kept, or a new one where the CA does not know it any more."""
        from acme import errors, messages
        from acme.client import ClientV2
        from josepy.jwa import ES256

        from .network import Network

        path = self._folder.account(directory)
        with self._accounts:
            kept = _kept_account(path.read_text() if path.exists() else "")
            key = kept["key"] if kept else _account_key()
            network = Network(key, alg=ES256, user_agent="discode-edge", timeout=ANSWER)
            network.session.hooks["response"].append(waits.look)
            client = ClientV2(ClientV2.get_directory(directory, network), network)
            try:
                registered = client.new_account(messages.NewRegistration.from_data(terms_of_service_agreed=True))
                address = registered.uri
            except errors.ConflictError as known:
                address = known.location
            network.account = messages.RegistrationResource(body=messages.Registration(), uri=address)
            if not kept or kept["uri"] != address:
                text = json.dumps({"directory": directory, "uri": address, "key": key.to_json()})
                write(path, text.encode())
        return client


class _Waits:
    """Remembers the last Retry-After of a refusal: the library's errors do not carry it."""

    def __init__(self) -> None:
        self.seconds: float | None = None

    def look(self, answer: Any, *_: object, **__: object) -> None:
        seconds = answer.headers.get("Retry-After", "") if answer.status_code >= 400 else ""
        if seconds.isdigit():
            self.seconds = float(seconds)


@contextmanager
def _translated(waits: _Waits) -> Iterator[None]:
    """The library's errors as NoCertificate, by type."""
    from acme import errors, messages
    from josepy.errors import Error as JoseError
    from requests.exceptions import RequestException

    try:
        yield
    except messages.Error as error:
        kind: Kind = "rate limited" if error.code == "rateLimited" else "refused"
        kind = "unreachable" if error.code == "serverInternal" else kind
        raise NoCertificate(kind, _sentence(error), waits.seconds) from error
    except errors.ValidationError as error:
        raise NoCertificate("refused", _failed_challenges(error)) from error
    except errors.IssuanceError as error:
        raise NoCertificate("refused", _sentence(error.error)) from error
    except errors.TimeoutError as error:
        raise NoCertificate("unreachable", f"the CA did not finish within {LONGEST_ORDER:.0f} s") from error
    # Older versions of the library tell a failed connection as a ValueError.
    except (RequestException, ValueError) as error:
        raise NoCertificate("unreachable", f"the CA cannot be reached: {_first_line(error)}") from error
    except (errors.Error, JoseError) as error:
        reason = f"the CA's answer is invalid: {_first_line(error) or type(error).__name__}"
        raise NoCertificate("unreachable", reason, waits.seconds) from error


def _sentence(error: Any) -> str:
    return _first_line(error.detail or error.title or error.code or "the CA gave no reason")


def _failed_challenges(error: Any) -> str:
    reasons = [
        f"{authorization.body.identifier.value}: {_sentence(challenge.error)}"
        for authorization in error.failed_authzrs
        for challenge in authorization.body.challenges
        if challenge.error is not None
    ]
    return "; ".join(reasons) or "the CA refused the challenge"


def _first_line(text: object) -> str:
    return (str(text).splitlines() or [""])[0][:300]


def _account_key() -> JWKEC:
    from cryptography.hazmat.primitives.asymmetric import ec
    from josepy.jwk import JWKEC

    return JWKEC(key=ec.generate_private_key(ec.SECP256R1()))


def _kept_account(text: str) -> dict[str, Any] | None:
    """None when there is none that can be read: then a new one is made."""
    from josepy.errors import Error as JoseError
    from josepy.jwk import JWKEC

    try:
        raw = json.loads(text)
        return {"uri": str(raw["uri"]), "key": JWKEC.from_json(raw["key"])}
    except (ValueError, KeyError, TypeError, JoseError):
        return None


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
