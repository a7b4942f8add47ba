"""An app that wants a database, on a machine without containers: as a vendor publishes it and a customer gives an
address."""

import json

import pytest

from place import APP
from rig.registry import tar_of

MINE = "postgresql://me:s3cret@db.example.com/app"


@pytest.fixture
def sold(place, registry):
    """An archive with two variables that lead to its database."""
    layer = registry.push_layer("acme/postgres", tar_of({"postgres": b""}))
    registry.push("acme/postgres", "16", [layer], {"Cmd": ["postgres"], "Env": ["PG_MAJOR=16"]})
    place.publish("0.0.1")
    file = place.folder / "source" / "discode.yml"
    text = file.read_text().replace("0.0.1", "1.0.0").replace(
        "env: {", "env: {DATABASE_URL: {accessory: db}, DB_HOST: {accessory: db, form: host}, "
    )  # fmt: skip
    file.write_text(text + f'accessories: {{db: {{postgres: 16, image: "{registry.name}/acme/postgres"}}}}\n')
    place.file, place.text = file, file.read_text()
    place.run("release", "publish", "--file", file, *place.vendor_words())
    return place


def test_a_customer_without_containers_gives_an_address(sold):
    told = sold.install("--version", "1.0.0", "--json", code=4).last["error"]
    assert told["key"] == "accessory-needs-docker"
    assert told["next_step"] == "Give the address of your own: --set DATABASE_URL=… --set DB_HOST=…"
    told = sold.install("--version", "1.0.0", "--set", f"DATABASE_URL={MINE}", "--json", code=4).last["error"]
    assert told["key"] == "accessory-half-external" and "s3cret" not in json.dumps(told)
    sold.install("--version", "1.0.0", "--set", f"DATABASE_URL={MINE}", "--set", "DB_HOST=db.example.com")
    has = json.loads(sold.get("/env")[1])
    assert (has["DATABASE_URL"], has["DB_HOST"]) == (MINE, "db.example.com")
    assert not [name for name in has if name.startswith("DISCODE_PASSWORD")]
    [db] = sold.run("status", APP, "--json").last["accessories"]
    assert (db["name"], db["kind"], db["version"], db["state"]) == ("db", "postgres", "16", "elsewhere")
    assert sold.run("list", "--json").last["apps"][0]["accessories"] == [db]
    assert "Beside it:   db (postgres 16): elsewhere, at an address of yours\n" in sold.run("status", APP).out
    assert f"db of {APP} is elsewhere" in sold.run("logs", APP, "--process", "db", code=2).err
    assert "is elsewhere" in sold.run("exec", APP, "--process", "db", "--", "psql", code=125).err
    shown = sold.run("config", "get", APP, "--json").last["settings"]
    assert set(shown) == {"SECRET", "DATABASE_URL", "DB_HOST"} and shown["DATABASE_URL"]["value"] is None
    assert sold.run("config", "set", APP, "--unset", "DB_HOST", "--json", code=4).last["error"]["key"] == (
        "accessory-half-external"
    )  # fmt: skip
    other = (
        sold.text.replace("1.0.0", "2.0.0").replace("DATABASE_URL:", "DB_URL:").replace(", DB_HOST:", ", DATA_HOST:")
    )
    sold.file.write_text(other)
    sold.run("release", "publish", "--file", sold.file, *sold.vendor_words())
    told = sold.run("update", APP, "--json", code=4).last["error"]
    assert told["key"] == "accessory-elsewhere" and "2.0.0 is told of it by DATA_HOST, DB_URL" in told["sentence"]
    assert told["next_step"] == "Run the command again with: --set DATA_HOST=… --set DB_URL=…"
    assert sold.get()[0] == 200


def test_what_a_vendor_typed_wrong_is_told_with_its_line(sold):
    sold.file.write_text(sold.text.replace("postgres: 16", "postgres: 8"))
    told = sold.run("release", "publish", "--file", sold.file, *sold.vendor_words(), code=2).err
    assert "accessories.db.postgres: 8 is no version of postgres that is known; write it like 16" in told
    for name, why in (("data", "a volume has this name, too"), ("jobs", "a process has this name, too")):
        taken = sold.text.replace("{db: {postgres", f"{{{name}: {{postgres").replace(
            "accessory: db", f"accessory: {name}"
        )
        sold.file.write_text(f"{taken}processes: {{jobs: [jobs]}}\n")
        told = sold.run("release", "publish", "--file", sold.file, *sold.vendor_words(), code=2).err
        assert f"accessories.{name}: {why}: give the accessory another" in told and "Nothing was published." in told
    sold.file.write_text(sold.text.replace("1.0.0", "1.1.0").replace("postgres: 16", "postgres: 15"))
    told = sold.run("release", "publish", "--file", sold.file, *sold.vendor_words(), code=4).err
    assert "/acme/postgres:15: The registry" in told and "Check image: of db in the file" in told
