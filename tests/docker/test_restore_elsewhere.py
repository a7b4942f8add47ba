"""Restores elsewhere of an app with PostgreSQL and Redis: beside the app, in a drill, and from one file."""

import signal
from pathlib import Path

import pytest

from place import APP
from rig.wait import wait_for

from .test_databases import VERSIONS, images  # noqa: F401 - a fixture
from .test_dumps import BESIDE

COPY = "shop2"
PSQL, CLI = ("db", "psql", "-XAtqc"), ("cache", "redis-cli")


@pytest.fixture
def backed_up(place, images, tmp_path):  # noqa: F811 - the fixture
    installed_with_databases(place)
    place.run("backup", "setup", APP, "--to", tmp_path / "storage", "--yes-i-kept-it", "--json")
    place.taken = place.run("backup", "now", APP, "--json").last["snapshot"]
    asked(place, APP, *PSQL, "insert into post values (1000)")
    return place


def installed_with_databases(place):
    """Its users have written to all that it has."""
    place.publish("1.0.0", extra=beside(place))
    place.install()
    place.get("/first", "POST")
    place.get("/post/7", "POST")
    asked(
        place, APP, *PSQL, "create table post (number int primary key); insert into post select generate_series(1, 500)"
    )
    asked(place, APP, *CLI, "set", "post:1", "written")


def beside(place):
    """Of the vendor's file."""
    return BESIDE.format(name=place.registry.name, **VERSIONS)


def asked(place, app, process, *command):
    return place.run("exec", app, "--process", process, "--", *command).out.strip()


def holds(place, app, host="shop.test"):
    """What of the snapshot there is now, as its users and its databases say it."""
    rows = asked(place, app, *PSQL, "select count(*), max(number) from post")
    mountpoint = Path(place.api.inspect_volume(f"{app}_data")["Mountpoint"])
    files = {path.name for path in mountpoint.iterdir()} - {"mark"}
    return place.ask("/", host=host), rows, asked(place, app, *CLI, "get", "post:1"), files >= {"first", "app.db"}


ALL = ((200, "1.0.0"), "500|500", "written", True)


def left(place, app):
    """Of an app on the engine."""
    api, label = place.api, {"label": f"discode.app={app}"}
    found = [one["Names"][0] for one in api.containers(all=True, filters=label)]
    found += [one["Name"] for one in api.volumes(filters=label)["Volumes"] or []]
    found += [one["Name"] for one in api.networks(filters=label)]
    return found + [tag for one in api.images() for tag in one["RepoTags"] or [] if tag.startswith(f"discode/{app}")]


def test_beside_the_app_with_databases_of_its_own(backed_up):
    told = backed_up.run("restore", APP, "latest", "--as", COPY, "--host", "copy.test", "--json").last
    assert (told["result"], told["app"]) == ("restored", COPY)
    assert holds(backed_up, COPY, "copy.test") == ALL
    passwords = {env(backed_up, f"{app}-db")["POSTGRES_PASSWORD"] for app in (APP, COPY)}
    assert len(passwords) == 2
    asked(backed_up, COPY, *PSQL, "delete from post")
    assert holds(backed_up, APP)[1] == "501|1000"
    backed_up.run("restart", COPY)
    backed_up.run("uninstall", COPY, "--purge", "--yes")
    assert not left(backed_up, COPY) and backed_up.get() == (200, "1.0.0")


def test_a_drill_leaves_nothing_also_when_it_is_killed(backed_up):
    told = backed_up.run("backup", "drill", APP, "--json").last
    assert (told["result"], told["snapshot"]) == ("proved", backed_up.taken)
    assert not left(backed_up, f"{APP}-drill") and holds(backed_up, APP)[1] == "501|1000"
    command = backed_up.start("backup", "drill", APP)
    wait_for(lambda: f"/{APP}-drill-db" in left(backed_up, f"{APP}-drill"), 240, "its database")
    command.send_signal(signal.SIGKILL)
    command.wait()
    wait_for(lambda: not (backed_up.home / "apps" / f"{APP}-drill").exists(), 240, "its guard")
    assert not left(backed_up, f"{APP}-drill") and holds(backed_up, APP)[1] == "501|1000"


def env(place, container):
    return dict(text.partition("=")[::2] for text in place.api.inspect_container(container)["Config"]["Env"])


def test_a_stopped_app_in_one_file_with_the_volumes_of_its_databases(backed_up):
    backed_up.env["DISCODE_PASSPHRASE"] = "correct horse"
    file = backed_up.folder / "shop.discode"
    backed_up.run("stop", APP)
    backed_up.run("export", APP, file)
    told = backed_up.run("import", file, "--as", COPY, "--host", "copy.test", "--json").last
    assert (told["result"], told["app"]) == ("restored", COPY)
    assert holds(backed_up, COPY, "copy.test") == ((200, "1.0.0"), "501|1000", "written", True)
    backed_up.run("uninstall", COPY, "--purge", "--yes")
    backed_up.run("start", APP)
    assert not left(backed_up, COPY) and holds(backed_up, APP)[1] == "501|1000"
