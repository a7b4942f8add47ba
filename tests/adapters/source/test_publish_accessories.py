"""What is beside an app when a release is published: images by digest, from whatever registry."""

import json

import pytest

from discode.adapters.registry import RegistryClient
from discode.core.artifact import Image
from discode.core.errors import Refused, SourceUnreachable
from discode.flows.publish import publish
from discode.ports.images import Resolved
from rig.registry import tar_of

OFFICIAL = "docker.io/library/postgres"
FILE = """\
app: myapp
version: 1.0
image: {registry}/acme/myapp
port: 3000
accessories:
  db: {{postgres: "16"}}
  mail: {{image: "{registry}/acme/smtp:1", port: 25}}
env: {{DATABASE_URL: {{accessory: db}}}}
"""


class Shelves:
    """A registry of one's own, and what others have, by reference: nobody is asked for that here."""

    def __init__(self, registry):
        self.registry = registry
        self.others = {f"{OFFICIAL}:16": self.of("1", env={"PG_MAJOR": "16"}, ports=(5432,))}

    def of(self, digit, platforms=("linux/amd64",), **told):
        return Resolved(Image(repository=OFFICIAL, digest=f"sha256:{digit * 64}", platforms=platforms), **told)

    def resolve(self, reference):
        if not reference.startswith("docker.io/"):
            return RegistryClient().resolve(reference)
        if reference not in self.others:
            raise SourceUnreachable(
                "The registry registry-1.docker.io cannot be reached: timed out.", "Try again later."
            )
        return self.others[reference]

    def push(self, repository, tag, config, platform="linux/amd64"):
        layer = self.registry.push_layer(repository, tar_of({"server": tag.encode()}))
        self.registry.push(repository, tag, [layer], config, platform)


@pytest.fixture
def shelves(registry):
    made = Shelves(registry)
    made.push("acme/myapp", "1.0", {"Cmd": ["/server"]})
    made.push("acme/smtp", "1", {"Cmd": ["/smtp"], "ExposedPorts": {"25/tcp": {}}})
    return made


@pytest.fixture
def shop(vendor, shelves, tmp_path):
    def published(*changes, text=FILE):
        file = tmp_path / "beside.yml"
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        file.write_text(text.format(registry=shelves.registry.name))
        done = publish(
            vendor.repository, shelves, file, version="9.0", image=f"{shelves.registry.name}/acme/myapp:1.0",
            channels=["stable"], notes="", now="2026-01-01T00:00:00Z", another_kind=True,
        )  # fmt: skip
        return done, json.loads(vendor.target(f"*.{done.entry.key}.json").read_text())

    return published


def test_images_are_published_by_their_digest(shop, shelves):
    done, told = shop()
    assert told["manifest_schema"] == 4 and done.note == ""
    db, mail = told["accessories"]["db"], told["accessories"]["mail"]
    assert db["image"]["repository"] == OFFICIAL and db["image"]["digest"] == f"sha256:{'1' * 64}"
    found = RegistryClient().resolve(f"{shelves.registry.name}/acme/smtp:1").image
    assert mail["image"]["digest"] == found.digest and mail["image"]["length"] == found.length > 0
    assert not shop()[0].is_new, "the same release again"


def test_an_archive_with_accessories_is_published(shop, vendor):
    _, told = shop(("image: {registry}/acme/myapp\nport: 3000\n", "archive: ./source/app\ncommand: [serve]\n"),
                   ("env: {{", "env: {{MAIL: {{accessory: mail, form: host}}, "))  # fmt: skip
    assert told["artifact"]["kind"] == "archive" and list(told["accessories"]) == ["db", "mail"]


def test_a_registry_that_cannot_be_reached_is_told_with_a_way_out(shop, shelves):
    shelves.others.clear()
    with pytest.raises(SourceUnreachable) as refused:
        shop()
    assert refused.value.sentence.startswith("The image of db, docker.io/library/postgres:16: The registry registry-1")
    assert 'db: {postgres: "16", image: registry.example.com/acme/postgres:16}' in refused.value.next_step
    away = "127.0.0.1:1/acme/smtp:1"
    with pytest.raises(
        SourceUnreachable, match=f"The image of mail, {away}: The registry 127.0.0.1:1 cannot be reached"
    ):
        shop(('"{registry}/acme/smtp:1"', f'"{away}"'), ('  db: {{postgres: "16"}}\n', ""), ("env: ", "# env: "))


def test_an_image_that_is_not_there_or_not_what_the_file_says_is_refused(shop, shelves):
    shelves.others[f"{OFFICIAL}:16"] = shelves.of("1", env={"PG_MAJOR": "16"}, ports=(5432,))
    with pytest.raises(Refused, match=r"The image of mail, .*acme/smtp:2: The registry .* has no") as refused:
        shop(("smtp:1", "smtp:2"))
    assert refused.value.next_step == "Check image: of mail in the file, and the network."
    with pytest.raises(Refused, match=r"The image of mail, .*, declares port 25 and not 26") as refused:
        shop(("port: 25", "port: 26"))
    assert refused.value.name == "port-mismatch"
    shelves.others[f"{OFFICIAL}:16"] = shelves.of("1", env={"PG_MAJOR": "15"})
    with pytest.raises(Refused, match=r"has postgres 15, but the file says 16\. Nothing was published") as refused:
        shop()
    assert refused.value.name == "version-mismatch"


@pytest.mark.parametrize(
    ("kind", "wanted", "variable", "said", "fits"),
    [
        ("mariadb", "11.4", "MARIADB_VERSION", "1:11.4.3+maria~ubu2404", True),
        ("mariadb", "11.4", "MARIADB_VERSION", "1:10.11.8+maria~ubu2204", False),
        ("redis", "7", "REDIS_VERSION", "7.2.4", True), ("redis", "7.4", "REDIS_VERSION", "7.2.4", False),
        ("valkey", "8", "VALKEY_VERSION", "8.1.1", True), ("postgres", "16.4", "PG_MAJOR", "16", True),
    ],
)  # fmt: skip
def test_the_version_in_an_image_is_the_one_of_the_file(shop, shelves, kind, wanted, variable, said, fits):
    other = shelves.of("2", env={variable: said})
    where = {"valkey": "docker.io/valkey/valkey"}.get(kind, f"docker.io/library/{kind}")
    shelves.others[f"{where}:{wanted}"] = other
    change = ('postgres: "16"', f'{kind}: "{wanted}"')
    if fits:
        assert shop(change)[1]["accessories"]["db"]["version"] == wanted
        return
    with pytest.raises(Refused, match=f"has {kind} "):
        shop(change)


def test_platforms_are_promised_for_all(shop, shelves):
    promise = ("port: 3000", "port: 3000\nplatforms: [linux/amd64]")
    assert shop(promise)[1]["accessories"]["db"]["image"]["platforms"] == ["linux/amd64"]
    shelves.others[f"{OFFICIAL}:16"] = shelves.of("1", ("linux/arm64",))
    with pytest.raises(Refused, match=r"The image of db, .*:16, lacks linux/amd64; it has linux/arm64") as refused:
        shop(promise, ("app: myapp", "app: myapp2"))
    assert refused.value.name == "platform-missing"


def test_what_a_vendor_should_know_of_an_image_is_told(shop, shelves):
    shelves.others[f"{OFFICIAL}:16"] = shelves.of("1", ("linux/arm64",), volumes=("/more", "/var/lib/postgresql/data"))
    done, _ = shop()
    assert "The image of db lacks linux/amd64, which the app's own has" in done.note
    assert "declares VOLUME /more, which" in done.note


def test_a_tag_that_moves_during_the_publish_is_found(shop, shelves):
    one, two = shelves.others[f"{OFFICIAL}:16"], shelves.of("2")
    answers = iter([one, two])
    shelves.others = {f"{OFFICIAL}:16": None}
    whole = shelves.resolve
    shelves.resolve = lambda reference: next(answers) if reference.startswith(OFFICIAL) else whole(reference)
    with pytest.raises(Refused, match="the image of db, was moved to another one") as refused:
        shop()
    assert refused.value.name == "tag-moved"
