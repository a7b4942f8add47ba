"""What the commands of earlier versions stored (make.py): this version reads it and goes on from there."""

import hashlib
import shutil
import sqlite3
import tempfile
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from make import MADE_AT

from discode.hub.app import make_app
from discode.hub.database import Database
from discode.hub.hub import open_hub
from place import APP, Place

VERSIONS = sorted(path.name for path in Path(__file__).parent.iterdir() if (path / "home").is_dir())


@pytest.fixture(params=VERSIONS)
def stored(request):
    """A copy of a version's files, moved to a folder of the test's own: one with a short path, for sockets."""
    with tempfile.TemporaryDirectory(prefix="discode-") as folder:
        yield _moved(request.param, Path(folder) / "place")


def _moved(version, folder):
    shutil.copytree(Path(__file__).parent / version, folder, symlinks=True)
    for path in folder.rglob("*"):
        if path.is_symlink():
            target = str(path.readlink()).replace(str(MADE_AT), str(folder))
            path.unlink()
            path.symlink_to(target)
        elif path.is_file():
            path.write_bytes(path.read_bytes().replace(bytes(MADE_AT), bytes(folder)))
            path.chmod(0o600)  # what a checkout does not keep
    [trust] = folder.glob("home/apps/*/trust/*")
    trust.rename(trust.with_name(hashlib.sha256(bytes(folder / "releases")).hexdigest()[:16]))
    return folder


@pytest.fixture
def machine(stored):
    place = Place(stored)
    config = place.home / "config.toml"
    old = next(line for line in config.read_text().splitlines() if line.startswith("http_port"))
    config.write_text(config.read_text().replace(old, f"http_port = {place.port}"))
    yield place
    place.close()


def test_what_is_stored_is_told_while_nothing_runs(machine):
    """A machine that was switched off in the middle of an update."""
    [told] = machine.run("list", "--json").last["apps"]
    assert (told["app"], told["version"]) == (APP, "1.1.0")
    assert machine.run("status", APP, "--json").last["interrupted"] == "update"
    entries = machine.run("history", APP, "--json").last["history"]
    assert [(entry["flow"], entry["outcome"]) for entry in entries] == [
        ("install", "done"), ("config", "done"), ("update", "done"),
    ]  # fmt: skip
    assert not any(entry["automatic"] for entry in entries), "no line of then says so"
    assert machine.run("config", "get", APP, "GREETING", "--reveal").out == "hello again\n"
    assert machine.run("release", "list", "--repo", machine.repo, "--json").last["releases"][-1]["version"] == "1.2.0"


def test_a_machine_goes_on(machine):
    machine.run("settle", "--all")
    status = machine.run("status", APP, "--json").last
    assert (status["version"], status["serves"], status["interrupted"]) == ("1.1.0", True, None)
    assert machine.get("/first")[0] == 200, "its data"
    machine.run("rollback", APP)
    assert machine.run("status", APP, "--json").last["version"] == "1.0.0"
    machine.publish("1.3.0")
    assert machine.run("update", APP, "--json").last["to"] == "1.3.0"


def test_a_hub_is_migrated_and_knows_what_it_knew(stored):
    folder = stored / "hub"
    with sqlite3.connect(folder / "hub.db") as connection:
        connection.executescript((folder / "hub.sql").read_text())
    database = Database("sqlite:///hub.db", folder)
    database.migrate()
    database.close()
    hub = open_hub(folder)
    token = (stored / "token").read_text().strip()
    client = TestClient(make_app(hub), headers={"Authorization": f"Bearer {token}"})
    try:
        [license] = client.get("/api/v1/licenses").json()
        assert (license["app"], license["customer"], license["seats"], license["used"]) == (APP, "Example Ltd", 2, 1)
        assert {told["label"] for told in client.get("/api/v1/tokens").json()} >= {"CI"}
        assert f"{APP}/index.json" in client.get("/api/v1/targets").json()["signed"]["targets"]
        assert "license.activate" in {entry["action"] for entry in client.get("/api/v1/audit").json()}
    finally:
        hub.database.close()
