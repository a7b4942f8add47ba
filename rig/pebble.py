"""A CA of one's own: Pebble with its DNS on loopback, and a gate in front that can be closed or set a limit."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import ssl
import subprocess
import threading
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from rig import web
from rig.certificates import make_certificate, trusting
from rig.ports import free_port
from rig.wait import wait_for

PATIENCE = 300.0  # seconds: what is longer hangs
LIMITED = {
    "type": "urn:ietf:params:acme:error:rateLimited",
    "detail": "too many certificates already issued for this name",
    "status": 429,
}


class Authority:
    """Pebble, seen through the gate at `directory`. `trust` is a file with who signed the gate's own certificate."""

    def __init__(self, folder: Path, http_port: int, dns: str = ""):
        """`dns`: where it asks, as ADDRESS:PORT; empty: a server that gives every name the address 127.0.0.1."""
        self.folder = folder
        folder.mkdir(parents=True)
        self.port, own_dns, self._manage_dns, self._manage = (free_port() for _ in range(4))
        self._http_port = http_port
        self._dns = dns or f"127.0.0.1:{own_dns}"
        certificate, key, root = make_certificate("authority.test")
        self.trust = folder / "trust.pem"
        self.trust.write_bytes(certificate)
        certificate, key, _ = make_certificate("localhost", issuer=root)
        (folder / "pebble.crt").write_bytes(certificate)
        (folder / "pebble.key").write_bytes(key)
        self._dns_process = None if dns else self._start_dns()
        self._pebble: subprocess.Popen[bytes] | None = None
        self.gate = Gate(folder / "pebble.crt", folder / "pebble.key", self.port)
        self.directory = self.gate.directory

    def another_gate(self, certificate: bytes = b"", key: bytes = b"", address: str = "127.0.0.1") -> Gate:
        """Another address of the same CA, another directory to its clients; it is the caller's to close. With a
        certificate of its own if one is given."""
        paths = self.folder / "pebble.crt", self.folder / "pebble.key"
        if certificate:
            paths = self.folder / "gate.crt", self.folder / "gate.key"
            for path, data in zip(paths, (certificate, key), strict=True):
                path.write_bytes(data)
        return Gate(*paths, self.port, address)

    def _start_dns(self) -> subprocess.Popen[bytes]:
        options = {"-dns01": self._dns, "-management": f"127.0.0.1:{self._manage_dns}"}
        options |= {"-defaultIPv4": "127.0.0.1", "-defaultIPv6": "", "-http01": "", "-https01": "", "-tlsalpn01": ""}
        return self._start(["pebble-challtestsrv", *(word for pair in options.items() for word in pair)])

    def _write_settings(self, seconds: int, keys: Mapping[str, str]) -> None:
        settings = {
            "listenAddress": f"127.0.0.1:{self.port}",
            "managementListenAddress": f"127.0.0.1:{self._manage}",
            "certificate": str(self.folder / "pebble.crt"),
            "privateKey": str(self.folder / "pebble.key"),
            "httpPort": self._http_port,
            "tlsPort": free_port(),
            "ocspResponderURL": "",
            "externalAccountBindingRequired": bool(keys),
            "externalAccountMACKeys": dict(keys),
            "certificateValidityPeriod": seconds,
            "domainBlocklist": ["blocked.test"],
        }
        (self.folder / "pebble.json").write_text(json.dumps({"pebble": settings}))

    def start(self, seconds: int = 90 * 86400, keys: Mapping[str, str] = {}) -> Authority:
        """A CA with an empty memory; its certificates last for `seconds`. `keys`, by their id: it takes no account
        without one of them."""
        self.stop()
        self._write_settings(seconds, keys)
        words = ["pebble", "-config", str(self.folder / "pebble.json"), "-dnsserver", self._dns]
        # It refuses a good nonce now and then, in percent: here so often that asking again once would not do.
        pebble = {"PEBBLE_VA_NOSLEEP": "1", "PEBBLE_AUTHZREUSE": "0", "PEBBLE_WFE_NONCEREJECT": "25"}
        self._pebble = self._start([*words, "-strict", "false"], **pebble)
        ports = [self.port, self._manage, *([self._manage_dns] if self._dns_process else [])]
        wait_for(lambda: all(map(_listens, ports)), what="Pebble", unless=self._ended)
        return self

    def stop(self) -> None:
        if self._pebble is not None:
            _end(self._pebble)
            self._pebble = None

    def root(self) -> str:
        """Who signs what Pebble issues, PEM: made anew at every start."""
        context = trusting(self.trust)
        connection = http.client.HTTPSConnection("localhost", self._manage, context=context, timeout=PATIENCE)
        connection.request("GET", "/roots/0")
        return connection.getresponse().read().decode()

    def point(self, host: str, address: str) -> None:
        """Give a name another address."""
        for path in ("/clear-a", "/add-a"):  # adding alone leaves the one before it in place
            connection = http.client.HTTPConnection("127.0.0.1", self._manage_dns, timeout=PATIENCE)
            connection.request("POST", path, json.dumps({"host": host, "addresses": [address]}))
            assert connection.getresponse().status == 200

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def close(self) -> None:
        self.stop()
        self.gate.close()
        if self._dns_process is not None:
            _end(self._dns_process)

    def _ended(self) -> str:
        return self.log() if self._pebble is not None and self._pebble.poll() is not None else ""

    def _start(self, words: list[str], **environment: str) -> subprocess.Popen[bytes]:
        with (self.folder / "log").open("ab") as log:
            return subprocess.Popen(words, stdout=log, stderr=log, env={**os.environ, **environment})


class Gate:
    """Passes everything on to Pebble, but for what it was told to do: `limit` answers orders with 429, and they wait
    while it is not `open`. `instead`, by the beginning of a path: what is answered there, a status, headers and a
    body."""

    def __init__(self, certificate: Path, key: Path, behind: int, address: str = "127.0.0.1"):
        self.limit: int | None = None
        self.instead: dict[str, tuple[int, dict[str, str], bytes]] = {}
        self.orders, self.open = 0, threading.Event()
        self.open.set()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._web = web.Web(partial(_Passing, self, behind), context, address)
        self.port = self._web.port
        self.directory = f"https://{'localhost' if address == '127.0.0.1' else address}:{self.port}/dir"

    def close(self) -> None:
        self.open.set()
        self._web.close()


class _Passing(web.Handler):
    def __init__(self, gate: Gate, behind: int, *connection: Any):
        self._gate, self._behind = gate, behind
        super().__init__(*connection)

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith("/order-plz"):
            self._gate.orders += 1
            self._gate.open.wait(PATIENCE)
            if self._gate.limit is not None:
                return self._refuse(self._gate.limit)
        for path, (status, head, data) in self._gate.instead.items():
            if self.path.startswith(path):
                return self._pass(status, {**head, "Replay-Nonce": self._nonce()}, data)
        status, head, data = self._ask(self.command, self.path, body)
        if self.path.startswith("/order-plz") and b":badNonce" in data:
            self._gate.orders -= 1  # Pebble refuses some nonces at random: the same order comes again
        return self._pass(status, head, data)

    do_POST = do_GET
    do_HEAD = do_GET

    def _refuse(self, seconds: int) -> None:
        head = {"Content-Type": "application/problem+json", "Retry-After": str(seconds)}
        head["Replay-Nonce"] = self._nonce()
        self._pass(429, head, json.dumps(LIMITED).encode())

    def _nonce(self) -> str:
        return self._ask("HEAD", "/nonce-plz", None)[1]["Replay-Nonce"]

    def _ask(self, method: str, path: str, body: bytes | None) -> tuple[int, dict[str, str], bytes]:
        pebble = http.client.HTTPSConnection("localhost", self._behind, context=ssl._create_unverified_context())
        kept = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
        pebble.request(method, path, body or None, {} if body is None else kept)
        answer = pebble.getresponse()
        head = dict(answer.getheaders())
        data = answer.read()
        pebble.close()
        return answer.status, head, data

    def _pass(self, status: int, head: dict[str, str], data: bytes) -> None:
        self.send_response_only(status)
        for name, value in head.items():
            if name.lower() not in ("content-length", "transfer-encoding", "connection"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def _end(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(30)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
