"""The end of an install by HTTPS, with a real CA: proved, refused, killed in the middle; and what is shown then."""

import re

import pytest

from place import APP
from rig.wait import wait_for
from secure_place import BLOCKED, HOST, SecurePlace


@pytest.fixture
def kind():
    return SecurePlace


@pytest.fixture
def place(place):
    place.publish("1.0.0")
    return place


def test_it_ends_with_a_certificate_that_a_client_verifies_and_everything_shows_it(place):
    place.trust_root()
    told = place.run(*place.words("--require-https", "--json")).last
    assert place.by_https() == (200, "1.0.0"), "the command has ended: nothing is waited for"
    assert told["https"]["proved"] and told["message"] == f"It has HTTPS: https://{HOST}:{place.https_port}"
    [one] = told["https"]["names"]
    assert (one["host"], one["state"], one["names"], one["failure"]) == (HOST, "proved", [HOST], None)
    assert one["issuer"].startswith("Pebble Intermediate CA") and one["days_left"] == 89
    assert told["seconds"]["https"] > 0
    assert f"HTTPS:       {HOST}: certificate of {one['issuer']} until " in place.run("status", APP).out
    assert place.run("status", APP, "--json").last["https"]["names"][0]["ends"] == one["ends"]
    assert "  89 days  " in place.run("list").out
    assert place.run("list", "--json").last["apps"][0]["https"]["proved"]
    assert f"ok    {APP} https: {HOST} by {one['issuer']}, 89 days left" in place.run("doctor", code=None).out

    place.bundle.write_text(place.pebble.trust.read_text())  # the root that nobody knows
    why = f"{HOST}: no. Its certificate of {one['issuer']} is not trusted by this machine ("
    assert why in place.run("status", APP).out
    listed = place.run("list").out
    assert "  untrusted  " in listed and f"HTTPS of {HOST}: its certificate of Pebble" in listed
    bad = place.run("doctor", "--json", code=4).last["checks"]
    [finding] = [check for check in bad if check["what"] == f"{APP} https"]
    assert (finding["ok"], finding["warning"]) == (False, False)


def test_a_refusal_is_told_and_the_app_serves_by_http_unless_https_is_required(place):
    place.trust_root()
    place.pebble.gate.limit = 3600
    refused = place.run(*place.words("--require-https", "--json"), code=5).last["error"]
    assert refused["key"] == "no-https" and refused["sentence"].endswith(" Nothing is installed.")
    assert f"HTTPS was required, and there is none. {HOST}: the CA's rate limit is reached: " in refused["sentence"]
    assert re.search(r"it is tried again in (1 hour|[56]\d minutes) \(", refused["sentence"]), refused
    assert place.run("status", APP, code=3) and not place.instances() and not place.journals()
    place.pebble.gate.limit = None

    done = place.run(*place.words(host=BLOCKED))
    assert done.out.startswith(
        f"{APP} 1.0.0 is installed and serving. It has no HTTPS yet and is served at http://{BLOCKED}:{place.port}. "
        f"{BLOCKED}: the CA does not issue certificates for this name: "
    ), done.out
    assert done.out.endswith(f"The proxy goes on trying by itself. To see how it stands: discode status {APP}\n")
    assert place.ask("/", host=BLOCKED) == (200, "1.0.0"), "no redirect to where there is nothing"
    status = place.run("status", APP).out
    assert f"HTTPS:       {BLOCKED}: no. The CA does not issue certificates for" in status
    assert f"Address:     http://{BLOCKED}:{place.port}\n" in status, "where it can be reached now"
    assert "  none   " in place.run("list").out
    opened = place.run("open", APP)
    assert opened.out == f"http://{BLOCKED}:{place.port}\n" and "has no HTTPS yet; to see why: discode" in opened.err
    assert "BAD   shop https: blocked.test: the CA does not issue" in place.run("doctor", code=4).out


def test_who_is_killed_while_waiting_leaves_the_app_and_a_certificate_that_comes(place):
    place.trust_root()
    place.killed()
    assert place.ask("/") == (200, "1.0.0") and not place.journals()
    assert place.run("status", APP, "--json").last["https"]["names"][0]["state"] == "none"
    place.pebble.gate.open.set()
    wait_for(lambda: place.run("status", APP, "--json").last["https"]["proved"])
    assert place.by_https() == (200, "1.0.0")


def test_who_requires_https_and_is_killed_while_waiting_leaves_nothing(place):
    place.killed("--require-https")
    wait_for(lambda: not place.journals())
    assert not place.instances()
    assert "the last install was interrupted" in place.run("status", APP, code=3).err
