"""An app under a wildcard name, installed by the command line: proved by records at a PowerDNS, to Pebble."""

import socket

import pytest

from place import Place
from rig.certificates import trusting
from rig.pebble import Authority
from rig.ports import free_port
from rig.powerdns import KEY, PowerDNS

ZONE = "shop.test"


class DnsPlace(Place):
    def __init__(self, folder):
        super().__init__(folder)
        self.https_port = free_port()
        self.home.mkdir()
        self.dns = PowerDNS(folder / "dns")
        self.dns.add_zone(ZONE, {(ZONE, "A"): ["127.0.0.1"], (f"*.{ZONE}", "A"): ["127.0.0.1"]})
        self.pebble = Authority(folder / "ca", self.port, f"{self.dns.address}:53")
        self.pebble.start()
        self.credentials = folder / "credentials"
        self.give(KEY)

    def give(self, key):
        self.credentials.write_text(f"auth_token={key}\npdns_server={self.dns.api}\n")
        self.credentials.chmod(0o600)

    def set_up(self):
        ca = f"acme_directory={self.pebble.directory}", f"acme_ca_bundle={self.pebble.trust}"
        self.run("proxy", "config", "set", f"https_port={self.https_port}", *ca)
        dns = "dns_provider=powerdns", f"dns_credentials={self.credentials}", f"dns_resolvers={self.dns.address}"
        return self.run("proxy", "config", "set", *dns, "dns_wait=120").out

    def trust(self):
        """For whoever looks: this machine trusts what Pebble issues."""
        file = self.folder / "root.pem"
        file.write_text(self.pebble.root() + self.pebble.trust.read_text())
        self.run("proxy", "config", "set", f"acme_ca_bundle={file}", "--skip-checks")
        return trusting(self.pebble.root())

    def names(self, host, trust):
        """Those of the certificate that a client gets, and trusts."""
        with (
            socket.create_connection(("127.0.0.1", self.https_port), 60) as plain,
            trust.wrap_socket(plain, server_hostname=host) as secure,
        ):
            return [name for _, name in secure.getpeercert()["subjectAltName"]]

    def close(self):
        super().close()
        self.pebble.close()
        self.dns.stop()


@pytest.fixture
def kind():
    return DnsPlace


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    return place


def test_a_wildcard_is_installed_with_https_and_a_credential_that_expires_is_told(place):
    said = place.set_up()
    assert "No record was tried yet. With a name of yours: discode proxy dns check example.com" in said
    trust = place.trust()
    done = place.install("--host", f"*.{ZONE}", "--tls", "auto", "--require-https")
    assert f"It has HTTPS: https://{ZONE}:{place.https_port}" in done.out
    assert sorted(place.names(f"a.{ZONE}", trust)) == [f"*.{ZONE}", ZONE] == sorted(place.names(ZONE, trust))
    assert place.dns.texts(ZONE) == {}
    place.give("not-the-one")
    refused = place.run("proxy", "renew", f"*.{ZONE}", code=5).err
    assert "powerdns does not accept the credentials: 401 Unauthorized" in refused and "is served" in refused
    assert place.names(f"a.{ZONE}", trust), "the one before it"
    refused = place.run("proxy", "config", "set", f"dns_credentials={place.credentials}", code=4).err
    assert "Names cannot be proved by DNS: powerdns does not accept the credentials: 401" in refused
    assert f"Correct {place.credentials}; what may be in it: discode proxy dns providers powerdns" in refused
    place.give(KEY)
    said = place.run("proxy", "config", "set", f"dns_credentials={place.credentials}").out
    assert f"powerdns added a record at _acme-challenge.{ZONE} in the zone {ZONE}; all its servers had it" in said
    assert "has a certificate by Pebble" in place.run("proxy", "renew", f"*.{ZONE}").out
    shown = "".join(path.read_text(errors="replace") for path in place.home.rglob("*") if path.is_file())
    assert KEY not in shown and "not-the-one" not in shown, "the credentials are in the user's own file alone"


def test_without_a_provider_a_wildcard_is_refused_or_has_no_https_and_both_are_told(place):
    refused = place.install("--host", f"*.{ZONE}", "--tls", "auto", code=4).err
    assert (
        f"A certificate for *.{ZONE} takes a record at your DNS provider as proof, and no provider is set." in refused
    )
    assert "Nothing was changed.\nNext: Set it, on a machine whose proxy is the edge" in refused
    assert "Fetching" not in refused
    said = place.install("--host", "*.example.com").err
    assert "No host of this app gets HTTPS by itself, for *.example.com takes a DNS provider" in said
