"""What `discode doctor` says of certificates: red, a warning, or well."""

from collections import Counter

import pytest

from discode.cli.doctor import examine_apps
from discode.cli.doctor_https import examine_https
from discode.core.certificate import CertificateFailure
from discode.core.errors import ProxyUnreachable
from discode.core.installation import Route
from discode.flows.install import InstallRequest, install
from discode.flows.look import look_at_all
from discode.flows.power import stop
from discode.testing.faults import Faulty, Script
from discode.testing.memory_proxy import BEGIN, certified
from discode.testing.memory_world import MemoryWorld

HOST = "a.example.com"
AWAY = CertificateFailure("unreachable", "the CA cannot be reached: Connection refused", BEGIN + 3600, 40)


@pytest.fixture
def world():
    made = MemoryWorld("shop")
    made.publish("1.0")
    return made


def examined(world):
    there = world.world()
    apps = [there.installed("shop")]
    return [*examine_https(apps, look_at_all(there, apps))]


def findings(world, certificate=None, failure=None, tls="auto"):
    install(world.world(), InstallRequest("shop", "memory", route=Route(hosts=(HOST,), tls=tls)))
    if certificate:
        world.proxy.certificates[HOST] = certificate
    if failure:
        world.proxy.failures[HOST] = failure
    return [one.text() for one in examined(world)]


def test_all_is_well(world):
    assert findings(world) == ["ok    shop https: a.example.com by Memory CA, 89 days left"]


@pytest.mark.parametrize("tls", ["off", "auto"])
def test_who_has_no_https_or_does_not_run_is_not_looked_at(world, tls):
    findings(world, tls=tls)
    stop(world.world(), "shop")
    assert examined(world) == []


@pytest.mark.parametrize(
    ("certificate", "failure", "tls", "begins", "step"),
    [
        (certified(HOST, 40), AWAY, "auto",
         "warn  shop https: a.example.com: the last renewal failed: the CA cannot be reached: Connection refused.",
         "Put that right; to have it tried at once: discode proxy renew a.example.com"),
        (certified(HOST, 10), None, "own", "warn  shop https: a.example.com: its certificate ends in ",
         "Get another certificate, then: discode certificate set shop --certificate FILE --private-key FILE"),
        (certified(HOST, 10), AWAY, "auto", "BAD   shop https: a.example.com: its certificate ends in ",
         "discode proxy renew a.example.com"),
        (certified(HOST, -1, is_trusted=False, doubt="certificate has expired"), AWAY, "auto",
         "BAD   shop https: a.example.com: its certificate ended on 2023-11-13, 1 day ago (this machine's clock says ",
         "If this machine's clock is wrong, set it: timedatectl set-ntp true. Else see: discode status shop"),
        (certified(HOST, 40, is_trusted=False, doubt="self-signed certificate"), None, "own",
         "BAD   shop https: a.example.com: its certificate of Memory CA is not trusted by this machine (self-signed",
         "discode certificate set shop"),
    ],
    ids=["early", "near its end", "failed for weeks", "expired", "untrusted"],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_helps(world, certificate, failure, tls, begins, step):
    [text] = findings(world, certificate, failure, tls)
    line, next_step = text.split("\n")
    assert line.startswith(begins), text
    assert step in next_step


def test_no_certificate_is_red(world):
    world.proxy.failures[HOST] = CertificateFailure("caa", "the CAA records of this name forbid the CA: letsencrypt")
    [text] = findings(world)
    assert text.startswith("BAD   shop https: a.example.com: the CAA records of this name forbid the CA: letsencrypt.")


def test_the_proxy_is_asked_once_for_all_that_the_doctor_says_of_apps(world, tmp_path, monkeypatch):
    monkeypatch.setenv("DISCODE_HOME", str(tmp_path))
    install(world.world(), InstallRequest("shop", "memory", route=Route(hosts=(HOST,), tls="auto")))
    one = world.store.installations["shop"]
    for number in range(3):
        app = f"app{number}"
        world.store.installations[app] = one.changed(app=app, route=Route(hosts=(f"{number}.example.com",), tls="auto"))
    script = Script({})
    asked = world.world(proxy=Faulty(world.proxy, script, ProxyUnreachable("")))
    found = [finding.what for finding in examine_apps(asked, [*world.store.installations.values()])]
    apps = ["shop", "app0", "app1", "app2"]
    assert sorted(found) == sorted([*apps, *(f"{app} https" for app in apps), *(f"{app} names" for app in apps)])
    counted = Counter(name for name in script.names if name not in ("url", "probe"))
    assert counted == {"all_serving": 1, "https": 1, "reach": 1}
