"""A reload for one service leaves a worker behind that has the requests of all others: their deploys go on as ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from rig.wait import wait_for


@pytest.fixture
def held(deployed, apps):
    """A request that the app `one` does not answer, on a worker from before a reload; and that request's answer."""
    edge, one, two = deployed
    answers = []
    thread = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")[0]))
    thread.start()
    wait_for(lambda: one.held == 1)
    yield edge, one, two, answers
    one.let_go.set()
    thread.join()


def reload_for_another(edge, apps):
    (other,) = apps("other")
    edge.ok("deploy", "b", "--target", other.target, "--host", "b.test")


def test_services_that_are_deployed_at_once_all_answer(edge, apps):
    """Each new service takes a reload, in the middle of the deploys of the others."""

    def deploy(number):
        host = f"s{number}.test"
        for app in apps(f"old {number}", f"new {number}"):
            edge.ok("deploy", f"s{number}", "--target", app.target, "--host", host)
            assert edge.get(host) == (200, app.name)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(deploy, range(12)))


def test_a_request_on_an_old_worker_is_cut_at_the_drain_timeout(held, apps):
    edge, _, two, answers = held
    reload_for_another(edge, apps)
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-timeout", "500ms")
    wait_for(lambda: answers)
    assert answers == [504]


def test_a_target_that_drains_on_an_old_worker_can_serve_again(held, apps):
    edge, one, two, answers = held
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--drain-in-background")
    reload_for_another(edge, apps)
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test", "--drain-in-background")
    assert edge.get("a.test") == (200, "one")
    one.let_go.set()
    wait_for(lambda: answers)
    assert answers == [200]
