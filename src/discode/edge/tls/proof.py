"""How names are proved to the CA: by an answer on port 80 (http-01), or by a record at their DNS provider (dns-01).

A provider is set   ->  dns-01; what the provider cannot do, for a name that is no wildcard, http-01 may: same order
No provider         ->  http-01, and no wildcards: there is no other proof for them (RFC 8555, 7.1.3 and 8.4)
A name on demand    ->  http-01: a handshake waits for it, and records take their time
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

from ...core.public_names import is_wildcard
from ..dns.failure import DnsFailure
from ..dns.records import Records

if TYPE_CHECKING:
    from acme.messages import ChallengeBody, OrderResource
    from josepy.jwk import JWK

    Answers = list[tuple[ChallengeBody, Any]]  # each with the library's response

# Answers of the CA by path, served on port 80 of the name for as long as the context lasts.
Publish = Callable[[Mapping[str, str]], AbstractContextManager[None]]
UNPROVABLE = "a wildcard is proved by a record at your DNS provider, and none is set: dns_provider and dns_credentials"


class Proof:
    """Of one order. `failure`: why it was not proved by DNS, where that was tried."""

    def __init__(self, hosts: Sequence[str], publish: Publish, records: Records | None):
        self._hosts, self._publish, self._records = hosts, publish, records
        self.failure: DnsFailure | None = None

    @contextmanager
    def answers(self, order: OrderResource, key: JWK | None) -> Iterator[Answers]:
        """What the CA is to be told: it may look now. Raises DnsFailure, when it begins."""
        pending = [body.body for body in order.authorizations if body.body.status.name == "pending"]
        with ExitStack() as stack:
            try:
                answers = self._by_dns(stack, pending, key)
            except DnsFailure as failure:
                if any(map(is_wildcard, self._hosts)):
                    raise
                self.failure, answers = failure, None
            yield self._by_http(stack, pending, key) if answers is None else answers

    def _by_dns(self, stack: ExitStack, pending: Sequence[Any], key: JWK | None) -> Answers | None:
        """None where http-01 is the way. Raises DnsFailure."""
        from acme import challenges

        settings = self._records.settings() if self._records else None
        if self._records is None or settings is None:
            if any(map(is_wildcard, self._hosts)):
                raise DnsFailure("provider", UNPROVABLE)
            return None
        if not any(map(settings.proves, self._hosts)):
            return None
        asked = [(one.identifier.value, body) for one in pending for body in _of(challenges.DNS01, one)]
        told = [(name, body, *body.response_and_validation(key)) for name, body in asked]
        places = [(body.chall.validation_domain_name(name), value) for name, body, _, value in told]
        stack.enter_context(self._records.published(settings, places))
        return [(body, response) for _, body, response, _ in told]

    def _by_http(self, stack: ExitStack, pending: Sequence[Any], key: JWK | None) -> Answers:
        from acme import challenges

        asked = [body for one in pending for body in _of(challenges.HTTP01, one)]
        told = [(body, *body.response_and_validation(key)) for body in asked]
        stack.enter_context(self._publish({body.chall.path: value for body, _, value in told}))
        return [(body, response) for body, response, _ in told]


def _of(kind: type, authorization: Any) -> list[ChallengeBody]:
    return [body for body in authorization.challenges if isinstance(body.chall, kind)]
