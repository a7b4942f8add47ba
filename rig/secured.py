"""A customer's machine with a port for HTTPS and a CA of its own."""

from __future__ import annotations

from rig.certificates import make_certificate, trusting
from rig.pebble import Authority, Gate
from rig.place import Place
from rig.ports import free_port
from rig.web import SecureConnection


class Secured:
    """A machine whose CA is Pebble; it trusts what that issues. `address`: where the proxy reaches the CA; empty: on
    this machine itself."""

    def __init__(self, machine: Place, address: str = ""):
        self.https_port = free_port()
        self.pebble = Authority(machine.folder / "ca", machine.port).start()
        self.gate: Gate | None = None
        directory, trust = self.pebble.directory, self.pebble.trust.read_text()
        if address:
            certificate, key, _ = make_certificate(address)
            self.gate = self.pebble.another_gate(certificate, key, address)
            directory, trust = self.gate.directory, certificate.decode()
        self.root = machine.folder / "root.pem"
        self.root.write_text(self.pebble.root())
        bundle = machine.folder / "bundle.pem"
        bundle.write_text(trust + self.pebble.root())
        machine.home.mkdir(exist_ok=True)
        (machine.home / "config.toml").write_text(
            f"https_port = {self.https_port}\nacme_directory = '{directory}'\nacme_ca_bundle = '{bundle}'\n"
        )

    def served(self, host: str) -> tuple[str, int]:
        """The version that answers, and the certificate's serial number, verified. Raises OSError or HTTPException."""
        connection = SecureConnection(self.https_port, host, trusting(self.root))
        try:
            connection.connect()
            serial = int(str((connection.sock.getpeercert() or {})["serialNumber"]), 16)
            connection.request("GET", "/version")
            return connection.getresponse().read().decode(), serial
        finally:
            connection.close()

    def close(self) -> None:
        self.pebble.close()
        if self.gate is not None:
            self.gate.close()
