"""The seat of a license: it comes along when a machine is lost, and a copy beside the app takes one of its own."""

import shutil
from contextlib import closing

import pytest

from place import APP, Place

COPY = "shop2"


class Shop(Place):
    """Whose vendor has a hub."""

    def __init__(self, folder, hub):
        super().__init__(folder)
        self.hub, self.repo = hub, hub.url
        self.env["DISCODE_HUB_TOKEN"] = hub.token

    def vendor_words(self):
        return ("--hub", self.hub.url, "--keys", str(self.keys))

    def init(self):
        self.run("release", "init", *self.vendor_words())


@pytest.fixture
def shop(tmp_path, small_place):
    small_place.serve()
    with closing(Shop(tmp_path, small_place)) as made:
        made.init()
        made.publish("1.0.0")
        small_place.call("PUT", f"/api/v1/apps/{APP}", json={"access": "licensed"})
        yield made


def licensed(shop, seats):
    """Installed by a license of so many seats, and backed up."""
    terms = {"app": APP, "customer": "Example", "seats": seats}
    issued = shop.hub.call("POST", "/api/v1/licenses", 201, json=terms)
    shop.license, shop.env["DISCODE_LICENSE"] = issued["id"], issued["key"]
    shop.install()
    del shop.env["DISCODE_LICENSE"]
    storage = shop.folder / "storage"
    made = shop.run("backup", "setup", APP, "--to", storage, "--yes-i-kept-it", "--json").last
    shop.env["DISCODE_BACKUP_PASSWORD"], shop.storage = made["password"], storage
    shop.run("backup", "now", APP)


def seats(shop):
    told = shop.hub.call("GET", f"/api/v1/licenses/{shop.license}")
    return [one["installation"] for one in told["installations"]]


def test_the_seat_comes_along_when_the_machine_is_lost(shop):
    licensed(shop, 1)
    [seat] = seats(shop)
    shop.crash()
    shutil.rmtree(shop.home)
    told = shop.run("restore", APP, "--from", shop.storage, "--http-port", shop.port, "--json")
    assert told.last["result"] == "restored" and "Trusting this vendor from now on" not in told.out + told.err
    assert seats(shop) == [seat] and shop.get() == (200, "1.0.0")
    status = shop.run("status", APP, "--json").last
    assert (status["license"]["state"], status["license"]["seat"]) == ("valid", seat)
    shop.publish("1.1.0")
    assert shop.run("update", APP, "--json").last["to"] == "1.1.0"


def test_a_copy_takes_a_seat_of_its_own_and_gives_it_back(shop):
    licensed(shop, 2)
    words = ("restore", APP, "latest", "--as", COPY, "--host", "copy.test", "--json")
    assert shop.run(*words).last["result"] == "restored"
    assert len(seats(shop)) == 2 and shop.ask("/", host="copy.test") == (200, "1.0.0")
    shop.publish("1.1.0")
    assert shop.run("update", COPY, "--json").last["to"] == "1.1.0"
    assert shop.run("license", "lease", COPY, "--json").last["app"] == COPY
    shop.run("uninstall", COPY, "--purge", "--yes")
    assert len(seats(shop)) == 1
    assert shop.run("update", APP, "--json").last["to"] == "1.1.0"


def test_without_a_free_seat_there_is_no_copy_and_a_drill_needs_none(shop):
    licensed(shop, 1)
    words = ("restore", APP, "latest", "--as", COPY, "--host", "copy.test", "--json")
    refused = shop.run(*words, code=4).last["error"]
    assert refused["key"] == "no-seat" and "Ask the vendor for another seat" in refused["next_step"]
    assert not (shop.home / "apps" / COPY / "journal.json").exists() and len(seats(shop)) == 1
    assert shop.run("backup", "drill", APP, "--json").last["result"] == "proved"
    assert len(seats(shop)) == 1 and shop.get() == (200, "1.0.0")
