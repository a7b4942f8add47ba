"""Processes of an archive that take requests: each has a port of its own, and is told it."""

from conftest_process import SERVER

from discode.adapters.process.proc import orphans
from discode.core.manifest import Door
from discode.ports.runtime import Phase
from rig.wait import wait_for

DOORS = {
    "processes": {"live": ["python3", "server.py", "live"], "jobs": ["python3", "-c", "import time; time.sleep(300)"]},
    "doors": {"live": Door(path="/live")},
}


def ports(bench, spec):
    state = bench.runtime.inspect(spec.name)
    return [state.endpoint.port, *(place.port for place in state.doors.values())]


def test_each_has_a_port_of_its_own(bench):
    release = bench.fetched(SERVER, **DOORS)
    one, two = bench.spec(release=release), bench.spec(2, release=release)
    for spec in (one, two):
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        wait_for(lambda spec=spec: bench.runtime.probe(spec.name, "/live", 2, process="live").ok)
    assert set(bench.runtime.inspect(one.name).doors) == {"live"}
    assert len({*ports(bench, one), *ports(bench, two)}) == 4
    assert not bench.runtime.probe(one.name, "/live", 2, process="jobs").ok
    [told] = [state for state in bench.runtime.instances(one.name.app) if state.name == one.name]
    assert told.doors == bench.runtime.inspect(one.name).doors


def test_they_are_kept_over_a_stop_and_given_back_at_the_end(bench):
    release = bench.fetched(SERVER, **DOORS)
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    before = ports(bench, spec)
    bench.runtime.stop(spec.name, 2)
    assert bench.runtime.inspect(spec.name).phase is Phase.STOPPED and orphans(bench.folder_of(spec)) == []
    bench.runtime.start(spec)
    assert ports(bench, spec) == before
    wait_for(lambda: bench.runtime.probe(spec.name, "/", 2, process="live").ok)
    bench.runtime.remove(spec.name)
    assert "live" not in (bench.home / "instances" / ".ports.json").read_text()


def test_one_that_ends_is_the_instances_own_end(bench):
    release = bench.fetched(SERVER, **{**DOORS, "processes": {"live": ["python3", "-c", "raise SystemExit(7)"]}})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    wait_for(lambda: bench.runtime.inspect(spec.name).restarts >= 1)
    state = bench.runtime.inspect(spec.name)
    assert (state.exit_code, state.reason) == (7, "its process live ended")
