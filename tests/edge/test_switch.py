"""Switches, drains and pauses, under traffic."""

import http.client
import threading

from discode.edge.haproxy.runtime import Runtime
from discode.edge.haproxy.sessions import WAITING, counts
from discode.edge.layout import Layout
from rig.load import Load
from rig.wait import wait_for


def test_twenty_switches_lose_no_request(deployed):
    edge, one, two = deployed
    with Load(edge.port, "a.test") as load:
        for number in range(20):
            target = (two, one)[number % 2]
            edge.ok("deploy", "a", "--target", target.target, "--host", "a.test")
            assert edge.get("a.test") == (200, target.name), "the new version answers as soon as deploy returns"
    assert not load.bad


def test_a_new_service_and_a_changed_shape_lose_no_request_of_another(deployed, apps):
    """Both take a reload of HAProxy."""
    edge, _, _ = deployed
    (other,) = apps("other")
    with Load(edge.port, "a.test") as load:
        for number in range(5):
            edge.ok("deploy", f"b{number}", "--target", other.target, "--host", f"b{number}.test")
            edge.ok(
                "deploy", f"b{number}", "--target", other.target, "--host", f"b{number}.test", "--target-timeout", "9s"
            )
            assert edge.get(f"b{number}.test") == (200, "other")
    assert not load.bad


def test_a_drain_in_the_background_returns_at_once_and_is_told(deployed):
    edge, one, two = deployed
    answers = []
    slow = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")))
    slow.start()
    wait_for(lambda: one.held == 1)
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-in-background")
    assert not answers and edge.service("a")["draining"] == 1
    assert edge.get("a.test") == (200, "two")
    one.let_go.set()
    slow.join()
    assert answers == [(200, "one")]
    wait_for(lambda: edge.service("a")["draining"] == 0)


def test_a_switch_back_while_the_old_one_drains_loses_nothing(deployed):
    edge, one, two = deployed
    with Load(edge.port, "a.test") as load:
        answers = []
        slow = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")))
        slow.start()
        wait_for(lambda: one.held == 1)
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-in-background")
        edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--drain-in-background")
        assert edge.get("a.test") == (200, "one")
        one.let_go.set()
        slow.join()
        wait_for(lambda: edge.service("a")["draining"] == 0)
        assert edge.get("a.test") == (200, "one")
    assert answers == [(200, "one")] and not load.bad


def test_the_target_that_serves_can_be_deployed_again(deployed):
    edge, one, _ = deployed
    with Load(edge.port, "a.test") as load:
        for _ in range(3):
            edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    assert not load.bad and edge.get("a.test") == (200, "one")


def test_a_kept_alive_connection_gets_the_new_version(deployed):
    edge, _, two = deployed
    connection = http.client.HTTPConnection("127.0.0.1", edge.port, timeout=240)

    def ask():
        connection.request("GET", "/", headers={"Host": "a.test"})
        return connection.getresponse().read().decode()

    assert ask() == "one"
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    assert ask() == "two"
    connection.close()


def test_why_a_target_is_not_healthy_is_told(deployed):
    edge, _, two = deployed
    two.healthy = False
    words = ("deploy", "a", "--target", two.target, "--host", "a.test", "--deploy-timeout", "300ms")

    def refused():
        """What is said; nothing while it has not answered by then, as on a busy machine."""
        done = edge.run(*words)
        assert done.returncode == 1
        return done.stderr.splitlines() if "500" in done.stderr else []

    assert wait_for(refused, what="its answer is told") == [
        "Error: target failed to become healthy within configured timeout (300ms)",
        f"  {two.target}: 500 at /up",
    ]
    assert edge.get("a.test") == (200, "one")


def test_bad_commands_change_nothing(deployed):
    edge, one, _ = deployed
    before = edge.told()["services"]
    for words, message in [
        (("deploy", "a", "--target", one.target, "--nonsense"), "unknown flag: --nonsense"),
        (("deploy", "a"), 'required flag(s) "target" not set'),
        (("deploy", "a", "--target", one.target, "--deploy-timeout", "soon"), "invalid argument"),
        (("deploy", "a b", "--target", one.target), "invalid service name"),
        (("deploy", "b", "--target", "x y:1"), "invalid target"),
        (("deploy", "b", "--target", one.target, "--host", "a\nb"), "invalid host"),
        (("deploy", "b", "--target", one.target, "--host", "a.test"), "host settings conflict with another service"),
        (("dance",), "unknown command"),
        (("pause", "nobody"), "service not found"),
        (("pause",), "accepts 1 arg(s), received 0"),
    ]:
        done = edge.run(*words)
        assert (done.returncode, message in done.stderr) == (1, True), (words, done.stderr)
    assert edge.told()["services"] == before and edge.get("a.test") == (200, "one")


def test_a_request_that_waits_for_its_next_try_is_under_way(deployed):
    """The last of several targets has refused it, and is tried again after a second: whoever pauses waits for that."""
    edge, one, two = deployed
    edge.ok("deploy", "a", "--target", one.target, "--target", two.target, "--host", "a.test")
    runtime = Runtime(Layout(edge.folder))
    runtime.send(f"set server a:b/{two.target} state maint")
    one.close()
    answers = []
    asking = threading.Thread(target=lambda: answers.append(edge.get("a.test")[0]))
    asking.start()
    wait_for(lambda: counts(runtime, ["a:b"]).get(("a:b", WAITING)) == 1, unless=lambda: answers)
    edge.ok("pause", "a", "--drain-timeout", "20s")
    asking.join(240)
    assert answers == [502]
