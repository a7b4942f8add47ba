"""The account at a CA: one for each directory and each external account binding, made at the first order.

Whoever changes the directory or the binding gets another account, and the one before it again with the settings from
before. Another contact address is told to the CA with the next order.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..services.tls import Authority
from .folder import CertificateFolder, write

if TYPE_CHECKING:
    from acme.client import ClientV2
    from josepy.jwk import JWKEC

ANSWER = 20  # seconds that the CA may take for one answer


@dataclass(frozen=True)
class _Kept:
    uri: str
    key: Any
    email: str


class Accounts:
    """`say`: what went wrong and stops no order."""

    def __init__(self, folder: CertificateFolder, say: Callable[[str], None]):
        self._folder, self._say = folder, say
        self._lock = threading.Lock()  # two orders at once must not register twice

    def client(self, directory: str, authority: Authority, look: Callable[..., None]) -> ClientV2:
        """A client with an account: the one kept, or a new one where the CA does not know it any more. `look` sees
        every answer of the CA. Raises the library's errors."""
        from acme import messages
        from acme.client import ClientV2
        from josepy.jwa import ES256

        from .network import Network

        path = self._folder.account(directory, authority.eab_kid)
        with self._lock:
            kept = _read(path.read_text() if path.exists() else "")
            key = kept.key if kept else _new_key()
            network = Network(key, authority.ca_bundle, alg=ES256, user_agent="discode-edge", timeout=ANSWER)
            network.session.hooks["response"].append(look)
            client = ClientV2(ClientV2.get_directory(directory, network), network)
            address, is_new = _register(client, key, authority)
            network.account = messages.RegistrationResource(body=messages.Registration(), uri=address)
            email = authority.email
            if not is_new and kept and kept.email != email and not self._told(client, address, email):
                email = kept.email
            now = _Kept(address, key, email)
            if kept is None or (kept.uri, kept.email) != (now.uri, now.email):
                text = {"directory": directory, "uri": address, "key": key.to_json(), "email": email}
                write(path, json.dumps(text).encode())
        return client

    def _told(self, client: ClientV2, address: str, email: str) -> bool:
        """A CA that does not take an address has a certificate for us all the same."""
        from acme import errors, messages

        contact = messages.Registration.from_data(contact=(f"mailto:{email}",) if email else ())
        try:
            client.net.post(
                address,
                messages.UpdateRegistration(**dict(contact)),
                new_nonce_url=client.directory["newNonce"],
            )
        except (messages.Error, errors.Error) as error:
            self._say(f"certificates: the CA does not take {email or 'no'} as contact: {error}")
            return False
        return True


def _register(client: ClientV2, key: JWKEC, authority: Authority) -> tuple[str, bool]:
    """The account's address, and whether it is new. The terms are agreed to: whoever runs the edge was told of them."""
    from acme import errors, messages

    binding: dict[str, Any] = {}
    if authority.eab_kid:
        made = messages.ExternalAccountBinding.from_data(
            key.public_key(), authority.eab_kid, authority.eab_key, client.directory
        )
        binding = {"external_account_binding": made}
    wanted = messages.NewRegistration.from_data(email=authority.email or None, terms_of_service_agreed=True, **binding)
    try:
        return client.new_account(wanted).uri, True
    except errors.ConflictError as known:
        return known.location, False


def _new_key() -> JWKEC:
    from cryptography.hazmat.primitives.asymmetric import ec
    from josepy.jwk import JWKEC

    return JWKEC(key=ec.generate_private_key(ec.SECP256R1()))


def _read(text: str) -> _Kept | None:
    """None when there is none that can be read: then a new one is made."""
    from josepy.errors import Error as JoseError
    from josepy.jwk import JWKEC

    try:
        raw = json.loads(text)
        return _Kept(str(raw["uri"]), JWKEC.from_json(raw["key"]), str(raw.get("email", "")))
    except (ValueError, KeyError, TypeError, JoseError):
        return None
