"""A real registry behind a token server: logins of every kind, challenges in every order, and odd indexes."""

import base64
import contextlib
import json
import os
import secrets
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.error import HTTPError

import pytest

from discode.adapters.registry import RegistryClient
from discode.adapters.registry.challenge import TOKEN
from discode.core.errors import Refused, SourceUnreachable
from rig.registry import Registry, fields, tar_of
from rig.tokens import TokenServer
from rig.web import Handler, Web

CONFIG = {"Cmd": ["/server"]}
BASIC = 'Basic realm="portal"'
SOME = 8 << 20  # bytes that the kernel's buffers may hold beside what was read


def push(registry, repository):
    registry.push(repository, "1.0", [registry.push_layer(repository, tar_of({"server": b""}))], CONFIG)


@pytest.fixture(scope="module")
def guarded(tmp_path_factory):
    """A registry with one image that wants tokens, its token server, and both secrets that open it."""
    folder = tmp_path_factory.mktemp("guarded")
    password, identity = secrets.token_hex(8), secrets.token_hex(16)
    plain = Registry(folder / "registry").start()
    push(plain, "acme/app")
    plain.stop()
    tokens = TokenServer(folder, password, identity)
    made = Registry(folder / "registry", auth=tokens.auth, port=plain.port).start()
    yield made, tokens, password, identity
    made.stop()
    tokens.close()


@contextlib.contextmanager
def in_front_of(registry, ways, wants=None):
    """A portal that names other ways than the registry, each in a line of its own. `wants`: an Authorization of its
    own."""

    class Portal(BaseHTTPRequestHandler):
        def do_GET(self):
            status, own, body = self._asked()
            self.send_response(status)
            for value in ways(own) if status == 401 else ():
                self.send_header("WWW-Authenticate", value)
            self.end_headers()
            self.wfile.write(body)

        def _asked(self):
            names = ["Accept"] if wants else ["Accept", "Authorization"]
            if wants and self.headers.get("Authorization") != wants:
                return 401, "", b""
            headers = {name: self.headers[name] for name in names if name in self.headers}
            try:
                request = urllib.request.Request(f"http://{registry}{self.path}", headers=headers)
                with urllib.request.urlopen(request) as answer:
                    return 200, "", answer.read()
            except HTTPError as error:
                with error:
                    return error.code, error.headers.get("WWW-Authenticate"), error.read()

        def log_message(self, *_): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def login(folder, monkeypatch, host, **entry):
    (folder / "config.json").write_text(json.dumps({"auths": {host: entry}}))
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))


def basic(password):
    return base64.b64encode(f"buyer:{password}".encode()).decode()


def test_an_identity_token_is_exchanged(guarded, tmp_path, monkeypatch):
    registry, tokens, _, identity = guarded
    tokens.asked.clear()
    login(tmp_path, monkeypatch, registry.name, identitytoken=identity)
    assert RegistryClient().resolve(f"{registry.name}/acme/app:1.0").image.platforms == ("linux/amd64",)
    assert tokens.asked == ["refresh_token"]
    login(tmp_path, monkeypatch, registry.name, identitytoken="of-yesterday")
    with pytest.raises(Refused, match="does not let you see") as raised:
        RegistryClient().resolve(f"{registry.name}/acme/app:1.0")
    assert raised.value.name == "registry-credentials" and "of-yesterday" not in raised.value.sentence


WAYS = {
    "Basic, then Bearer": lambda own: [BASIC, own],
    "Bearer, then Basic": lambda own: [own, BASIC],
    "in one line": lambda own: [f"{BASIC}, {own}"],
    "in one line, Bearer first": lambda own: [f"{own}, {BASIC}"],
    "three": lambda own: ["Negotiate", f"{BASIC}, {own}"],
}


@pytest.mark.parametrize("ways", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("kind", ["password", "identity"])
def test_of_several_ways_the_one_that_works_is_taken(guarded, tmp_path, monkeypatch, ways, kind):
    registry, _, password, identity = guarded
    with in_front_of(registry.name, ways) as portal:
        given = {"auth": basic(password)} if kind == "password" else {"identitytoken": identity}
        login(tmp_path, monkeypatch, portal, **given)
        assert RegistryClient().resolve(f"{portal}/acme/app:1.0").started.command == ("/server",)


def test_basic_is_taken_where_a_token_opens_nothing(guarded, registry, tmp_path, monkeypatch):
    """A registry that takes a password, and names a token server that knows nobody."""
    _, tokens, _, _ = guarded
    push(registry, "acme/odd")
    ways = [f'Bearer realm="{tokens.realm}",service="x", {BASIC}']
    with in_front_of(registry.name, lambda own: ways, wants=f"Basic {basic('right')}") as portal:
        login(tmp_path, monkeypatch, portal, auth=basic("right"))
        assert RegistryClient().resolve(f"{portal}/acme/odd:1.0").started.command == ("/server",)


def test_a_credential_helper_that_fails_is_told(tmp_path, monkeypatch, guarded):
    registry, *_ = guarded
    helper = tmp_path / "docker-credential-broken"
    helper.write_text("#!/bin/sh\necho keychain is locked\nexit 1\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text('{"credsStore": "broken"}')
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    with pytest.raises(Refused, match=r"credential helper for .* failed: .*keychain is locked"):
        RegistryClient().resolve(f"{registry.name}/acme/app:1.0")


def test_what_is_no_image_in_an_index_is_skipped(registry):
    layer = registry.push_layer("acme/index", tar_of({"server": b"x"}))
    platforms = ("linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64/v8")
    pushed = {one: registry.push("acme/index", "x", [layer], CONFIG, one) for one in platforms}
    entry = registry.entry("acme/index", pushed["linux/amd64"])
    index = {"mediaType": "application/vnd.oci.image.index.v1+json"}
    odd = [
        {**entry, "platform": None},
        {**entry, "platform": {"os": "unknown", "architecture": "unknown"}},
        {**entry, "platform": {"os": "linux"}},
        {**entry, "platform": {"os": "Lin ux", "architecture": "amd64"}},
        {**entry, **index, "platform": {"os": "linux", "architecture": "s390x"}},
        entry,
    ]
    real = [{**registry.entry("acme/index", digest), "platform": fields(one)} for one, digest in pushed.items()]
    registry.push_index("acme/index", "1.0", [*odd, *real])
    found = RegistryClient().resolve(f"{registry.name}/acme/index:1.0")
    assert found.image.platforms == ("linux/amd64", "linux/arm/v6", "linux/arm/v7", "linux/arm64")
    registry.push_index("acme/index", "2.0", odd)
    with pytest.raises(Refused, match="names no image with a platform"):
        RegistryClient().resolve(f"{registry.name}/acme/index:2.0")


class Endless(Handler):
    """Wants a token, and gives one that does not end. `sent` are its bytes."""

    sent = 0

    def do_GET(self):
        if self.path.startswith("/token"):
            self.give()
        else:
            realm = f'Bearer realm="http://{self.headers["Host"]}/token",service="x"'
            self.reply(401, headers=[("WWW-Authenticate", realm)])

    def give(self):
        self.send_response(200)
        self.send_header("Content-Length", str(300 << 20))
        self.end_headers()
        self.wfile.write(b'{"token": "')
        with contextlib.suppress(OSError):
            while Endless.sent < 300 << 20:
                Endless.sent += self.wfile.write(b"x" * 65536)

    do_POST = give


@pytest.mark.parametrize("given", [{"identitytoken": "mine"}, {"auth": basic("right")}], ids=["identity", "password"])
def test_a_token_that_is_too_large_is_left(tmp_path, monkeypatch, given):
    Endless.sent = 0
    with contextlib.closing(Web(Endless)) as web:
        login(tmp_path, monkeypatch, web.target, **given)
        with pytest.raises(SourceUnreachable, match="the answer has more than"):
            RegistryClient().resolve(f"{web.target}/acme/app:1.0")
        assert Endless.sent < TOKEN + SOME
