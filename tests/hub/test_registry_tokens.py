"""The token server: what is granted, and a stock registry and Docker engine that take its tokens."""

import contextlib
import os
import subprocess

import docker.errors
import jwt
import pytest
from conftest_hub import HubVendor, Place
from cryptography.hazmat.primitives import serialization
from hub_rig import AUTH
from hypothesis import given
from hypothesis import strategies as st
from test_licenses import Licensee

from discode.adapters.docker import Engine
from discode.adapters.docker.pull import pull
from discode.adapters.registry import RegistryClient
from discode.core.artifact import Image
from discode.core.errors import DiscodeError, Refused
from discode.flows.publish import publish
from discode.hub.registry_tokens import Rights, app_of, granted, parse_scopes
from discode.ports.report import Silence
from rig.registry import Registry, tar_of


class Shop(HubVendor):
    """A vendor with a hub and a registry, and a docker client of a home of its own."""

    def __init__(self, folder, place, registry):
        super().__init__(folder / "vendor", place)
        self.registry, self.config = registry, folder / "docker-config"
        self.host = "tcp://127.0.0.1:1"

    def token(self, password, *scopes, user="x", service=None, status=200):
        auth = (user, password) if password else None
        query = {"service": service or self.registry.name, "scope": scopes}
        answer = self.place.client.get("/token", params=query, auth=auth)
        assert answer.status_code == status, answer.text
        if status != 200:
            return answer.json()["error"]["key"]
        told = answer.json()
        assert told["token"] == told["access_token"] and told["expires_in"] == 300
        certificate = self.place.hub.keys.certificate.public_key()
        public = certificate.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )  # fmt: skip
        claims = jwt.decode(told["token"], public, ["ES256"], audience=query["service"], issuer=self.place.url)
        assert claims["exp"] - claims["iat"] == 300
        return {one["name"]: one["actions"] for one in claims["access"]}

    def docker(self, *args, text=None, ok=True):
        env = {**os.environ, "DOCKER_HOST": self.host, "DOCKER_CONFIG": str(self.config)}
        done = subprocess.run(["docker", *args], input=text, capture_output=True, text=True, env=env, timeout=300)
        assert (done.returncode == 0) == ok, f"{args}: {done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def login(self, password, ok=True):
        return self.docker("login", self.registry.name, "-u", "x", "--password-stdin", text=password, ok=ok)

    def logout(self):
        self.docker("logout", self.registry.name)

    def beside(self, version, repository, app="myapp"):
        """A release that has an image of this registry beside it."""
        layer = self.registry.push_layer("acme/myapp", tar_of({"server": b"x"}))
        self.registry.push("acme/myapp", version, [layer], {"Cmd": ["/server"]})
        layer = self.registry.push_layer(repository, tar_of({"smtp": b"x"}))
        self.registry.push(repository, "1.0", [layer], {"Cmd": ["/smtp"]})
        file = self.folder / "beside.yml"
        file.write_text(
            f"app: {app}\nversion: {version}\nimage: {self.registry.name}/acme/myapp\nport: 80\n"
            f"accessories: {{mail: {{image: '{self.registry.name}/{repository}:1.0', port: 25}}}}\n"
        )
        publish(
            self.repository, RegistryClient(), file, version=None, channels=["stable"], notes="", now="",
            another_kind=True,
        )  # fmt: skip

    def pushed(self, engine, content):
        """An image of the app that is in the registry, and no more in the engine."""
        image = f"{self.registry.name}/acme/myapp"
        engine.import_image_from_data(tar_of({"hello": content}), repository=image, tag="1.0")
        self.login(self.place.new_token("push"))
        digest = self.docker("push", f"{image}:1.0").split("digest: ")[1].split()[0]
        self.logout()
        engine.remove_image(f"{image}:1.0", force=True)
        return Image(repository=image, digest=digest)


@pytest.fixture
def shop(tmp_path):
    registry = Registry(tmp_path / "registry")
    place = Place(tmp_path / "hub", registry=registry.name)
    registry._auth = AUTH.format(url=place.url, name=registry.name, bundle=place.hub.keys.certificate_path)
    place.serve()
    registry.start()
    made = Shop(tmp_path, place, registry)
    made.begin("licensed")
    yield made
    registry.stop()
    place.close()


@pytest.fixture
def engine(daemon, shop):
    shop.host = daemon.host
    api = daemon.api()
    yield api
    for image in api.images():
        for tag in image["RepoTags"] or []:
            if tag.startswith(shop.registry.name):
                api.remove_image(tag, force=True)


def test_rights_by_vendor_license_and_nobody(shop):
    repository = "repository:acme/myapp:pull,push"
    push = shop.place.new_token("push")
    _, key = shop.issue()
    assert shop.token(push, repository) == {"acme/myapp": ["pull", "push"]}
    assert shop.token(push, "repository:acme/other/worker:push") == {"acme/other/worker": ["push"]}
    assert shop.token(key, repository) == {"acme/myapp": ["pull"]}
    assert shop.token(key, "repository:acme/myapp/worker:pull") == {"acme/myapp/worker": ["pull"]}
    assert shop.token(key) == shop.token(push) == {}, "docker login asks for no scope"
    assert shop.token(shop.place.new_token("release"), repository) == {}
    both = "repository:acme/myapp:pull repository:acme/myapp/x:pull"
    assert set(shop.token(key, both, "repository:acme/other:pull")) == {"acme/myapp", "acme/myapp/x"}
    for foreign in (
        "repository:acme/other:pull", "repository:evil/myapp:pull", "repository:myapp:pull", "registry:catalog:*",
        "repository:acme/myapp:delete,*", "repository:acme/../myapp:pull", "repository:acme/MYAPP:pull", "", ":", "x:y",
        "repository(plugin):acme/myapp:pull", "repository:acme/myapp", "repository:acme/myapp\n:pull",
    ):  # fmt: skip
        assert shop.token(key, foreign) == {}, foreign
    assert shop.token(None, repository, status=401) == "no-credentials"
    assert shop.token("wrong", repository, status=401) == "bad-password"
    assert shop.token("dlk_aaaaaaaa_" + "a" * 32, repository, status=401) == "license-unknown"
    assert shop.token("dht_aaaaaaaa_" + "a" * 32, repository, status=401) == "bad-token"
    assert shop.token(key, repository, service="elsewhere", status=422) == "unknown-service"
    assert shop.place.client.post("/token", data={"grant_type": "password"}).status_code == 404


@pytest.fixture
def stall(tmp_path):
    """A shop whose registry lets everybody in: what a release names can be put there without Docker."""
    registry = Registry(tmp_path / "registry").start()
    place = Place(tmp_path / "hub", registry=registry.name)
    place.serve()
    made = Shop(tmp_path, place, registry)
    made.begin("licensed")
    yield made
    registry.stop()
    place.close()


def test_what_is_beside_an_app_is_pulled_by_its_customers_and_by_nobody_else(stall, tmp_path):
    scope, ours = "repository:acme/smtp:pull,push", f"{stall.registry.name}/acme/smtp"
    _, key = stall.issue()
    customer = Licensee(tmp_path / "home", stall)
    customer.activate(key)
    assert stall.token(key, scope) == {}
    with pytest.raises(Refused) as refused:
        customer.releases().credentials(ours)
    assert refused.value.name == "license-other-app"
    stall.beside("2.0", "acme/smtp")
    stall.beside("3.0", "evil/smtp")
    assert stall.token(key, scope) == {"acme/smtp": ["pull"]}
    made = customer.releases().credentials(ours)
    assert stall.token(made.password, scope) == {"acme/smtp": ["pull"]}
    stall.beside("1.0", "acme/myapp2/smtp", app="myapp2")
    other = stall.place.call("POST", "/api/v1/licenses", 201, json={"app": "myapp2", "customer": "Other"})["key"]
    assert stall.token(other, scope) == {}
    foreign = "repository:evil/smtp:pull repository:acme/smtp/x:pull repository:acme/smt:pull registry:acme/smtp:pull"
    assert stall.token(key, foreign) == {}, "not the vendor's, or not what a release names"
    assert stall.token(None, scope, status=401) == "no-credentials"
    stall.place.call("PUT", "/api/v1/apps/myapp", json={"access": "public"})
    assert stall.token(None, scope) == {"acme/smtp": ["pull"]}


def test_ended_licenses_and_public_apps(shop):
    identity, key = shop.issue()
    assert shop.token(None, "repository:acme/myapp:pull", status=401) == "no-credentials"
    shop.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "x"})
    assert shop.token(key, "repository:acme/myapp:pull", status=403) == "license-revoked"
    _, key = shop.issue(days=1)
    shop.place.clock.ahead = 2 * 86400
    assert shop.token(key, status=403) == "license-expired"
    shop.place.clock.ahead = 0
    shop.place.call("PUT", "/api/v1/apps/myapp", json={"access": "public"})
    assert shop.token(None, "repository:acme/myapp:pull,push") == {"acme/myapp": ["pull"]}


def test_a_ticket_is_for_one_installation_one_hour_and_a_live_license(shop, tmp_path):
    identity, key = shop.issue()
    customer = Licensee(tmp_path / "home", shop)
    customer.activate(key)
    ours = f"{shop.registry.name}/acme/myapp"
    made = customer.releases().credentials(ours)
    assert key not in repr(made) and made.password not in repr(made)
    assert shop.token(made.password, "repository:acme/myapp:pull,push") == {"acme/myapp": ["pull"]}
    assert customer.releases().credentials("registry.example.com/acme/myapp") is None
    with pytest.raises(Refused) as refused:
        customer.releases().credentials(f"{shop.registry.name}/acme/other")
    assert refused.value.name == "license-other-app"
    lease = customer.licenses.of("myapp").lease
    assert shop.token(lease, "repository:acme/myapp:pull", status=401) == "bad-password"
    shop.place.clock.ahead = 3601
    assert shop.token(made.password, status=401) == "ticket-ended"
    shop.place.clock.ahead = 0
    customer.licenses.deactivate("myapp")
    assert shop.token(made.password, status=403) == "not-activated"
    customer.activate(key)
    made = customer.releases().credentials(ours)
    shop.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "x"})
    assert shop.token(made.password, status=403) == "license-revoked"
    with pytest.raises(Refused) as refused:
        customer.releases().credentials(ours)
    assert refused.value.name == "license-revoked"


def test_docker_login_push_and_pull(shop, engine, tmp_path):
    image = f"{shop.registry.name}/acme/myapp"
    engine.import_image_from_data(tar_of({"hello": b"world"}), repository=image, tag="1.0")
    shop.docker("push", f"{image}:1.0", ok=False)
    shop.login("dht_aaaaaaaa_" + "a" * 32, ok=False)
    shop.login(shop.place.new_token("push"))
    pushed = shop.docker("push", f"{image}:1.0")
    digest = pushed.split("digest: ")[1].split()[0]
    shop.logout()
    engine.remove_image(f"{image}:1.0", force=True)
    shop.docker("pull", f"{image}:1.0", ok=False)
    identity, key = shop.issue()
    shop.login(key)
    shop.docker("pull", f"{image}@{digest}")
    engine.tag(f"{image}@{digest}", image, "2.0")
    shop.docker("push", f"{image}:2.0", ok=False)
    engine.tag(f"{image}@{digest}", f"{shop.registry.name}/acme/other", "1.0")
    shop.docker("pull", f"{shop.registry.name}/acme/other:1.0", ok=False)
    shop.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "not paid"})
    # The engine asks nobody while it has the image under any name.
    engine.remove_image(engine.inspect_image(f"{image}:2.0")["Id"], force=True)
    assert "was revoked" in shop.docker("pull", f"{image}@{digest}", ok=False)
    shop.login(key, ok=False)


def test_discode_pulls_with_a_ticket_and_leaves_no_credentials(shop, engine, daemon, tmp_path):
    named = shop.pushed(engine, b"discode")
    image, digest = named.repository, named.digest
    identity, key = shop.issue()
    customer = Licensee(tmp_path / "home", shop)
    customer.activate(key)
    pull(Engine(daemon.host), named, customer.releases().credentials(image), Silence())
    assert engine.inspect_image(f"{image}@{digest}")
    assert not shop.config.exists() or "auth" not in (shop.config / "config.json").read_text().replace('"auths"', "")
    engine.remove_image(f"{image}@{digest}", force=True)
    held = customer.releases().credentials(image)
    shop.place.call("POST", f"/api/v1/licenses/{identity}/revoke", json={"reason": "not paid"})
    with pytest.raises(DiscodeError, match="was revoked"):
        pull(Engine(daemon.host), named, held, Silence())


def test_a_swapped_tag_and_a_swapped_layer_change_nothing(shop, engine, daemon, tmp_path):
    """The registry is the attacker's, too: what was signed is a digest, and layers are named by theirs."""
    image = f"{shop.registry.name}/acme/myapp"
    shop.login(shop.place.new_token("push"))

    def push(content):
        engine.import_image_from_data(tar_of({"hello": content}), repository=image, tag="1.0")
        digest = shop.docker("push", f"{image}:1.0").split("digest: ")[1].split()[0]
        layers = engine.inspect_image(f"{image}:1.0")["RootFS"]["Layers"]
        engine.remove_image(engine.inspect_image(f"{image}:1.0")["Id"], force=True)
        return digest, layers

    honest, layers = push(b"honest")
    evil, _ = push(b"evil")  # the tag 1.0 is another image from here on
    assert honest != evil
    _, key = shop.issue()
    customer = Licensee(tmp_path / "home", shop)
    customer.activate(key)
    named = Image(repository=image, digest=honest)
    pull(Engine(daemon.host), named, customer.releases().credentials(image), Silence())
    assert engine.inspect_image(named.reference)["RootFS"]["Layers"] == layers
    engine.remove_image(engine.inspect_image(named.reference)["Id"], force=True)
    content = {path: path.read_bytes() for path in shop.registry.folder.rglob("data") if "blobs" in str(path)}
    for path, data in content.items():
        if data[:2] == b"\x1f\x8b":  # a layer: another one under its name
            path.write_bytes(next(d for p, d in content.items() if d[:2] == b"\x1f\x8b" and p != path))
    with pytest.raises(DiscodeError):
        pull(Engine(daemon.host), named, customer.releases().credentials(image), Silence())
    with pytest.raises(docker.errors.ImageNotFound):
        engine.inspect_image(named.reference)


RIGHTS = [Rights("x", "myapp", frozenset(("pull",)))]


def owned(scopes):
    return {one.name: {app} for one in scopes if (app := app_of("acme", one.name))}


@given(st.lists(st.text(max_size=60), max_size=5))
def test_no_text_grants_more_than_a_pull_of_the_app(texts):
    scopes = parse_scopes(texts)
    for one in granted(scopes, RIGHTS, owned(scopes)):
        assert one["actions"] == ["pull"] and app_of("acme", one["name"]) == "myapp"


@given(
    st.sampled_from(["repository", "registry", "repository(plugin)"]),
    st.text(st.sampled_from("acmeypsx/.:-_ %\x00A"), max_size=20),
    st.text(st.sampled_from("pulsh,* dete"), max_size=12),
)
def test_scopes_that_look_nearly_right(kind, name, actions):
    scopes = parse_scopes([f"{kind}:{name}:{actions}"])
    for one in granted(scopes, RIGHTS, owned(scopes)):
        assert kind == "repository" and one["name"].startswith("acme/myapp") and one["actions"] == ["pull"]


def test_a_token_of_another_key_or_for_another_registry_is_not_taken_by_the_registry(shop):
    """Checked at the registry itself, over HTTP."""
    import httpx

    from discode.hub.registry_tokens import token

    access = [{"type": "repository", "name": "acme/myapp", "actions": ["pull"]}]
    url = f"http://{shop.registry.name}/v2/acme/myapp/tags/list"

    def status(text):
        return httpx.get(url, headers={"Authorization": f"Bearer {text}"}, timeout=60).status_code

    hub = shop.place.hub
    good = token(hub, "x", shop.registry.name, access)
    assert status(good) == 404, "let in; there is no such repository yet"
    assert status(token(hub, "x", "elsewhere", access)) == 401
    assert status(token(hub, "x", shop.registry.name, [])) == 401
    with contextlib.ExitStack() as undo:
        undo.callback(setattr, shop.place.clock, "ahead", 0)
        shop.place.clock.ahead = -3600
        assert status(token(hub, "x", shop.registry.name, access)) == 401, "ended"
    head, body, signature = good.split(".")
    assert status(f"{head}.{body}.{signature[:-4]}AAAA") == 401


def test_the_registry_goes_by_the_certificates_end_until_it_has_loaded_the_next(shop):
    """What the end of it means, and that `hub registry renew-certificate` and a restart put it right."""
    import httpx
    from test_ends import certificate_for

    from discode.hub.registry_tokens import token

    hub, access = shop.place.hub, [{"type": "repository", "name": "acme/myapp", "actions": ["pull"]}]

    def status():
        text = token(hub, "x", shop.registry.name, access)
        url = f"http://{shop.registry.name}/v2/acme/myapp/tags/list"
        return httpx.get(url, headers={"Authorization": f"Bearer {text}"}, timeout=60).status_code

    def restart():
        shop.registry.stop()
        shop.registry.start()

    certificate_for(hub, days=-0.5)
    restart()
    assert status() == 401
    hub.keys.renew_certificate("acme")
    assert status() == 401, "it has loaded the one before"
    restart()
    assert status() == 404, "let in; there is no such repository yet"
