"""Commands at the same time: on different services, and on one."""

import threading

from rig.load import Load
from rig.wait import wait_for


class Started:
    """A command that runs by itself; `done` once it has ended."""

    def __init__(self, edge, *words):
        self.done = None
        self._thread = threading.Thread(target=self._run, args=(edge, words), daemon=True)
        self._thread.start()

    def _run(self, edge, words):
        self.done = edge.run(*words)

    def is_running(self):
        return self._thread.is_alive()

    def join(self):
        self._thread.join(60)
        assert not self.is_running()
        return self.done


def test_a_deploy_does_not_wait_for_the_health_of_another_service(edge, apps):
    """Both are new, so each takes a reload, too."""
    one, two, three = apps("one", "two", "three")
    one.healthy = False
    sick = Started(edge, "deploy", "a", "--target", one.target, "--host", "a.test", "--deploy-timeout", "20s")
    wait_for(lambda: one.checks > 0)
    edge.ok("deploy", "b", "--target", two.target, "--host", "b.test")
    edge.ok("deploy", "b", "--target", three.target, "--host", "b.test")
    edge.ok("pause", "b")
    edge.ok("resume", "b")
    assert edge.get("b.test") == (200, "three") and edge.get("a.test")[0] == 404
    edge.ok("remove", "b")
    assert sick.is_running(), "it was still waiting for its target meanwhile"
    one.healthy = True
    assert sick.join().returncode == 0
    assert edge.get("a.test") == (200, "one")


def test_a_deploy_does_not_wait_for_the_drain_of_another_service(deployed, apps):
    """Nor does it end it: the new service takes a reload, in which HAProxy cannot be asked."""
    edge, one, two = deployed
    (three,) = apps("three")
    answers = []
    request = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")))
    request.start()
    wait_for(lambda: one.held == 1)
    draining = Started(edge, "deploy", "a", "--target", two.target, "--host", "a.test")
    wait_for(lambda: edge.service("a")["draining"] == 1)
    edge.ok("deploy", "b", "--target", three.target, "--host", "b.test")
    assert draining.is_running(), "it was still draining meanwhile"
    one.let_go.set()
    assert draining.join().returncode == 0
    request.join()
    assert answers == [(200, "one")]


def test_commands_on_one_service_wait_for_each_other(deployed, apps):
    edge, _, two = deployed
    (three,) = apps("three")
    two.healthy = False
    first = Started(edge, "deploy", "a", "--target", two.target, "--host", "a.test", "--deploy-timeout", "20s")
    wait_for(lambda: two.checks > 0)
    second = Started(edge, "deploy", "a", "--target", three.target, "--host", "a.test")
    two.healthy = True
    assert (first.join().returncode, second.join().returncode) == (0, 0)
    assert edge.get("a.test") == (200, "three"), "the one that came last"


def test_a_version_that_still_drains_gets_nothing_when_the_one_after_the_next_comes(deployed, apps):
    """The first and the third share a backend."""
    edge, one, two = deployed
    (three,) = apps("three")
    answers = []
    slow = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")))
    with Load(edge.port, "a.test") as load:
        slow.start()
        wait_for(lambda: one.held == 1)
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-in-background")
        edge.ok("deploy", "a", "--target", three.target, "--host", "a.test", "--drain-in-background")
        assert {edge.get("a.test")[1] for _ in range(20)} == {"three"}
        one.let_go.set()
        slow.join()
    assert answers == [(200, "one")] and not load.bad


def test_deploys_of_one_service_at_once_end_with_one_version(deployed, apps):
    edge, _, _ = deployed
    versions = apps(*(f"v{number}" for number in range(6)))
    with Load(edge.port, "a.test") as load:
        started = [Started(edge, "deploy", "a", "--target", app.target, "--host", "a.test") for app in versions]
        assert {each.join().returncode for each in started} == {0}
        assert len({edge.get("a.test")[1] for _ in range(20)}) == 1
    assert not load.bad


def test_switches_and_reloads_at_once_lose_nothing(deployed, apps):
    """A worker that a reload starts has what a switch of another service has just set."""
    edge, one, two = deployed
    (other,) = apps("other")
    with Load(edge.port, "a.test") as load:
        reloads = [
            Started(edge, "deploy", f"b{number}", "--target", other.target, "--host", f"b{number}.test")
            for number in range(8)
        ]
        number = 0
        while any(reload.is_running() for reload in reloads):
            target = (two, one)[number % 2]
            edge.ok("deploy", "a", "--target", target.target, "--host", "a.test", "--drain-in-background")
            assert edge.get("a.test") == (200, target.name)
            number += 1
        assert {reload.join().returncode for reload in reloads} == {0}
    assert not load.bad
