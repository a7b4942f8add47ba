"""HTTPS on the machine that is disturbed: certificates of the customer's own, and a CA to get them from."""

from __future__ import annotations

import ssl
from contextlib import closing
from pathlib import Path

from rig.certificates import make_certificate, trusting
from rig.place import Place
from rig.secured import Secured
from rig.web import NO_ANSWER, SecureConnection

PATIENCE = 300.0


class Https:
    """`address`: where the proxy reaches the CA; empty: on this machine itself. `names`: of the customer's own
    certificates."""

    def __init__(self, place: Place, address: str, names: tuple[str, ...]):
        self._folder, self._names, self._number = place.folder, names, 0
        self._ca = Secured(place, address)
        own, _, self._issuer = make_certificate("issuer.chaos.test")
        self._own_root = own.decode()
        self._context = trusting(self._own_root + self._ca.root.read_text())

    def own_certificate(self) -> tuple[str, ...]:
        """The options that give the app another certificate of the customer's own than the last ones."""
        self._number += 1
        chain, key, _ = make_certificate(*self._names, issuer=self._issuer)
        paths = [self._folder / f"own-{self._number}.{ending}" for ending in ("crt", "key")]
        for path, data in zip(paths, (chain + self._own_root.encode(), key), strict=True):
            path.write_bytes(data)
        return "--certificate", str(paths[0]), "--private-key", str(paths[1])

    def connection(self, host: str) -> SecureConnection:
        return SecureConnection(self._ca.https_port, host, self._context, PATIENCE)

    def version(self, host: str) -> str:
        """What answers by HTTPS with a certificate that is trusted: a version, a status, or the kind of error."""
        try:
            with closing(self.connection(host)) as connection:
                connection.request("GET", "/version")
                answer = connection.getresponse()
                text = answer.read().decode()
        except NO_ANSWER as error:
            return type(error).__name__
        return text if answer.status == 200 else f"status {answer.status}"

    def serves(self, host: str, recorded: Path) -> bool:
        """Whether the certificate that clients get is the first one in that file. Raises OSError."""
        with closing(self.connection(host)) as connection:
            connection.connect()
            served = connection.sock.getpeercert(binary_form=True)
        first, end, _ = recorded.read_text().partition(ssl.PEM_FOOTER)
        return bool(served == ssl.PEM_cert_to_DER_cert(first + end))

    def close(self) -> None:
        self._ca.close()
