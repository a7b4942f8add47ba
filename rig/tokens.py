"""A token server for a registry, by both of its protocols: <https://distribution.github.io/distribution/spec/auth/>."""

from __future__ import annotations

import base64
import json
import threading
import time
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

SERVICE = ISSUER = "rig"


class TokenServer:
    """Gives a token that opens everything to whoever has `password`, or the identity token that is `identity`; one
    that opens nothing to anybody else. `asked` are the grants that were asked for."""

    def __init__(self, folder: Path, password: str, identity: str):
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._certificate = _certificate(self._key)
        self.bundle = folder / "bundle.pem"
        self.bundle.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))
        self._password, self._identity = password, identity
        self.asked: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def realm(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/token"

    @property
    def auth(self) -> str:
        """Of a registry's configuration."""
        token = f"realm: {self.realm}, service: {SERVICE}, issuer: {ISSUER}, rootcertbundle: {self.bundle}"
        return f"auth: {{token: {{{token}}}}}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def token(self, scopes: list[str]) -> str:
        access = []
        for scope in " ".join(scopes).split():
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        now = int(time.time())
        claims = {"iss": ISSUER, "aud": SERVICE, "sub": "", "nbf": now - 10, "iat": now, "exp": now + 300, "jti": "1"}
        der = self._certificate.public_bytes(serialization.Encoding.DER)
        headers = {"typ": "JWT", "x5c": [base64.b64encode(der).decode()]}
        return jwt.encode({**claims, "access": access}, self._key, "ES256", headers)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                given = self.headers.get("Authorization", "").removeprefix("Basic ")
                is_right = base64.b64decode(given).decode().partition(":")[2] == server._password
                self._answer("password", is_right, parse_qs(urlsplit(self.path).query))

            def do_POST(self) -> None:
                form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                is_right = form["grant_type"] == ["refresh_token"] and form["refresh_token"] == [server._identity]
                self._answer("refresh_token", is_right and bool(form["client_id"]), form)

            def _answer(self, grant: str, is_right: bool, asked: dict[str, list[str]]) -> None:
                server.asked.append(grant)
                is_ours = is_right and asked["service"] == [SERVICE]
                body = json.dumps({"access_token": server.token(asked.get("scope", []) if is_ours else [])}).encode()
                self.send_response(200)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None: ...

        return Handler


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rig")])
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(now - timedelta(hours=1)).not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
