"""Publishing what a registry has: what an image says of itself against what the file says of it."""

import json

import pytest

from discode.adapters.registry import RegistryClient
from discode.adapters.repository import FolderRepository
from discode.core.errors import Refused
from discode.core.release import manifest_path
from discode.flows.publish import publish
from rig.registry import tar_of

FILE = "app: {app}\nversion: 1.0\nimage: {registry}/acme/{app}\nport: 3000\n{extra}"
WORKER = "processes: {worker: [bin/jobs]}\n"
MIGRATES = "release_command: [bin/migrate]\n"
APP = ["/server"]


class Shop:
    def __init__(self, folder, registry):
        self.folder, self.registry = folder, registry
        self.repository = FolderRepository(folder / "releases", folder / "keys")
        self.repository.init()

    def publish(self, extra="", app="shop", **config):
        layer = self.registry.push_layer(f"acme/{app}", tar_of({"server": b""}))
        self.registry.push(f"acme/{app}", "1.0", [layer], config)
        file = self.folder / "discode.yml"
        file.write_text(FILE.format(app=app, registry=self.registry.name, extra=extra))
        return publish(
            self.repository, RegistryClient(), file, version=None, channels=["stable"], notes="", now="2026-01-01"
        )

    def manifest(self, done):
        [path] = self.folder.glob(f"releases/targets/{done.app}/*.{manifest_path(done.app, done.entry.key)[-17:]}")
        return json.loads(path.read_bytes())


@pytest.fixture
def shop(tmp_path, registry):
    return Shop(tmp_path, registry)


@pytest.mark.parametrize(
    ("config", "extra", "told"),
    [
        ({"Entrypoint": APP}, WORKER, "would swallow worker: worker would run as /server bin/jobs"),
        ({"Entrypoint": APP, "Cmd": ["--port", "3000"]}, MIGRATES, "would swallow release_command"),
        ({"Entrypoint": APP}, WORKER + MIGRATES, "would swallow release_command, worker"),
        (
            {"Entrypoint": ["/bin/sh", "-c", "exec /server"], "Cmd": ["x"]},
            WORKER,
            "worker would run as /bin/sh -c exec /server",
        ),
        ({"Entrypoint": ["/bin/sh", "-c", "exec /server"]}, "command: [web]\n", "would swallow command"),
    ],
)
def test_a_command_that_the_entrypoint_would_swallow_is_refused_with_the_lines_that_mend_it(shop, config, extra, told):
    with pytest.raises(Refused, match=told) as raised:
        shop.publish(extra, **config)
    assert raised.value.name == "entrypoint" and "Nothing was published" in raised.value.sentence
    usual = json.dumps(config["Entrypoint"] + config.get("Cmd", []))
    assert f"entrypoint: [], and for the app itself command: {usual}" in raised.value.next_step
    added = "entrypoint: []\n" + ("" if "command: [web]" in extra else f"command: {usual}\n")
    done = shop.publish(extra + added, **config)
    assert done.is_new and done.note == ""


@pytest.mark.parametrize(
    ("config", "extra", "note"),
    [
        ({"Cmd": APP}, WORKER + MIGRATES, ""),
        ({"Entrypoint": ["/usr/bin/tini", "--"], "Cmd": APP}, WORKER, ""),
        ({"Entrypoint": ["/entry.sh"], "Cmd": ["serve"]}, "", ""),
        ({"Entrypoint": ["/entry.sh"], "Cmd": ["serve"]}, WORKER, "worker runs as /entry.sh bin/jobs"),
        ({"Entrypoint": ["/entry.sh"], "Cmd": ["serve"]}, WORKER + 'entrypoint: ["/entry.sh"]\ncommand: [serve]\n', ""),
        ({"Entrypoint": ["/bin/sh", "-c", 'exec "$@"', "x"], "Cmd": APP}, WORKER, "worker runs as"),
        ({"Entrypoint": ["python3"]}, "command: [server.py]\n", ""),
    ],
)
def test_a_command_that_is_run_is_published_and_shown_where_the_image_has_a_word_in_it(shop, config, extra, note):
    done = shop.publish(extra, **config)
    assert done.is_new and (note in done.note if note else done.note == "")


def test_an_image_that_starts_nothing_is_refused(shop):
    with pytest.raises(Refused, match="neither CMD nor ENTRYPOINT") as raised:
        shop.publish()
    assert raised.value.name == "no-command"
    assert shop.publish("command: [serve]\n").is_new


def test_what_an_older_discode_would_misread_it_refuses_and_nothing_else(shop):
    """It would leave `entrypoint` out of account; of a deadline it has none, as ever."""
    told = shop.manifest(shop.publish("release_timeout: 5m\n", app="plain", Cmd=APP))
    assert (told["manifest_schema"], told["release_timeout"]) == (1, 300.0) and "entrypoint" not in told
    told = shop.manifest(shop.publish("entrypoint: []\ncommand: [serve]\n", app="other"))
    assert (told["manifest_schema"], told["entrypoint"]) == (2, []) and "release_timeout" not in told
