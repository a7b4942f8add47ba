"""What every runtime keeps, the one in memory and the real ones. A fixture `bench` gives each of them its releases.

`bench.runtime`, `bench.spec(number=1)` an instance of a release that was fetched, `bench.answers(name)`.
"""

import os
import tempfile
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from discode.core.errors import NoSuchCommand, NotHere, Refused
from discode.core.names import InstanceName
from discode.ports.console import Console
from discode.ports.report import Silence
from discode.ports.runtime import WEB, Completed, Phase

NOBODY = InstanceName("nobody", "0" * 12)


def until(lines, is_wanted):
    """What comes up to that one."""
    found = []
    for line in lines:
        found.append(line)
        if line is not None and is_wanted(line):
            return found
    return []


@contextmanager
def console():
    """Without input, and a file for its output."""
    with tempfile.TemporaryFile() as file, Path(os.devnull).open() as nothing:
        yield Console(nothing.fileno(), file.fileno(), file.fileno()), lambda: os.pread(file.fileno(), 1 << 20, 0)


class RuntimeContract:
    def test_a_started_instance_runs_and_answers(self, bench):
        spec = bench.spec()
        endpoint = bench.runtime.start(spec)
        state = bench.runtime.inspect(spec.name)
        assert (state.name, state.phase, state.endpoint, state.restarts) == (spec.name, Phase.RUNNING, endpoint, 0)
        assert bench.answers(spec.name)

    def test_what_is_not_on_this_machine_is_not_started(self, bench):
        spec = bench.spec()
        bench.runtime.prune(spec.name.app, frozenset())
        with pytest.raises(NotHere):
            bench.runtime.start(spec)
        assert bench.runtime.instances(spec.name.app) == []
        bench.runtime.fetch(spec.release, bench.releases, Silence())
        bench.runtime.start(spec)
        assert bench.answers(spec.name)

    def test_it_has_what_was_fetched_until_that_is_pruned(self, bench):
        app = bench.release.manifest.app
        assert bench.runtime.has(bench.release)
        assert not bench.runtime.has(bench.release.changed(key="0" * 12))
        bench.runtime.prune(app, frozenset([bench.release.key]))
        assert bench.runtime.has(bench.release)
        bench.runtime.prune(app, frozenset())
        assert not bench.runtime.has(bench.release)

    def test_start_is_idempotent(self, bench):
        spec = bench.spec()
        assert bench.runtime.start(spec) == bench.runtime.start(spec)
        assert [state.name for state in bench.runtime.instances(spec.name.app)] == [spec.name]

    def test_two_instances_have_two_endpoints(self, bench):
        one, two = bench.spec(), bench.spec(2)
        assert bench.runtime.start(one) != bench.runtime.start(two)
        assert {state.name for state in bench.runtime.instances(one.name.app)} == {one.name, two.name}
        assert bench.answers(one.name) and bench.answers(two.name)

    def test_a_stopped_instance_stays_down_until_it_is_started(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        bench.runtime.stop(spec.name, 2)
        state = bench.runtime.inspect(spec.name)
        assert state.phase is Phase.STOPPED
        assert not bench.runtime.probe(spec.name, "/up", 1).ok
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        assert bench.runtime.inspect(spec.name).restarts == 0

    def test_what_is_kept_beside_an_instance_is_told(self, bench):
        spec = replace(bench.spec(), record='{"app": "tiny"}')
        bench.runtime.start(spec)
        assert [state.record for state in bench.runtime.instances(spec.name.app)] == ['{"app": "tiny"}']

    def test_a_removed_instance_is_gone(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        bench.runtime.remove(spec.name)
        assert bench.runtime.inspect(spec.name) is None
        assert bench.runtime.instances(spec.name.app) == []

    def test_what_is_not_there_can_be_stopped_removed_and_asked_for(self, bench):
        bench.runtime.stop(NOBODY, 1)
        bench.runtime.remove(NOBODY)
        assert bench.runtime.inspect(NOBODY) is None
        assert not bench.runtime.probe(NOBODY, "/up", 1).ok
        assert list(bench.runtime.logs(NOBODY)) == []
        assert bench.runtime.instances("nobody") == []
        bench.runtime.prune("nobody", frozenset())
        bench.runtime.drop_data("nobody")

    def test_its_log_is_told(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        lines = list(bench.runtime.logs(spec.name, 5))
        assert 1 <= len(lines) <= 5

    def test_its_processes_are_told(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        [web] = bench.runtime.processes(spec.name)
        assert (web.name, web.phase, web.restarts) == (WEB, Phase.RUNNING, 0)
        assert web.memory > 1000
        bench.runtime.stop(spec.name, 2)
        assert [one.phase for one in bench.runtime.processes(spec.name)] == [Phase.STOPPED]
        assert bench.runtime.processes(NOBODY) == [] and bench.runtime.data("nobody") == []
        assert set(bench.runtime.volume_paths(spec.name.app)) == set(bench.runtime.data(spec.name.app))
        assert bench.runtime.volume_paths("nobody") == {}

    def test_volumes_are_made_for_what_is_brought_there(self, bench):
        spec = bench.spec()
        places = bench.runtime.make_volumes(spec.name.app, ["data", "beside.data.15"])
        assert set(places) == {"data", "beside.data.15"} <= set(bench.runtime.data(spec.name.app)) | {"beside.data.15"}
        assert bench.runtime.make_volumes(spec.name.app, ["data"]) == {"data": places["data"]}
        assert bench.runtime.make_volumes("nobody", []) == {} and bench.runtime.data("nobody") == []
        assert bench.runtime.volume_paths(spec.name.app)["data"] == places["data"]
        bench.runtime.drop_data(spec.name.app)
        assert bench.runtime.data(spec.name.app) == []

    def test_its_log_is_told_by_number_time_and_process(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        [*_, last] = whole = list(bench.runtime.logs(spec.name, None))
        assert list(bench.runtime.logs(spec.name, 1)) == [last]
        assert list(bench.runtime.logs(spec.name, 0)) == []
        assert list(bench.runtime.logs(spec.name, None, process=WEB)) == whole
        assert list(bench.runtime.logs(spec.name, None, process="nobody")) == []
        assert list(bench.runtime.logs(spec.name, None, since=1.0)) == whole

    def test_a_log_is_followed_over_a_stop_until_the_instance_is_removed(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        whole = list(bench.runtime.logs(spec.name, None))
        lines = bench.runtime.follow(spec.name, None)
        assert [next(lines) for _ in whole] == whole
        assert next(lines) is None
        bench.runtime.stop(spec.name, 2)
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        again = until(lines, lambda line: line == whole[-1])
        assert again
        bench.runtime.remove(spec.name)
        assert list(bench.runtime.follow(NOBODY)) == []
        assert all(line is None or line not in whole for line in lines), "it ends, and tells no line twice"

    def test_what_was_shown_before_is_not_followed(self, bench):
        spec = bench.spec()
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        assert next(bench.runtime.follow(spec.name, 0)) is None

    def test_a_command_runs_to_its_end(self, bench):
        seen = []
        done = bench.runtime.run_once(bench.spec(), bench.command, 60, seen.append)
        assert done.exit_code == 0 and done.output and list(done.output) == seen
        assert bench.runtime.instances(bench.spec().name.app) == []

    def test_a_command_runs_beside_the_program_of_an_instance(self, bench):
        spec = bench.spec()
        with console() as (given, written):
            with pytest.raises(Refused) as refused:
                bench.runtime.exec(spec.name, ["echo", "hello"], given)
            assert refused.value.name == "not-running"
            bench.runtime.start(spec)
            assert bench.answers(spec.name)
            assert bench.runtime.exec(spec.name, ["echo", "hello"], given) == 0
            assert written() == b"hello\n"
            assert bench.runtime.exec(spec.name, bench.exits(7), given) == 7
            with pytest.raises(NoSuchCommand):
                bench.runtime.exec(spec.name, ["no-such-program"], given)
            bench.runtime.stop(spec.name, 2)
            with pytest.raises(Refused):
                bench.runtime.exec(spec.name, ["echo", "hello"], given)
        assert bench.runtime.inspect(spec.name).phase is Phase.STOPPED

    def test_a_command_that_nobody_sees_has_its_time_and_tells_what_it_printed(self, bench):
        spec = bench.spec()
        with pytest.raises(Refused) as refused:
            bench.runtime.execute(spec.name, ["echo", "hello"], 60)
        assert refused.value.name == "not-running"
        bench.runtime.start(spec)
        assert bench.answers(spec.name)
        assert bench.runtime.execute(spec.name, ["echo", "hello"], 60) == Completed(0, ("hello",))
        assert bench.runtime.execute(spec.name, bench.exits(7), 60).exit_code == 7
        assert bench.runtime.execute(spec.name, ["sleep", "600"], 0.5).exit_code is None
        with pytest.raises(NoSuchCommand):
            bench.runtime.execute(spec.name, ["no-such-program"], 60)
        assert bench.answers(spec.name)

    def test_a_command_runs_beside_all_instances(self, bench):
        spec = bench.spec()
        with console() as (given, written):
            assert bench.runtime.run(spec, ["echo", "hello"], given) == 0
            assert written() == b"hello\n"
            assert bench.runtime.run(spec, bench.exits(7), given) == 7
            with pytest.raises(NoSuchCommand):
                bench.runtime.run(spec, ["no-such-program"], given)
            bench.runtime.sweep(spec.name.app)
            bench.runtime.sweep(spec.name.app, living=True)
            assert bench.runtime.instances(spec.name.app) == []
            bench.runtime.prune(spec.name.app, frozenset())
            with pytest.raises(NotHere):
                bench.runtime.run(spec, ["echo", "hello"], given)
