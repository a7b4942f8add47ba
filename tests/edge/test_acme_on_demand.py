"""Certificates for names that nobody configured: the app is asked, the handshake waits."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from rig import web
from rig.wait import wait_for


@pytest.fixture
def door():
    """Says yes to every name that begins with `good`; `asked` has every name it was asked about."""
    asked = []

    class Handler(web.Handler):
        def do_GET(self):
            (host,) = parse_qs(urlsplit(self.path).query)["host"]
            asked.append(host)
            self.reply(200 if host.startswith("good") else 302, headers=[("Location", "/yes")])

    server: Any = web.Web(Handler)
    server.asked, server.url = asked, f"http://{server.target}/may?key=1"
    yield server
    server.close()


def test_the_first_handshake_waits_for_its_certificate(https_edge, authority, apps, door):
    one, own = apps("one", "own")
    https_edge.ok("deploy", "own", "--target", own.target, "--host", "own.test", "--tls")
    https_edge.ok("deploy", "a", "--target", one.target, "--tls", "--tls-on-demand-url", door.url)
    assert https_edge.https("good.test", trust=authority.root()) == (200, "one")
    assert https_edge.https("own.test", trust=authority.root()) == (200, "own")
    assert door.asked == ["good.test"]
    https_edge.kill()
    https_edge.start()
    assert https_edge.https("good.test", trust=authority.root()) == (200, "one")
    assert door.asked == ["good.test"], "a name that has its certificate is not asked about again"


def test_a_refused_name_gets_no_handshake_and_does_not_wait(https_edge, authority, apps, door):
    (one,) = apps("one")
    https_edge.ok("deploy", "a", "--target", one.target, "--tls", "--tls-on-demand-url", door.url)
    authority.gate.open.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(https_edge.served, "good.test")
        wait_for(lambda: authority.gate.orders == 1)
        for _ in range(2):
            assert https_edge.served("bad.test") is None
        assert not waiting.done(), "what is refused does not wait for what is ordered"
        authority.gate.open.set()
        assert waiting.result() is not None
    assert door.asked == ["good.test", "bad.test"] and authority.gate.orders == 1
    assert https_edge.served("not_a_name") is None and https_edge.served("localhost") is None
    assert door.asked == ["good.test", "bad.test"]


def test_a_path_is_asked_of_the_app_itself_under_the_name(https_edge, authority, apps):
    (one,) = apps("one")
    https_edge.ok("deploy", "a", "--target", one.target, "--tls", "--tls-on-demand-url", "/up")
    assert https_edge.https("some.test", trust=authority.root()) == (200, "one")
    one.healthy = False
    assert https_edge.served("other.test") is None


def test_the_client_is_seen_behind_the_look_at_the_name(https_edge, authority, apps):
    """The handed-on connection keeps the client's address, and the scheme."""
    (one,) = apps("one")
    one.echo = True
    https_edge.ok("deploy", "a", "--target", one.target, "--tls", "--tls-on-demand-url", "/up")
    wait_for(lambda: https_edge.served("a.test"))
    status, body = https_edge.https("a.test", "/headers")
    assert status == 200 and "x-forwarded-for: 127.0.0.1" in body and "x-forwarded-proto: https" in body
