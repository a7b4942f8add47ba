"""`discode status` and `list`: how an app is, for people in narrow terminals and for programs."""

import json
import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from discode.core.lease import Lease, claims
from place import APP
from terminal import terminal

SEAT, KEY = "a1b2c3d4" * 4, "dlk-key-of-the-customer"


def license_until(place, ends):
    """As an activation leaves it."""
    key = Ed25519PrivateKey.generate()
    form = (serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    lease = Lease(APP, SEAT, "q3k7m2xa", "Example Ltd", ("stable",), ends - 1000, ends)
    signed = jwt.encode(claims(lease, "https://hub.test", "1"), key, "EdDSA", headers={"typ": "lease+jwt"})
    told = {
        "hub": "https://hub.test", "app": APP, "key": KEY, "installation": SEAT, "license": "q3k7m2xa",
        "customer": "Example Ltd", "lease": signed, "lease_key": key.public_key().public_bytes(*form).decode(),
    }  # fmt: skip
    (place.home / "apps" / APP / "license.json").write_text(json.dumps(told))


def test_a_status_tells_all_that_a_customer_asks_support_for(place):
    place.publish("1.0.0", extra='processes: {jobs: [python3, -c, "import time; time.sleep(600)"]}\n')
    place.install()
    first = place.run("status", APP, "--json").last
    assert (first["condition"], first["state"], first["serves"], first["license"]) == ("serving", "running", True, None)
    assert first["address"] == f"http://shop.test:{place.port}"
    assert [(one["name"], one["state"]) for one in first["processes"]] == [("web", "running"), ("jobs", "running")]
    assert all(one["memory"] > 1 << 20 for one in first["processes"])
    assert first["reused"] == {"data": [], "settings": []}

    place.run("uninstall", APP)
    assert "used again: data (data) and settings (SECRET)" in place.install().err
    license_until(place, time.time() + 500)
    told = place.run("status", APP, "--json").last
    assert told["reused"] == {"data": ["data"], "settings": ["SECRET"]}
    assert (told["license"]["state"], told["license"]["seat"]) == ("valid", SEAT) and KEY not in json.dumps(told)
    text = place.run("status", APP).out
    for line in (
        "State:       serving\n", f"Address:     http://shop.test:{place.port}\n", "Processes:   web: running, ",
        "             jobs: running, ", "License:     q3k7m2xa of Example Ltd, seat a1b2c3d4; its lease ends ",
        "Reused:      from an earlier installation: data (data); settings (SECRET)\n",
    ):  # fmt: skip
        assert line in text, text
    license_until(place, time.time() - 5000)
    assert place.run("status", APP, "--json").last["license"]["state"] == "ended"
    assert "The lease has ended." in place.run("status", APP).out
    for columns in (40, 80):
        with terminal(place.command("status", APP), place.env, columns) as typed:
            assert typed.end() == 0
        lines = typed.screen.splitlines()
        assert len(lines) > 10 and all(len(line) <= columns for line in lines if "/releases" not in line), typed.screen


def test_on_a_narrow_terminal_no_word_is_cut(installed):
    """What is too long for a line is one word, or a next step of the doctor's, which is a command to copy."""
    installed.publish("1.1.0", "exits")
    installed.run("update", APP, code=5)
    for words in (("list",), ("domain", "list", APP), ("history", APP), ("doctor",)):
        plain = installed.run(*words, code=None).out
        steps = {line.rstrip() for line in plain.splitlines() if words == ("doctor",) and line.startswith(" ")}
        for columns in (40, 60):
            with terminal(installed.command(*words), installed.env, columns) as typed:
                typed.end()
            long = [line for line in typed.screen.splitlines() if len(line) > columns and line.rstrip() not in steps]
            assert all(len(line.split()) == 1 for line in long), typed.screen
            assert len(typed.screen.split()) == len(plain.split()), "nothing is left out"


def test_list_and_status_have_the_same_word(installed):
    def words():
        [listed] = installed.run("list", "--json").last["apps"]
        told = installed.run("status", APP, "--json").last
        assert listed["condition"] == told["condition"]
        assert f"  {told['condition']}  " in installed.run("list").out
        assert f"State:       {told['condition']}" in installed.run("status", APP).out
        return listed["condition"], listed["state"], told["state"]

    assert words() == ("serving", "running", "running")
    installed.run("stop", APP)
    assert words() == ("stopped", "stopped", "stopped")
    assert "Processes:   web: stopped\n" in installed.run("status", APP).out
    installed.run("start", APP)
    installed.crash()
    assert words()[0] in ("unknown", "not serving")
