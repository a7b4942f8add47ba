"""A CA of the test's own: Pebble with its DNS on loopback, and a gate in front that can be closed or set a limit."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest_edge import Edge
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from rig import web
from rig.load import Users
from rig.ports import free_port
from rig.wait import wait_for

LIMITED = {
    "type": "urn:ietf:params:acme:error:rateLimited",
    "detail": "too many certificates already issued for this name",
    "status": 429,
}


def make_key(bits=0):
    return rsa.generate_private_key(65537, bits) if bits else ec.generate_private_key(ec.SECP256R1())


def make_certificate(*names, key=None, days=(-1, 30), issuer=None):
    """Certificate and key, PEM; signed by itself, or by `issuer`, a certificate and its key."""
    key = key or make_key()
    serial, now = x509.random_serial_number(), datetime.now(UTC)
    # A subject of its own: who trusts two of them finds each by its subject.
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, f"test {serial}")])
    builder = x509.CertificateBuilder().subject_name(subject).public_key(key.public_key())
    builder = builder.issuer_name(issuer[0].subject if issuer else subject).serial_number(serial)
    builder = builder.not_valid_before(now + timedelta(days=days[0])).not_valid_after(now + timedelta(days=days[1]))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name) for name in names]), False)
    builder = builder.add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), True)
    for extension, is_critical in _demanded(key.public_key(), issuer):
        builder = builder.add_extension(extension, is_critical)
    made = builder.sign(issuer[1] if issuer else key, hashes.SHA256())
    return made.public_bytes(serialization.Encoding.PEM), key_pem(key), (made, key)


def _demanded(public_key, issuer):
    """Extensions without which Python 3.13 and newer trust nothing."""
    signer = issuer[0].public_key() if issuer else public_key
    yield x509.SubjectKeyIdentifier.from_public_key(public_key), False
    yield x509.AuthorityKeyIdentifier.from_issuer_public_key(signer), False
    # Signs handshakes, and others' certificates when it has no issuer.
    yield x509.KeyUsage(True, False, True, False, False, issuer is None, False, False, False), True


def key_pem(key, password=None):
    hidden = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, hidden)


class Pair:
    """An own certificate and its key, as files."""

    def __init__(self, folder: Path, name, certificate, key):
        self.certificate, self.key = folder / f"{name}.crt", folder / f"{name}.key"
        self.certificate.write_bytes(certificate)
        self.key.write_bytes(key)
        self.flags = ("--tls-certificate-path", str(self.certificate), "--tls-private-key-path", str(self.key))


class Authority:
    """Pebble, seen through the gate at `directory`. `trust` is a file with who signed the gate's own certificate."""

    def __init__(self, folder: Path, http_port):
        self.folder = folder
        folder.mkdir(parents=True)
        self.port, self._dns, self._manage_dns, self._manage = (free_port() for _ in range(4))
        certificate, key, root = make_certificate("authority.test")
        self.trust = folder / "trust.pem"
        self.trust.write_bytes(certificate)
        certificate, key, _ = make_certificate("localhost", issuer=root)
        (folder / "pebble.crt").write_bytes(certificate)
        (folder / "pebble.key").write_bytes(key)
        self._write_settings(http_port, seconds=90 * 86400)
        dns = {"-dns01": f"127.0.0.1:{self._dns}", "-management": f"127.0.0.1:{self._manage_dns}"}
        dns |= {"-defaultIPv4": "127.0.0.1", "-defaultIPv6": "", "-http01": "", "-https01": "", "-tlsalpn01": ""}
        self._dns_process = self._start(["pebble-challtestsrv", *(word for pair in dns.items() for word in pair)])
        self._pebble = None
        self.gate = Gate(folder / "pebble.crt", folder / "pebble.key", self.port)
        self.directory = f"https://localhost:{self.gate.port}/dir"

    def _write_settings(self, http_port, seconds):
        self._http_port = http_port
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self._manage}",
            "certificate": str(self.folder / "pebble.crt"),
            "privateKey": str(self.folder / "pebble.key"),
            "httpPort": http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": False,
            "certificateValidityPeriod": seconds,
            "domainBlocklist": ["blocked.test"],
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}))

    def start(self, seconds=90 * 86400):
        """A CA with an empty memory; its certificates last for `seconds`."""
        self.stop()
        self._write_settings(self._http_port, seconds)
        words = ["pebble", "-config", str(self.folder / "pebble.json"), "-dnsserver", f"127.0.0.1:{self._dns}"]
        # It refuses a good nonce now and then, in percent: here so often that asking again once would not do.
        pebble = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "25"}
        self._pebble = self._start([*words, "-strict", "false"], **pebble)
        wait_for(lambda: _listens(self.port))
        return self

    def stop(self):
        if self._pebble is not None:
            _end(self._pebble)
            self._pebble = None

    def root(self):
        """Who signs what Pebble issues, PEM: made anew at every start."""
        connection = http.client.HTTPSConnection("localhost", self._manage, context=trusting(self.trust), timeout=5)
        connection.request("GET", "/roots/0")
        return connection.getresponse().read().decode()

    def point(self, host, address):
        """Give a name another address."""
        for path in ("/clear-a", "/add-a"):  # adding alone leaves the one before it in place
            connection = http.client.HTTPConnection("127.0.0.1", self._manage_dns, timeout=5)
            connection.request("POST", path, json.dumps({"host": host, "addresses": [address]}))
            assert connection.getresponse().status == 200

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def close(self):
        self.stop()
        self.gate.close()
        _end(self._dns_process)

    def _start(self, words, **environment):
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **environment})


class Gate:
    """Passes everything on to Pebble, but for what it was told to do: `limit` answers orders with 429, and they wait
    while it is not `open`."""

    def __init__(self, certificate, key, behind):
        gate = self
        self.limit, self.orders, self.open = None, 0, threading.Event()
        self.open.set()

        class Handler(web.Handler):
            def do_GET(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                if self.path.startswith("/order-plz"):
                    gate.orders += 1
                    gate.open.wait(60)
                    if gate.limit is not None:
                        data = json.dumps(LIMITED).encode()
                        head = {"Content-Type": "application/problem+json", "Retry-After": str(gate.limit)}
                        head["Replay-Nonce"] = self.nonce()
                        return self.answer(429, head, data)
                status, head, data = self.ask(self.command, self.path, body)
                if self.path.startswith("/order-plz") and b":badNonce" in data:
                    gate.orders -= 1  # Pebble refuses some nonces at random: the same order comes again
                return self.answer(status, head, data)

            do_POST = do_GET
            do_HEAD = do_GET

            def nonce(self):
                return self.ask("HEAD", "/nonce-plz", None)[1]["Replay-Nonce"]

            def ask(self, method, path, body):
                pebble = http.client.HTTPSConnection("localhost", behind, context=ssl._create_unverified_context())
                kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
                pebble.request(method, path, body or None, {} if body is None else kept)
                answer = pebble.getresponse()
                head = dict(answer.getheaders())
                data = answer.read()
                pebble.close()
                return answer.status, head, data

            def answer(self, status, head, data):
                self.send_response_only(status)
                for name, value in head.items():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._web = web.Web(Handler, context)
        self.port = self._web.port

    def close(self):
        self.open.set()
        self._web.close()


class HttpsEdge(Edge):
    def __init__(self, folder):
        super().__init__(folder)
        self.https_port, self.options = free_port(), ()

    def start(self, *options):
        return super().start("--https-port", str(self.https_port), *self.options, *options)

    def served(self, name):
        """The certificate that a client gets who asks for the name; None when there is no handshake."""
        context = ssl._create_unverified_context()
        try:
            plain = socket.create_connection(("127.0.0.1", self.https_port), 20)
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
        return context.wrap_socket(socket.create_connection(("127.0.0.1", self.https_port), 20), server_hostname=host)

    def head(self, host, path="/"):
        """Status and headers over plain HTTP, redirects not followed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
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


def trusting(trust):
    """A context that trusts a PEM text or file alone."""
    if isinstance(trust, ssl.SSLContext):
        return trust
    return ssl.create_default_context(**({"cadata": trust} if "BEGIN" in str(trust) else {"cafile": str(trust)}))


def _listens(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _end(process):
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


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
