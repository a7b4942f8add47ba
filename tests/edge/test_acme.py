"""Automatic certificates from a real ACME server: issued, renewed, refused, limited, and with the CA away."""

import stat

from conftest_https import Handshakes

from rig.certificates import trusting
from rig.wait import wait_for

NO_CHECK_TIME = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME


def test_from_an_empty_state_to_a_served_certificate(https_edge, authority, apps):
    (one,) = apps("one")
    hosts = ("--host", "a.test", "--host", "b.test", "--canonical-host", "a.test")
    https_edge.certified("a", "--target", one.target, *hosts)
    assert https_edge.https("a.test", trust=authority.root()) == (200, "one")
    assert https_edge.https("b.test", trust=authority.root())[0] == 301, "the CA's question came before any redirect"
    assert https_edge.served("c.test") is None, "a name without a certificate gets no wrong one"
    (entry, _) = https_edge.service("a")["certificates"]
    assert entry["source"] == "acme" and entry["expires"] and not entry["error"]
    for path in (https_edge.folder / "certificates").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path


def test_a_renewal_under_load_fails_no_handshake(https_edge, authority, apps):
    """Certificates of 15 seconds, renewed after ten, without a reload."""
    (one,) = apps("one")
    authority.start(seconds=15)
    https_edge.certified("a", "--target", one.target, "--host", "a.test")
    worker = https_edge.haproxy_worker()
    trust = trusting(authority.root())
    trust.verify_flags |= NO_CHECK_TIME  # on a busy machine five seconds may be too short for a renewal
    with Handshakes(https_edge, "a.test", trust) as load:
        wait_for(lambda: len(load.seen) >= 2)
    print(f"{load.count} handshakes, {len(load.seen)} certificates")
    assert not load.bad
    assert https_edge.haproxy_worker() == worker


def test_a_certificate_survives_a_new_controller_and_a_new_haproxy(https_edge, authority, apps):
    (one,) = apps("one")
    https_edge.certified("a", "--target", one.target, "--host", "a.test")
    before, orders = https_edge.served("a.test"), authority.gate.orders
    https_edge.kill()
    assert https_edge.served("a.test") == before
    https_edge.start()
    assert https_edge.https("a.test", trust=authority.root()) == (200, "one")
    https_edge.close()
    https_edge.start()
    assert https_edge.served("a.test") == before and authority.gate.orders == orders


def test_a_refused_order_is_told_and_the_app_is_served_once_it_is_mended(https_edge, authority, apps):
    """The name points elsewhere at first. Another app's certificate is untouched."""
    one, two = apps("one", "two")
    https_edge.certified("a", "--target", one.target, "--host", "a.test")
    authority.point("b.test", "127.0.0.77")
    said = https_edge.ok("deploy", "b", "--target", two.target, "--host", "b.test", "--tls")
    assert said.startswith("Notice: no certificate for b.test yet: b.test: ") and "again in" in said
    assert https_edge.served("b.test") is None and https_edge.served("a.test") is not None
    (entry,) = https_edge.service("b")["certificates"]
    assert entry["error"].startswith("b.test: ") and entry["next_try"] and not entry["expires"]
    authority.point("b.test", "127.0.0.1")
    wait_for(lambda: https_edge.served("b.test"))
    assert https_edge.https("b.test", trust=authority.root()) == (200, "two")


def test_a_name_that_the_ca_does_not_serve_is_told(https_edge, authority, apps):
    (one,) = apps("one")
    said = https_edge.ok("deploy", "a", "--target", one.target, "--host", "blocked.test", "--tls")
    assert "no certificate for blocked.test yet: " in said and "blocked" in said


def test_a_limit_of_the_ca_is_obeyed_over_a_restart_and_a_deploy_until_somebody_renews(https_edge, authority, apps):
    (one,) = apps("one")
    authority.gate.limit = 300
    deploy = ("deploy", "a", "--target", one.target, "--host", "a.test", "--tls")
    said = https_edge.ok(*deploy)
    assert "too many certificates already issued for this name" in said
    assert authority.gate.orders == 1
    (entry,) = https_edge.service("a")["certificates"]
    https_edge.kill()
    https_edge.start()
    (again,) = https_edge.service("a")["certificates"]
    assert again["next_try"] == entry["next_try"], "the CA's own Retry-After, kept over a restart"
    authority.gate.limit = None
    # The keeper looks for all that is due at once: when it has ordered for b, it would have for a.
    https_edge.ok("deploy", "b", "--target", one.target, "--host", "b.test", "--tls")
    wait_for(lambda: https_edge.served("b.test"))
    assert authority.gate.orders == 2 and https_edge.served("a.test") is None
    assert "too many certificates" in https_edge.ok(*deploy) and authority.gate.orders == 2
    https_edge.ok("renew", "a.test")
    assert https_edge.https("a.test", trust=authority.root()) == (200, "one")


def test_with_the_ca_away_the_old_certificate_stays_and_waits_grow(https_edge, authority, apps):
    one, two = apps("one", "two")
    https_edge.certified("a", "--target", one.target, "--host", "a.test")
    before = https_edge.served("a.test")
    authority.stop()
    said = https_edge.ok("deploy", "b", "--target", two.target, "--host", "b.test", "--tls")
    assert "no certificate for b.test yet: the CA" in said
    wait_for(lambda: https_edge.service("b")["certificates"][0]["error"])
    log = https_edge.folder.parent / "edge.log"
    waits = "again in 0 s", "again in 1 s", "again in 2 s", "again in 4 s"
    wait_for(lambda: all(wait in log.read_text() for wait in waits))
    assert https_edge.served("a.test") == before
    assert https_edge.get("b.test") == (200, "two"), "nobody is sent to where no handshake is to be had"
    assert https_edge.get("a.test")[0] == 301
    authority.start()
    wait_for(lambda: https_edge.served("b.test"))
    assert https_edge.https("b.test", trust=authority.root()) == (200, "two")


def test_without_the_library_the_edge_runs_and_says_what_is_missing(https_edge, apps, tmp_path, monkeypatch):
    (one,) = apps("one")
    (tmp_path / "acme.py").write_text("raise ImportError('No module named acme')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    https_edge.start()
    done = https_edge.run("deploy", "a", "--target", one.target, "--host", "a.test", "--tls")
    assert done.returncode == 1 and "pip install acme" in done.stderr and "Nothing was changed" in done.stderr
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    assert https_edge.get("a.test") == (200, "one")


def test_before_there_is_a_certificate_http_is_served_and_from_then_on_redirected(https_edge, authority, apps):
    (one,) = apps("one")
    authority.gate.open.clear()
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--tls", "--drain-in-background")
    wait_for(lambda: authority.gate.orders)
    assert https_edge.get("a.test") == (200, "one") and https_edge.served("a.test") is None
    authority.gate.open.set()
    wait_for(lambda: https_edge.get("a.test")[0] == 301)
    assert https_edge.https("a.test", trust=authority.root()) == (200, "one")
    https_edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--host", "b.test", "--tls")
    https_edge.close()
    https_edge.start()
    assert https_edge.get("a.test")[0] == 301, "also after a start of all"
