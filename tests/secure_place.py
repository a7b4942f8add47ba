"""A customer's machine with HTTPS, and a CA beside it."""

from place import Place
from rig.certificates import trusting
from rig.pebble import Authority
from rig.ports import free_port
from rig.web import SecureConnection

HOST, BLOCKED = "shop.test", "blocked.test"


class SecurePlace(Place):
    """A machine whose CA is Pebble; it trusts the CA's address, and with `trust_root` what it issues."""

    def __init__(self, folder):
        super().__init__(folder)
        self.https_port, self.bundle = free_port(), folder / "trusted.pem"
        self.pebble = Authority(folder / "ca", self.port).start()
        self.bundle.write_text(self.pebble.trust.read_text())
        self.home.mkdir()
        (self.home / "config.toml").write_text(
            f"https_port = {self.https_port}\nacme_directory = '{self.pebble.directory}'\n"
            f"acme_ca_bundle = '{self.bundle}'\n"
        )

    def trust_root(self):
        self.bundle.write_text(self.pebble.trust.read_text() + self.pebble.root())

    def words(self, *more, host=HOST):
        own = [host if word == HOST else word for word in self.install_words()]
        return (*own, "--tls", "auto", *more)

    def by_https(self, host=HOST):
        connection = SecureConnection(self.https_port, host, trusting(self.pebble.root()))
        connection.request("GET", "/")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()

    def killed(self, *more):
        """An install, killed while it waits for its certificate: the CA does not get on with the order."""
        self.pebble.gate.open.clear()
        command = self.start(*self.words(*more), "--json")
        assert any('"step-started", "step": "https"' in line for line in command.stdout)
        command.kill()
        command.wait()

    def close(self):
        self.pebble.close()
        super().close()
