"""The machine lost: Docker's data root and Discode's home are deleted, and one command brings the app back, with its
databases. What is left is the repository, its password, and the vendor."""

import shutil
import time
from contextlib import closing

import pytest
from conftest_docker import EDGE_IMAGE

from place import APP
from rig.engine import DockerEngine
from rig.images import build_edge
from rig.storages import S3, Sftp

from ..cli.test_storages import credentials_file, made, reached, set_up
from .docker_place import DockerPlace
from .test_databases import images  # noqa: F401 - a fixture
from .test_restore_elsewhere import ALL, PSQL, asked, beside, holds, installed_with_databases


@pytest.fixture
def place(tmp_path, registry, images):  # noqa: F811 - the fixture
    """On a machine of its own, which can be lost."""
    with closing(DockerEngine()) as engine:
        build_edge(engine.start().host, EDGE_IMAGE)
        with closing(DockerPlace(tmp_path, engine, registry, EDGE_IMAGE)) as one:
            one.init()
            installed_with_databases(one)
            yield one


def backed_up(place, told):
    """What was taken, and when it is lost with all that came afterwards."""
    place.env["DISCODE_BACKUP_PASSWORD"], secret = told["password"], place.secret()
    taken = place.run("backup", "now", APP, "--json").last["snapshot"]
    asked(place, APP, *PSQL, "insert into post values (1000)")
    place.daemon.lose()
    shutil.rmtree(place.home)
    assert not place.left()
    return taken, secret


def another_machine(place):
    build_edge(place.daemon.host, EDGE_IMAGE)
    place.home.mkdir()
    (place.home / "config.toml").write_text(f'https_port = {place.https_port}\nproxy_image = "{EDGE_IMAGE}"\n')


def back(place, lost, repository, *words):
    """One command; it says what of it took how long."""
    taken, secret = lost
    begun = time.monotonic()
    told = place.run("restore", APP, "--from", repository, *words, "--http-port", place.port, "--json").last
    print(f"From {repository} the app served after {time.monotonic() - begun:.1f} s: {told['seconds']}")
    assert (told["result"], told["snapshot"]) == ("restored", taken)
    assert holds(place, APP) == ALL and place.secret() == secret


@pytest.mark.parametrize("kind", [S3, Sftp], ids=lambda kind: kind.kind)
def test_from_a_storage_elsewhere(place, tmp_path, kind):
    with closing(made(kind, tmp_path / "storage")) as storage:
        lost = backed_up(place, set_up(place, storage))
        another_machine(place)
        file = credentials_file(reached(place, storage), storage)
        back(place, lost, storage.address, *(("--credentials-file", file) if storage.credentials else ()))


def test_from_a_path_and_all_goes_on(place, tmp_path):
    storage = tmp_path / "storage"
    lost = backed_up(place, place.run("backup", "setup", APP, "--to", storage, "--yes-i-kept-it", "--json").last)
    another_machine(place)
    back(place, lost, storage)
    assert place.run("backup", "now", APP, "--json").last["result"] == "backed-up"
    place.publish("1.1.0", extra=beside(place))
    assert place.run("update", APP, "--json").last["to"] == "1.1.0"
