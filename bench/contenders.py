"""What `bin/bench proxy` compares, each pinned to the same core in front of the same upstream.

direct        the upstream itself
HAProxy       bare: one frontend, one backend, no rule
edge          `discode edge`, with everything that it does for a request, among 20 other services
edge, no log  the same without its access log: bare HAProxy writes none either
kamal-proxy   where a binary is given
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import ClassVar

import wrk

from rig.ports import free_port
from rig.wait import wait_for

OTHER_SERVICES = 20
HAPROXY = "/usr/sbin/haproxy" if Path("/usr/sbin/haproxy").exists() else "haproxy"


class Contender:
    """`moving` are the processes that move bytes; `deciding` those beside them. `core`: where all of them run."""

    made: ClassVar[list[Contender]] = []  # also those that came up by half: all of them are to be stopped

    def __init__(self, name: str, folder: Path, core: int):
        self.made.append(self)
        self.name, self.folder, self.core = name, folder, core
        self.http_port, self.https_port = free_port(), free_port()
        self.moving: list[int] = []
        self.deciding: list[int] = []
        self._started: list[subprocess.Popen[bytes]] = []
        folder.mkdir()

    def spawn(self, *words: str, **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            process = subprocess.Popen(
                ["taskset", "-c", str(self.core), *words], stdout=log, stderr=log, env={**os.environ, **environment}
            )
        self._started.append(process)
        return process

    def ready(self) -> None:
        for port in (self.http_port, self.https_port):
            wait_for(partial(listens, port), what=f"{self.name}'s port {port}")

    def run(self, *words: str, **environment: str) -> str:
        done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, **environment}, check=False)
        if done.returncode != 0:
            raise SystemExit(f"{self.name}: {' '.join(words)}: {done.stderr}")
        return done.stdout

    def stop(self) -> None:
        for process in self._started:
            process.send_signal(signal.SIGTERM)
        for process in self._started:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


class Upstream(Contender):
    """nginx: small answers, a file of 1 MB, and uploads that it reads and drops. Also the contender `direct`."""

    def __init__(self, folder: Path, core: int, certificate: Path, key: Path):
        super().__init__("direct", folder, core)
        (folder / "big").write_bytes(b"x" * 1_000_000)
        (folder / "nginx.conf").write_text(_NGINX.format(folder=folder, up=self, certificate=certificate, key=key))
        process = self.spawn("/usr/sbin/nginx", "-p", str(folder), "-c", "nginx.conf", "-e", str(folder / "errors"))
        self.ready()
        wait_for(lambda: len(wrk.with_children(process.pid)) == 2, what="nginx's worker")
        self.moving = wrk.with_children(process.pid)


class BareHaproxy(Contender):
    def __init__(self, folder: Path, core: int, target: str, pem: Path):
        super().__init__("HAProxy", folder, core)
        (folder / "haproxy.cfg").write_text(_HAPROXY.format(up=self, target=target, pem=pem))
        process = self.spawn(HAPROXY, "-f", str(folder / "haproxy.cfg"))
        self.ready()
        self.moving = wrk.with_children(process.pid)


class Edge(Contender):
    def __init__(
        self, folder: Path, core: int, target: str, certificate: Path, key: Path, name: str = "edge", *options: str
    ):
        super().__init__(name, folder, core)
        self._command = (sys.executable, "-m", "discode.edge", "--state-dir", str(folder / "state"))
        ports = ("--http-port", str(self.http_port), "--https-port", str(self.https_port))
        controller = self.spawn(*self._command, "run", "--bind", "127.0.0.1", *ports, *options)
        wait_for(lambda: (folder / "state" / "edge.sock").exists(), what="the edge's socket")
        for number in range(OTHER_SERVICES):
            host = ("--host", f"other{number}.test", "--health-check-path", "/small")
            self.run(*self._command, "deploy", f"other{number}", "--target", target, *host)
        self.run(*self._command, *deploy_words(target, certificate, key))
        self.ready()
        self.deciding = [controller.pid]
        wait_for(self._old_workers_are_gone, what="the end of HAProxy's old workers")
        self.moving = self._haproxy()

    def _haproxy(self) -> list[int]:
        return [pid for pid in wrk.with_children(self.deciding[0]) if pid not in self.deciding]

    def _old_workers_are_gone(self) -> bool:
        return len(self._haproxy()) == 2  # the master and one worker


class KamalProxy(Contender):
    def __init__(self, folder: Path, core: int, target: str, certificate: Path, key: Path, binary: str):
        super().__init__("kamal-proxy", folder, core)
        home = {"HOME": str(folder), "XDG_RUNTIME_DIR": str(folder)}
        ports = ("--http-port", str(self.http_port), "--https-port", str(self.https_port))
        process = self.spawn(binary, "run", *ports, **home)
        self.ready()
        self.run(binary, *deploy_words(target, certificate, key), **home)
        self.moving = wrk.with_children(process.pid)


def deploy_words(target: str, certificate: Path, key: Path) -> tuple[str, ...]:
    """The same command for both: they share it."""
    own = ("--tls-certificate-path", str(certificate), "--tls-private-key-path", str(key))
    host = ("--host", "localhost", "--health-check-path", "/small", "--forward-headers")
    return ("deploy", "bench", "--target", target, *host, "--tls", "--tls-redirect=false", *own)


def make_certificate(folder: Path) -> tuple[Path, Path, Path]:
    """Certificate, key, and both in one file, for `localhost`; they die with the folder."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=2))
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), False)
    chain = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    files: Mapping[str, bytes] = {"localhost.crt": chain, "localhost.key": private, "localhost.pem": chain + private}
    for file, data in files.items():
        (folder / file).write_bytes(data)
    return folder / "localhost.crt", folder / "localhost.key", folder / "localhost.pem"


def listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def missing() -> list[str]:
    return [name for name in ("wrk", "taskset", "/usr/sbin/nginx", HAPROXY) if shutil.which(name) is None]


_NGINX = """\
daemon off;
user root;
worker_processes 1;
pid {folder}/nginx.pid;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_max_body_size 0;
    sendfile on;
    server {{
        listen 127.0.0.1:{up.http_port} backlog=4096;
        listen 127.0.0.1:{up.https_port} ssl backlog=4096;
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        location = /small {{ return 200 "hello, this is a small answer\\n"; }}
        location = /big {{ alias {folder}/big; }}
        location = /upload {{ return 200 "thanks\\n"; }}
    }}
}}
"""

_HAPROXY = """\
global
    maxconn 8192
defaults
    mode http
    timeout connect 5s
    timeout client 60s
    timeout server 60s
frontend bare
    bind 127.0.0.1:{up.http_port}
    bind 127.0.0.1:{up.https_port} ssl crt {pem} alpn h2,http/1.1
    default_backend bare
backend bare
    server upstream {target}
"""
