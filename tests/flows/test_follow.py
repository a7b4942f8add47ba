"""A log is followed over everything that happens to its app."""

import pytest
from scenarios import APP, installed

from discode.core.errors import UsageError
from discode.flows.configure import restart
from discode.flows.follow import Query, check_process, follow
from discode.flows.power import start, stop
from discode.flows.remove import remove
from discode.flows.update import update
from discode.testing.memory_world import MemoryWorld


def told(lines):
    """Until there is nothing more for now."""
    found, quiet = [], 0
    for line in lines:
        quiet = quiet + 1 if line is None else 0
        if quiet == 3:
            return found
        found += [] if line is None else [str(line)]
    return [*found, "the end"]


@pytest.fixture
def world():
    made = MemoryWorld(APP)
    installed(made)
    return made


def test_it_follows_an_app_from_one_instance_to_the_next(world):
    first = world.store.installations[APP].instance
    lines = follow(world.world(), world.store.installations[APP], Query(1))
    assert told(lines) == [f"{first} starts"]
    world.runtime.live[first].lines.append("served")
    assert told(lines) == ["served"]
    world.publish("1.1")
    update(world.world(), APP)
    second = world.store.installations[APP].instance
    assert told(lines) == [f"myapp 1.1 is serving, as {second}", f"{second} starts"]
    restart(world.world(), APP)
    third = world.store.installations[APP].instance
    assert told(lines) == [f"myapp 1.1 is serving, as {third}", f"{third} starts"] and third != second
    stop(world.world(), APP)
    assert told(lines) == ["myapp is stopped"]
    start(world.world(), APP)
    assert told(lines) == [f"myapp 1.1 is serving, as {third}", f"{third} starts"]
    remove(world.world(), APP)
    assert told(lines) == ["myapp was uninstalled", "the end"]


def test_while_a_flow_is_under_way_the_proxy_says_whose_lines_they_are(world):
    before = world.store.installations[APP]
    lines = follow(world.world(), before, Query(0))
    assert told(lines) == []
    release = world.publish("1.1")
    seen = []

    original = world.proxy.switch

    def switch(*args, **options):
        seen.append(told(lines))
        original(*args, **options)
        seen.append(told(lines))

    world.proxy.switch = switch
    update(world.world(), APP)
    after = world.store.installations[APP].instance
    assert after.key == release.key
    assert seen == [[], [f"myapp 1.1 is serving, as {after}", f"{after} starts"]], "at once, not when it is saved"
    assert told(lines) == []


def test_only_processes_that_there_are(world):
    installation = world.store.installations[APP]
    check_process(installation, "")
    check_process(installation, "web")
    with pytest.raises(UsageError, match=r"myapp 1\.0 has no process worker"):
        check_process(installation, "worker")
