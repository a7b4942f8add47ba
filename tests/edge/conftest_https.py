"""An edge that takes HTTPS, certificates as files, and clients that verify what they are served."""

import http.client
import shutil
import socket
import ssl
import tempfile
from pathlib import Path

import pytest
from conftest_edge import Edge
from cryptography import x509

from rig.certificates import make_certificate, trusting
from rig.load import Users
from rig.pebble import Authority
from rig.ports import free_port
from rig.wait import wait_for


class Pair:
    """An own certificate and its key, as files."""

    def __init__(self, folder: Path, name, certificate, key):
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)
        self.flags = ("--tls-certificate-path", str(self.certificate), "--tls-private-key-path", str(self.key))


# How a deploy ends that has waited as long as it does: on a busy machine certificates may come later.
NOT_YET = ("the CA is still working on it", "its DNS record is on its way")


class HttpsEdge(Edge):
    def __init__(self, folder):
        super().__init__(folder)
        self.https_port = free_port()
        self.options: tuple[str, ...] = ()

    def start(self, *options):
        return super().start("--https-port", str(self.https_port), *self.options, *options)

    def certified(self, service, *words):
        """A deploy of which no certificate is refused; all are served when this returns."""
        said = self.ok("deploy", service, *words, "--tls")
        assert all(any(why in line for why in NOT_YET) for line in said.splitlines()), said
        names = [one["host"].replace("*", "any") for one in self.service(service)["certificates"]]
        wait_for(lambda: all(map(self.served, names)), what="certificates")

    def served(self, name):
        """The certificate that a client gets who asks for the name; None when there is no handshake."""
        context = ssl._create_unverified_context()
        try:
            plain = socket.create_connection(("127.0.0.1", self.https_port), 240)
            with plain, context.wrap_socket(plain, server_hostname=name) as secure:
                return x509.load_der_x509_certificate(secure.getpeercert(binary_form=True))
        except (ssl.SSLError, ConnectionError):
            return None

    def https(self, host, path="/", trust=None, **headers):
        """Status and body over TLS; the certificate is verified when `trust` says by whom."""
        secure = self.connect(host, trust)
        connection = http.client.HTTPConnection(host)
        connection.sock = secure
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def connect(self, host, trust=None, protocols=()):
        context = trusting(trust) if trust else ssl._create_unverified_context()
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.https_port), 240), server_hostname=host)

    def head(self, host, path="/"):
        """Status and headers over plain HTTP, redirects not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240)
        try:
            connection.request("GET", path, headers={"Host": host})
            answer = connection.getresponse()
            return answer.status, dict(answer.getheaders())
        finally:
            connection.close()


class Handshakes(Users):
    """Full handshakes and requests, verified, until it is left; `bad` has each that failed."""

    def __init__(self, edge, host, trust, users=4):
        super().__init__(users)
        self.edge, self.host, self.trust, self.seen = edge, host, trust, set()

    def ask_on(self, _):
        while self.on:
            try:
                secure = self.edge.connect(self.host, self.trust)
                self.seen.add(secure.getpeercert()["serialNumber"])
                secure.sendall(f"GET / HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n".encode())
                answer = b""
                while part := secure.recv(65536):
                    answer += part
                secure.close()
                if not answer.startswith(b"HTTP/1.1 200"):
                    self.bad.append(answer[:80])
            except OSError as error:
                self.bad.append(repr(error))
            self.count += 1
            self.pause(0.01)  # a handshake is work, for the whole machine


@pytest.fixture
def https_edge():
    """An edge with a port for HTTPS of its own, started by the test: `options` before that."""
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    made = HttpsEdge(folder / "state")
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder)


@pytest.fixture
def authority(https_edge, monkeypatch):
    """A CA that runs, and an edge that uses it; failed orders are tried again from half a second on."""
    made = Authority(https_edge.folder.parent / "ca", https_edge.port)
    # The system's authorities do not know the gate's: the controller inherits this.
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(made.trust))
    https_edge.options = ("--acme-directory", made.directory, "--acme-retry", "3s")
    try:
        made.start()
        https_edge.start()
        yield made
    finally:
        made.close()


@pytest.fixture
def pair(tmp_path):
    def make(name, *hosts, **options):
        certificate, key, _ = make_certificate(*hosts, **options)
        return Pair(tmp_path, name, certificate, key)

    return make
