"""Images in another registry: the vendor's password stays on the hub, customers pull with that registry's own tokens.

The other registry is a stock one, with the token server of another hub.
"""

import contextlib
import json
import os
import threading

import pytest
from conftest_hub import HubVendor, Place
from test_licenses import Licensee
from test_registry_tokens import engine, shop

from discode.adapters.docker import Engine
from discode.adapters.docker.pull import pull, pull_all
from discode.core.errors import DiscodeError, Refused
from discode.hub.delegation import Delegation, Delegations, Token, pull_token
from discode.hub.errors import BadRequest, Conflict, NotFound, Unavailable
from discode.ports.releases import Credentials
from discode.ports.report import Silence
from rig import web
from rig.command import run
from rig.registry import Registry

__all__ = ["engine", "shop"]
# `shop`: the registry elsewhere, where the vendor has an account.


@pytest.fixture
def seller(tmp_path):
    """The hub that customers know; it has no registry."""
    place = Place(tmp_path / "seller")
    place.serve()
    made = HubVendor(tmp_path / "seller-vendor", place)
    made.begin("licensed")
    yield made
    place.close()


@pytest.fixture
def account(shop):
    """The vendor's account at the registry elsewhere."""
    return Delegation("myapp", "ci", shop.place.new_token("push"))


def test_a_customer_pulls_with_a_token_and_never_sees_the_password(seller, shop, engine, daemon, account, tmp_path):
    named = shop.pushed(engine, b"elsewhere")
    identity, key = seller.issue()
    customer = Licensee(tmp_path / "home", seller)
    customer.activate(key)
    assert customer.releases().credentials(named.repository) is None
    with pytest.raises(Refused, match="does not let this machine pull"):
        pull(Engine(daemon.host), named, None, Silence())
    Delegations(seller.place.hub.keys.folder).add(named.repository, account)
    made = customer.releases().credentials(named.repository)
    assert made.token and not made.password and account.password not in repr(made) and made.token not in repr(made)
    pull(Engine(daemon.host), named, made, Silence())
    assert engine.inspect_image(named.reference)
    written = [path.read_bytes() for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert written and not [
        data for data in written if account.password.encode() in data or made.token.encode() in data
    ]
    engine.remove_image(named.reference, force=True)
    seller.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "not paid"})
    with pytest.raises(Refused) as refused:
        customer.releases().credentials(named.repository)
    assert refused.value.name == "license-revoked"


def test_a_token_is_for_pulling_that_repository_alone(shop, account):
    token = pull_token(f"{shop.registry.name}/acme/myapp", account)
    assert 0 < token.seconds <= 300
    access = _claims(token)["access"]
    assert access == [{"type": "repository", "name": "acme/myapp", "actions": ["pull"]}]


def _claims(token: Token):
    import jwt

    return jwt.decode(token.text, options={"verify_signature": False})


def test_another_apps_customers_get_nothing(seller, shop, account, tmp_path):
    repository = f"{shop.registry.name}/acme/myapp"
    Delegations(seller.place.hub.keys.folder).add(repository, Delegation("other", account.username, account.password))
    _, key = seller.issue()
    customer = Licensee(tmp_path / "home", seller)
    customer.activate(key)
    with pytest.raises(Refused) as refused:
        customer.releases().credentials(repository)
    assert refused.value.name == "license-other-app"
    answer = seller.place.client.post("/api/v1/pull-credentials", json={"repository": repository})
    assert answer.status_code == 403 and account.password not in answer.text


def test_credentials_that_do_not_work_are_not_kept(seller, shop, account):
    known = Delegations(seller.place.hub.keys.folder)
    repository = f"{shop.registry.name}/acme/myapp"
    for name, one, error, key in [
        (repository, Delegation("myapp", "x", "wrong"), Conflict, "registry-credentials"),
        (f"{shop.registry.name}/evil/myapp", account, Conflict, "registry-credentials"),
        ("127.0.0.1:1/acme/myapp", account, Unavailable, "registry-unreachable"),
        ("myapp", account, BadRequest, "repository"),
        ("acme/myapp", account, BadRequest, "repository"),
        (f"{shop.registry.name}/acme/../myapp", account, BadRequest, "repository"),
        (f"http://{repository}", account, BadRequest, "repository"),
        (f"{repository}:latest", account, BadRequest, "repository"),
        (f"{repository}\n", account, BadRequest, "repository"),
    ]:
        with pytest.raises(error) as raised:
            known.add(name, one)
        assert raised.value.name == key and one.password not in raised.value.sentence, name
    assert known.all() == {}


def test_a_registry_without_tokens_is_refused_in_words(tmp_path, account):
    plain = Registry(tmp_path / "plain").start()
    try:
        with pytest.raises(Conflict) as raised:
            pull_token(f"{plain.name}/acme/myapp", account)
        assert raised.value.name == "no-delegation" and "issues no tokens" in raised.value.sentence
    finally:
        plain.stop()


@pytest.mark.parametrize(
    ("answer", "key"),
    [
        (b'{"token": ""}', "registry-credentials"),
        (b"[]", "registry-credentials"),
        (b"not json", "registry-credentials"),
        (b'{"token": "x", "expires_in": "soon"}', "registry-credentials"),
        (b'{"token": "' + b"x" * 70000 + b'"}', "registry-credentials"),
    ],
)
def test_what_a_token_server_says_is_not_believed(answer, key, account):
    with _Hostile(lambda port: f"http://127.0.0.1:{port}/token", answer) as port, pytest.raises(Conflict) as raised:
        pull_token(f"127.0.0.1:{port}/acme/myapp", account)
    assert raised.value.name == key


@pytest.mark.parametrize("realm", ["http://tokens.example.com/token", "http://localhost:x@tokens.example.com/token"])
def test_the_password_is_not_sent_unencrypted_to_another_machine(realm, account):
    with _Hostile(lambda _: realm, b"{}") as port, pytest.raises(Conflict) as raised:
        pull_token(f"127.0.0.1:{port}/acme/myapp", account)
    assert raised.value.name == "no-tls"


@pytest.mark.parametrize("challenge", ["Bearer realm", "Bearer realm=", "Bearer ", "", 'Basic realm="x"', "Bearer ,,="])
def test_a_challenge_that_is_none_is_no_way_to_a_token(challenge, account):
    with _Hostile(lambda _: "", b"{}", challenge) as port, pytest.raises(Conflict) as raised:
        pull_token(f"127.0.0.1:{port}/acme/myapp", account)
    assert raised.value.name == "no-delegation"


@pytest.mark.parametrize("endless", ["/v2/", "/token"])
def test_a_server_that_trickles_has_a_deadline(endless):
    ended = threading.Event()

    class Handler(web.Handler):
        def do_GET(self):
            if not self.path.startswith(endless):
                challenge = f'Bearer realm="http://127.0.0.1:{server.port}/token",service="x"'
                self.reply(401, b"{}", [("WWW-Authenticate", challenge)])
                return
            self.send_response(401 if endless == "/v2/" else 200)
            self.end_headers()
            with contextlib.suppress(OSError):
                while not ended.wait(0.05):
                    self.wfile.write(b" ")

    server = web.Web(Handler)
    try:
        with pytest.raises(Unavailable) as raised:
            pull_token(f"127.0.0.1:{server.port}/acme/myapp", Delegation("myapp", "ci", "x"), timeout=0.3)
        assert raised.value.name == "registry-unreachable"
    finally:
        ended.set()
        server.close()


class _Hostile:
    def __init__(self, realm, answer, challenge=None):
        hostile = self

        class Handler(web.Handler):
            def do_GET(self):
                is_token = self.path.startswith("/token")
                usual = f'Bearer realm="{realm(hostile._web.port)}",service="x"'
                body = answer if is_token else b"{}"
                headers = [("WWW-Authenticate", usual if challenge is None else challenge)]
                self.reply(200 if is_token else 401, body, headers)

        self._handler = Handler

    def __enter__(self):
        self._web = web.Web(self._handler)
        return self._web.port

    def __exit__(self, *_):
        self._web.close()


def test_a_token_that_ends_in_the_middle_of_a_pull_is_had_again(shop, engine, daemon):
    named = shop.pushed(engine, b"elsewhere")
    good = pull_token(named.repository, Delegation("myapp", "ci", shop.place.new_token("push"))).text
    given = [Credentials(token="an-old-one", ends=0.0), Credentials(token=good, ends=1e12)]
    pull_all(Engine(daemon.host), named, lambda: given.pop(0), Silence())
    assert engine.inspect_image(named.reference) and not given
    engine.remove_image(named.reference, force=True)
    with pytest.raises(DiscodeError, match="does not let this machine pull"):
        pull_all(Engine(daemon.host), named, lambda: Credentials(token="wrong", ends=1e12), Silence())


def test_it_goes_with_the_keys_and_is_forgotten_when_asked(seller, shop, account):
    folder = seller.place.hub.keys.folder
    known, repository = Delegations(folder), f"{shop.registry.name}/acme/myapp"
    known.add(repository, account)
    assert (folder / "registries.json").stat().st_mode & 0o777 == 0o600
    assert json.loads((folder / "registries.json").read_text())[repository]["app"] == "myapp"
    known.remove(repository)
    assert known.all() == {}
    with pytest.raises(NotFound):
        known.remove(repository)


def test_the_operator_types_it_and_the_password_comes_from_standard_input(seller, shop, account):
    repository = f"{shop.registry.name}/acme/myapp"

    def hub(*words, text="", code=0):
        command = ["hub", "registry", *words, str(seller.place.folder), "--json"]
        done = run("discode", command, os.environ, text, timeout=300)
        assert done.returncode == code, done.stdout + done.stderr
        assert account.password not in done.stdout + done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    words = ("add", repository, "--app", "myapp", "--username", "ci")
    assert hub(*words, text="", code=2)["error"]["next_step"].startswith("For example")
    assert hub(*words, text="wrong", code=4)["error"]["key"] == "registry-credentials"
    assert hub(*words, text=f"{account.password}\n")["result"] == "added"
    assert hub("list")["registries"] == [{"repository": repository, "app": "myapp", "username": "ci"}]
    audit = seller.place.call("GET", "/api/v1/audit")
    assert "registry.add" in json.dumps(audit) and account.password not in json.dumps(audit)
    assert hub("remove", repository)["result"] == "removed"
    assert hub("remove", repository, code=4)["error"]["key"] == "not-found"
