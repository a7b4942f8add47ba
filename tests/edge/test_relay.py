"""Connections that an old worker of HAProxy still has: their next request is served as on a new connection."""

import http.client
import threading

from conftest_edge import requests_under_way

from rig.wait import wait_for


def _open(edge):
    """A connection with one request behind it: its worker keeps it, also after a reload."""
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240)
    assert _ask(connection)[0] == 200
    return connection


def _ask(connection, path="/", host="a.test", method="GET", body=None):
    connection.request(method, path, body, headers={"Host": host})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def test_it_reaches_the_version_that_was_deployed_after_the_reload(deployed):
    edge, _, two = deployed
    connections = [_open(edge) for _ in range(3)]
    edge.kill()
    edge.start()  # reloads
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    assert [_ask(one) for one in connections[:2]] == [(200, "two")] * 2
    assert _ask(connections[2], method="POST", body=b"x" * 300_000) == (200, "two")


def test_it_reaches_a_service_that_came_after_the_reload(deployed):
    edge, _, two = deployed
    connection = _open(edge)
    edge.ok("deploy", "b", "--target", two.target, "--host", "b.test")
    assert _ask(connection, host="b.test") == (200, "two")


def test_it_comes_with_its_own_address_once_and_is_logged_once(deployed):
    edge, one, _ = deployed
    one.echo = True
    connection = _open(edge)
    edge.kill()
    edge.start()
    told = dict(line.split(": ", 1) for line in _ask(connection, "/headers")[1].splitlines())
    assert (told["x-forwarded-for"], told["x-forwarded-proto"]) == ("127.0.0.1", "http")
    log = edge.folder / "access.log"
    wait_for(lambda: "headers" in log.read_text())
    assert log.read_text().count("headers") == 1


def test_one_that_was_held_goes_to_the_version_deployed_meanwhile(deployed):
    edge, _, two = deployed
    edge.ok("pause", "a")
    said = []
    asker = threading.Thread(target=lambda: said.append(edge.get("a.test")))
    asker.start()
    wait_for(lambda: requests_under_way(edge) == 1)
    edge.kill()
    edge.start()
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    edge.ok("resume", "a")
    asker.join(240)
    assert said == [(200, "two")]


def test_the_last_requests_are_answered_when_the_edge_ends(deployed):
    edge, one, _ = deployed
    connection = _open(edge)
    waiting = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240)
    waiting.request("GET", "/hold", headers={"Host": "a.test"})
    wait_for(lambda: one.held == 1)
    closing = threading.Thread(target=edge.close)
    closing.start()
    wait_for(lambda: not _listens(edge))
    assert _ask(connection) == (200, "one"), "there is nobody to pass it on to"
    one.let_go.set()
    assert waiting.getresponse().status == 200
    closing.join()


def _listens(edge):
    try:
        http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240).connect()
    except OSError:
        return False
    return True


def test_a_target_without_others_gets_its_requests_however_its_first_checks_end(edge, apps):
    made = apps(*(f"app{number}" for number in range(12)))
    for app in made:
        edge.ok("deploy", app.name, "--target", app.target, "--host", f"{app.name}.test")
        app.healthy = False
    for _ in range(2):
        edge.kill()
        edge.start()
        asked = [edge.get(f"{app.name}.test") for app in made for _ in range(3)]
        assert {status for status, _ in asked} == {200}


def test_a_deploy_done_again_waits_for_requests_on_the_version_before(deployed):
    """The controller was killed while it drained; who asked for the deploy does so again."""
    edge, one, two = deployed
    waiting = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240)
    waiting.request("GET", "/hold", headers={"Host": "a.test"})
    wait_for(lambda: one.held == 1)
    words = ["deploy", "a", "--target", two.target, "--host", "a.test"]
    first = threading.Thread(target=edge.run, args=words)
    first.start()
    wait_for(lambda: edge.get("a.test") == (200, "two"))
    edge.kill()
    edge.start()
    wait_for(lambda: edge.service("a")["draining"] == 1)
    before, was_let_go = two.checks, []
    again = threading.Thread(target=lambda: was_let_go.append(bool(edge.ok(*words) == "" and one.let_go.is_set())))
    again.start()
    wait_for(lambda: two.checks > before)  # it is at work
    assert edge.service("a")["draining"] == 1
    one.let_go.set()
    again.join()
    assert was_let_go == [True], "it did not return before the request could be answered"
    assert edge.service("a")["draining"] == 0 and waiting.getresponse().status == 200
    first.join()


def test_the_sockets_of_the_relay_are_nobody_elses(deployed):
    edge, _, _ = deployed
    for name in ("relay.sock", "relay.tls.sock"):
        assert (edge.folder / name).stat().st_mode & 0o777 == 0o600
    assert edge.folder.stat().st_mode & 0o077 == 0
