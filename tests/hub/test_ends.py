"""What ends is told in time: by the hub's log, by publish, and by `discode hub doctor`, whose next steps work."""

import json
import os
import shlex
import shutil
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from conftest_hub import HubVendor, Place
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization

from discode.hub.chores import Warnings, do_chores
from discode.hub.proxies import is_near
from rig.command import run

DAY = 86400


@pytest.fixture
def vendor(tmp_path):
    place = Place(tmp_path / "hub", registry="registry.example.com")
    place.serve()
    made = HubVendor(tmp_path / "vendor", place)
    made.begin()
    (made.folder / "token").write_text(place.token)
    yield made
    place.close()


@pytest.fixture
def old(tmp_path):
    """A vendor whose root has 50 days left, and whose root keys are elsewhere."""
    place = Place(tmp_path / "hub")
    place.serve()
    place.clock.ahead = -315 * DAY
    made = HubVendor(tmp_path / "vendor", place)
    made.repository = made.at(days=-315)
    made.begin()
    place.clock.ahead = 0
    do_chores(place.hub)
    made.repository = made.at(days=0)
    (made.folder / "token").write_text(place.token)
    shutil.copytree(made.keys, made.folder / "offline")
    for name in ("root-1", "root-2"):
        (made.keys / f"{name}.pem").unlink()
    yield made
    place.close()


def discode(vendor, *words, code=0):
    env = {**os.environ, "DISCODE_HUB_TOKEN": vendor.place.token, "NO_COLOR": "1"}
    done = run("discode", [*map(str, words)], env, timeout=300)
    assert done.returncode == code, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def doctor(vendor, code=0):
    told = discode(vendor, "hub", "doctor", "--hub", vendor.place.url, "--keys", vendor.keys, "--json", code=code)
    return {one["what"]: one for one in json.loads(told)["checks"]}


def bad(checks):
    return sorted(name for name, one in checks.items() if not one["ok"])


def command_of(step):
    """The words of a next step's command."""
    return shlex.split(step[step.index("discode ") :])[1:]


def test_all_is_well(vendor):
    checks = doctor(vendor)
    assert bad(checks) == []
    signed = {"root", "releases' signature", "timestamp's signature", "snapshot's signature"}
    assert set(checks) == signed | {
        "hub", "API token", "chain of roots", "root keys", "certificate for the image registry", "installer",
        "reverse proxy",
    }  # fmt: skip
    assert "publish renews the root" in checks["root keys"]["detail"]
    text = discode(vendor, "hub", "doctor", "--hub", vendor.place.url, "--keys", vendor.keys)
    assert text.startswith(f"ok    hub: {vendor.place.url} answers, vendor acme\n")


def test_a_proxy_that_the_hub_was_not_told_of_is_a_finding(vendor):
    httpx.get(f"{vendor.place.url}/healthz", headers={"X-Forwarded-For": "198.51.100.1"}, timeout=60)
    checks = doctor(vendor, code=4)
    assert bad(checks) == ["reverse proxy"]
    step = "on the hub's machine: discode hub serve --trusted-proxies 127.0.0.1"
    assert checks["reverse proxy"]["next_step"] == step


def test_only_a_proxy_near_the_hub_is_the_vendors():
    addresses = "127.0.0.1", "10.0.0.5", "fd00::5", "1.1.1.1", "2606:4700::1", "x"
    assert [one for one in addresses if is_near(one)] == ["127.0.0.1", "10.0.0.5", "fd00::5"]


def test_a_root_that_ends_soon_is_told_by_everybody_and_the_next_step_works(old, caplog):
    checks = doctor(old, code=4)
    assert bad(checks) == ["releases' signature", "root"] and "not here" in checks["root keys"]["detail"]
    assert "The root ends in 49 days" in checks["root"]["detail"]
    file = old.folder / "source" / "discode.yml"
    words = ("--file", file, "--version", "1.1", "--hub", old.place.url, "--keys", old.keys, "--json")
    told = json.loads(discode(old, "release", "publish", *words))
    assert told["result"] == "published"
    assert [one.partition(",")[0] for one in told["warnings"]] == ["Warning: The root ends in 49 days"]
    Warnings(old.place.hub).tell()
    assert [one.message.partition(",")[0] for one in caplog.records if "ends" in one.message] == [
        "The root ends in 49 days"
    ]
    step = command_of(checks["root"]["next_step"])
    refused = json.loads(discode(old, *step, "--json"))
    assert len(refused["warnings"]) == 1, "where the root keys are not, it renews the rest, and goes on warning"
    step[step.index("--keys") + 1] = str(old.folder / "offline")
    assert json.loads(discode(old, *step, "--json")) == {"result": "renewed", "warnings": []}
    assert bad(doctor(old)) == []


def test_a_publish_with_a_root_that_has_ended_does_not_end_well(old):
    old.place.clock.ahead = 60 * DAY  # the hub knows it, whatever the clock of the vendor's machine says
    file = old.folder / "source" / "discode.yml"
    words = ("--file", file, "--version", "1.1", "--hub", old.place.url, "--keys", old.keys, "--json")
    error = json.loads(discode(old, "release", "publish", *words, code=4))["error"]
    assert error["key"] == "root-expired" and "discode release renew --hub" in error["next_step"]


def test_the_hub_that_signs_no_more(vendor):
    """As if it had not run for five days."""
    vendor.place.clock.ahead = -5 * DAY
    vendor.publish("1.1", "print(11)")
    checks = doctor(vendor, code=4)
    assert bad(checks) == ["timestamp's signature"]
    assert command_of(checks["timestamp's signature"]["next_step"]) == ["hub", "serve", str(vendor.place.folder)]
    vendor.place.clock.ahead = 0
    do_chores(vendor.place.hub)
    assert bad(doctor(vendor)) == []


def test_the_certificate_for_the_image_registry(vendor, caplog):
    certificate_for(vendor.place.hub, days=20)
    Warnings(vendor.place.hub).tell()
    assert [one.message.partition(",")[0] for one in caplog.records if "certificate" in one.message] == [
        "The certificate for the image registry ends in 19 days"
    ]
    checks = doctor(vendor, code=4)
    step = command_of(checks["certificate for the image registry"]["next_step"])
    before = vendor.place.hub.keys.certificate.public_key()
    discode(vendor, *step)
    assert bad(doctor(vendor)) == []
    assert vendor.place.hub.keys.certificate.public_key() == before, "tokens are signed by the same key"


def next_targets(vendor):
    repository = vendor.repository
    targets = repository._current()
    targets.version += 1
    return repository._signed_targets(targets, repository._keys.signers("targets"))


def certificate_for(hub, days):
    key, name, now = hub.keys.registry, hub.keys.certificate.subject, datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=days))
    data = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    hub.keys.certificate_path.write_bytes(data)


def test_tokens_are_told_of_to_their_own_and_to_administrators(vendor):
    mine, others = (vendor.place.new_token("release", days=days) for days in (10, 12))
    at = {"admin": vendor.place.token, "mine": mine, "others": others}
    vendor.place.clock.ahead = 6 * DAY
    ends = {name: vendor.place.call("GET", "/api/v1/ends", token=token)["ends"] for name, token in at.items()}
    told = {name: [one["days"] for one in found if "token" in one["what"]] for name, found in ends.items()}
    assert told == {"admin": [4, 6], "mine": [4], "others": [6]} or told == {
        "admin": [3, 5],
        "mine": [3],
        "others": [5],
    }
    [one] = [one for one in ends["mine"] if "token" in one["what"]]
    step = command_of(one["next_step"])
    step[step.index("NAME")] = "CI"
    assert "API token" in discode(vendor, *step)
    vendor.place.clock.ahead = 11 * DAY
    assert vendor.place.refusal("GET", "/api/v1/ends", 401, token=mine) == "token-ended"


def test_the_log_warns_at_each_step_and_daily(vendor, caplog):
    vendor.place.clock.ahead = 0
    warnings, told = Warnings(vendor.place.hub), []
    for days in (300, 304, 306, 306.1, 307.2, 336, 359, 366):
        caplog.clear()
        vendor.place.clock.ahead = days * DAY
        warnings.tell()
        found = [one for one in caplog.records if one.message.startswith("The root")]
        told.append([(one.levelname, one.message.partition(",")[0]) for one in found])
    assert told == [
        [], [], [("WARNING", "The root ends in 58 days")], [], [("WARNING", "The root ends in 57 days")],
        [("WARNING", "The root ends in 28 days")], [("ERROR", "The root ends in 5 days")],
        [("ERROR", next(text for _, text in told[-1]))],
    ]  # fmt: skip
    assert told[-1][0][1].startswith("The root ended on ")


def test_findings_for_what_is_not_as_it_should_be(vendor, tmp_path):
    url = vendor.place.url
    checks = json.loads(discode(vendor, "hub", "doctor", "--hub", "http://127.0.0.1:1", "--json", code=4))["checks"]
    assert [(one["what"], one["ok"]) for one in checks] == [("hub", False)]
    (tmp_path / "wrong").write_text("dht_" + "a" * 8 + "_" + "b" * 32)
    words = ("--hub", url, "--keys", vendor.keys, "--token-file", tmp_path / "wrong", "--json")
    checks = json.loads(discode(vendor, "hub", "doctor", *words, code=4))["checks"]
    assert [(one["what"], one["ok"]) for one in checks] == [("hub", True), ("API token", False)]
    other = HubVendor(tmp_path / "other", vendor.place)
    other.repository._keys.make(online=False)
    assert bad(doctor(other, code=4)) == ["chain of roots"]


def test_a_hub_with_another_key_than_the_root_names(vendor):
    """As after a restore of half of its folder."""
    keys = vendor.place.hub.keys
    keys.online_other_than(keys.online.public_key.keyid)
    (keys.folder / "online.pem").unlink()
    assert vendor.place.refusal("POST", "/api/v1/publish", 409, content=next_targets(vendor)) == "online-key"
    checks = doctor(vendor, code=4)
    assert bad(checks) == ["online key"]
    discode(vendor, *command_of(checks["online key"]["next_step"]))
    assert bad(doctor(vendor)) == []
    assert vendor.publish("1.1", "print(11)").is_new
