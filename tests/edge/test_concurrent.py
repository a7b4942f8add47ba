"""Commands at the same time: on different services, and on one."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

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
        self._thread.join(240)
        assert not self.is_running()
        return self.done


def test_a_deploy_does_not_wait_for_the_health_of_another_service(edge, apps):
    """Both are new, so each takes a reload, too."""
    one, two, three = apps("one", "two", "three")
    one.healthy = False
    sick = Started(edge, "deploy", "a", "--target", one.target, "--host", "a.test")
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


@pytest.fixture
def waiting(deployed):
    """A deploy of `two`, which is not healthy yet, beside `one`, which serves."""
    edge, _, two = deployed
    two.healthy = False
    command = Started(edge, "deploy", "a", "--target", two.target, "--host", "a.test")
    wait_for(lambda: two.checks > 0)
    yield edge, two, command
    two.healthy = True
    command.join()


def test_nothing_waits_for_the_health_of_a_target(waiting, apps):
    edge, two, command = waiting
    (three,) = apps("three")
    edge.ok("pause", "a")
    edge.ok("resume", "a")
    edge.ok("rollout", "deploy", "a", "--target", three.target)
    edge.ok("rollout", "set", "a", "--percent", "0", "--list", "vip")
    assert command.is_running()
    two.healthy = True
    assert (command.join().returncode, command.done.stdout) == (0, "")
    assert edge.get("a.test") == (200, "two"), "nothing has overtaken it"
    assert edge.get("a.test", Cookie="kamal-rollout=vip") == (200, "three"), "it keeps what was done meanwhile"


def test_what_was_asked_for_last_serves_though_it_was_healthy_first(waiting, apps):
    edge, two, command = waiting
    (three,) = apps("three")
    edge.ok("deploy", "a", "--target", three.target, "--host", "a.test")
    assert edge.get("a.test") == (200, "three") and command.is_running()
    two.healthy = True
    assert command.join().returncode == 0 and "a later command for this service" in command.done.stdout
    assert edge.get("a.test") == (200, "three")


def test_a_deploy_that_fails_overtakes_nothing(waiting, apps):
    edge, two, command = waiting
    (three,) = apps("three")
    three.healthy = False
    words = ("deploy", "a", "--target", three.target, "--host", "a.test", "--deploy-timeout", "100ms")
    assert edge.run(*words).returncode == 1
    two.healthy = True
    assert (command.join().returncode, command.done.stdout) == (0, "")
    assert edge.get("a.test") == (200, "two")


def test_what_was_removed_does_not_come_back(waiting):
    edge, two, command = waiting
    edge.ok("remove", "a")
    assert edge.get("a.test")[0] == 404 and command.is_running()
    two.healthy = True
    assert command.join().returncode == 0 and "a later command for this service" in command.done.stdout
    assert edge.get("a.test")[0] == 404


def test_a_first_deploy_that_was_called_off_does_not_serve(edge, apps):
    """Nothing is there to be removed, and nothing shall come."""
    (one,) = apps("one")
    one.healthy = False
    command = Started(edge, "deploy", "a", "--target", one.target, "--host", "a.test")
    wait_for(lambda: one.checks > 0)
    assert edge.run("remove", "a").stderr == "Error: service not found\n"
    one.healthy = True
    assert command.join().returncode == 0
    assert edge.told()["services"] == []


def test_a_host_that_was_taken_while_a_target_was_waited_for_is_refused(edge, apps):
    one, two = apps("one", "two")
    one.healthy = False
    command = Started(edge, "deploy", "a", "--target", one.target, "--host", "a.test")
    wait_for(lambda: one.checks > 0)
    edge.ok("deploy", "b", "--target", two.target, "--host", "a.test")
    one.healthy = True
    assert command.join().stderr == "Error: host settings conflict with another service\n"
    assert edge.get("a.test") == (200, "two")


def test_a_rollout_that_a_later_one_has_overtaken_serves_nobody(deployed, apps):
    edge, _, two = deployed
    (three,) = apps("three")
    two.healthy = False
    command = Started(edge, "rollout", "deploy", "a", "--target", two.target)
    wait_for(lambda: two.checks > 0)
    edge.ok("rollout", "deploy", "a", "--target", three.target)
    edge.ok("rollout", "set", "a", "--percent", "0", "--list", "vip")
    two.healthy = True
    assert command.join().returncode == 0
    assert edge.get("a.test", Cookie="kamal-rollout=vip") == (200, "three")


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


@pytest.mark.parametrize("mode", ["pause", "stop"])
def test_a_resume_ends_the_drain_of_a_pause_and_nobody_is_cut(deployed, mode):
    """As when a command is killed in the middle of a pause, and what settles it resumes."""
    edge, one, _ = deployed
    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(edge.get, "a.test", "/hold")
        wait_for(lambda: one.held == 1)
        draining = Started(edge, mode, "a")
        wait_for(lambda: edge.service("a")["state"] != "running")
        edge.ok("resume", "a")
        assert draining.join().returncode == 0
        one.let_go.set()
        assert asked.result() == (200, "one")
