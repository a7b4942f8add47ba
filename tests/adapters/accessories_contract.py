"""What everything that runs accessories keeps, the one in memory and the real one. A fixture `bench` gives each its
own.

`bench.accessories`, `bench.releases`. `bench.spec(name="db", **fields)`: one of an image that was fetched and that gets
healthy, with a volume `data`, its fields otherwise as given; `bench.other()`: the image of a program that never gets
healthy and goes on running, fetched. `bench.write(spec, line)` appends a line to a file in its volume,
`bench.read(spec)` gives the lines, `bench.handed(folder)` those of a volume that was handed over to a folder, for which
`bench.target(name)` is a place. Commands in its image: `bench.cat` copies its input, `bench.exits(7)` exits so,
`bench.fails("why")` says so on standard error and exits with 1, `bench.endless` does not end. `bench.file(lines)` is a
path whose content is those lines (None: there is no file yet), `bench.lines(path)` reads one.
"""

import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest

from discode.core.artifact import Resources
from discode.core.errors import NoSuchCommand, NotHere, Refused
from discode.ports.console import Console
from discode.ports.report import Silence
from discode.ports.runtime import Phase
from rig.wait import wait_for


@contextmanager
def console():
    """Without input, and a file for its output."""
    with tempfile.TemporaryFile() as file, Path("/dev/null").open() as nothing:
        yield Console(nothing.fileno(), file.fileno(), file.fileno()), file


def started(bench, spec):
    bench.accessories.start(spec)
    wait_for(lambda: bench.accessories.healthy(spec).ok, 300, f"{spec.container} to be healthy")
    return spec


class AccessoriesContract:
    def test_one_that_was_started_runs_and_gets_healthy(self, bench):
        spec = started(bench, bench.spec())
        state = bench.accessories.inspect(spec.app, spec.name)
        assert (state.name, state.phase, state.restarts) == (spec.name, Phase.RUNNING, 0)
        assert state.fingerprint == spec.fingerprint and state.volumes == ("db.data",) and state.since > 0
        assert bench.accessories.all(spec.app) == [state] or bench.accessories.all(spec.app)[0].name == spec.name

    def test_what_was_not_fetched_is_not_started(self, bench):
        spec = bench.spec()
        assert bench.accessories.has(spec.app, spec.accessory.image)
        bench.accessories.prune(spec.app, frozenset([spec.accessory.image.reference]))
        assert bench.accessories.has(spec.app, spec.accessory.image)
        bench.accessories.prune(spec.app, frozenset())
        assert not bench.accessories.has(spec.app, spec.accessory.image)
        with pytest.raises(NotHere):
            bench.accessories.start(spec)
        assert bench.accessories.all(spec.app) == []
        bench.accessories.fetch(spec.app, spec.accessory.image, bench.releases, Silence())
        bench.accessories.fetch(spec.app, spec.accessory.image, bench.releases, Silence())
        assert bench.accessories.has(spec.app, spec.accessory.image)
        assert not bench.accessories.has("nobody", spec.accessory.image)
        started(bench, spec)

    def test_one_that_runs_as_it_is_to_be_is_not_touched(self, bench):
        spec = started(bench, bench.spec())
        before = bench.accessories.inspect(spec.app, spec.name)
        bench.accessories.start(spec)
        after = bench.accessories.inspect(spec.app, spec.name)
        assert (after.since, after.restarts, after.phase) == (before.since, before.restarts, Phase.RUNNING)

    def test_another_spec_takes_the_place_of_the_first_with_its_data(self, bench):
        spec = started(bench, bench.spec())
        bench.write(spec, "one")
        other = started(bench, bench.spec(resources=Resources(memory=1 << 28)))
        assert other.fingerprint != spec.fingerprint
        [state] = bench.accessories.all(spec.app)
        assert (state.fingerprint, state.phase) == (other.fingerprint, Phase.RUNNING)
        assert bench.read(other) == ["one"]

    def test_one_that_is_stopped_stays_so_until_it_is_started(self, bench):
        spec = started(bench, bench.spec())
        bench.write(spec, "one")
        bench.accessories.stop(spec.app, spec.name, 2)
        assert bench.accessories.inspect(spec.app, spec.name).phase is Phase.STOPPED
        probe = bench.accessories.healthy(spec)
        assert not probe.ok and probe.detail
        started(bench, spec)
        assert bench.accessories.inspect(spec.app, spec.name).restarts == 0
        assert bench.read(spec) == ["one"]

    def test_one_that_does_not_answer_is_not_healthy(self, bench):
        spec = bench.spec(image=bench.other())
        bench.accessories.start(spec)
        probe = bench.accessories.healthy(spec)
        assert not probe.ok and probe.detail

    def test_one_that_is_removed_leaves_its_data(self, bench):
        spec = started(bench, bench.spec())
        bench.write(spec, "one")
        bench.accessories.remove(spec.app, spec.name)
        assert bench.accessories.inspect(spec.app, spec.name) is None and bench.accessories.all(spec.app) == []
        assert bench.accessories.volumes(spec.app) == ["db.data"]
        started(bench, spec)
        assert bench.read(spec) == ["one"]

    def test_a_volume_goes_when_nobody_has_it(self, bench):
        spec = started(bench, bench.spec())
        bench.write(spec, "one")
        with pytest.raises(Refused) as refused:
            bench.accessories.drop_volume(spec.app, "db.data")
        assert refused.value.name == "in-use"
        bench.accessories.stop(spec.app, spec.name, 2)
        with pytest.raises(Refused):
            bench.accessories.drop_volume(spec.app, "db.data")
        bench.accessories.remove(spec.app, spec.name)
        bench.accessories.drop_volume(spec.app, "db.data")
        bench.accessories.drop_volume(spec.app, "db.data")
        assert bench.accessories.volumes(spec.app) == []
        assert bench.read(started(bench, spec)) == []

    def test_a_volume_is_handed_over_when_nobody_has_it(self, bench):
        spec, target = started(bench, bench.spec()), bench.target("db.data")
        bench.write(spec, "one")
        bench.accessories.stop(spec.app, spec.name, 2)
        with pytest.raises(Refused) as refused:
            bench.accessories.hand_over(spec.app, "db.data", target)
        assert refused.value.name == "in-use"
        bench.accessories.remove(spec.app, spec.name)
        bench.accessories.hand_over(spec.app, "db.data", target)
        assert bench.accessories.volumes(spec.app) == [] and bench.handed(target) == ["one"]
        assert bench.read(started(bench, bench.spec())) == []

    def test_two_of_an_app_have_volumes_of_their_own(self, bench):
        one, two = started(bench, bench.spec()), started(bench, bench.spec("cache"))
        bench.write(one, "one")
        bench.write(two, "two")
        assert (bench.read(one), bench.read(two)) == (["one"], ["two"])
        assert [state.name for state in bench.accessories.all(one.app)] == ["cache", "db"]
        assert bench.accessories.volumes(one.app) == ["cache.data", "db.data"]

    def test_what_is_not_there_can_be_stopped_removed_and_asked_for(self, bench):
        bench.accessories.stop("nobody", "db", 1)
        bench.accessories.remove("nobody", "db")
        bench.accessories.drop_volume("nobody", "db.data")
        bench.accessories.prune("nobody", frozenset())
        assert bench.accessories.inspect("nobody", "db") is None
        assert bench.accessories.all("nobody") == [] and bench.accessories.volumes("nobody") == []
        assert list(bench.accessories.logs("nobody", "db")) == list(bench.accessories.follow("nobody", "db")) == []
        assert not bench.accessories.healthy(bench.spec("missing")).ok

    def test_a_command_reads_a_file_and_writes_another(self, bench):
        spec = started(bench, bench.spec())
        given, written = bench.file(["one", "two"]), bench.file(None)
        done = bench.accessories.execute(spec.app, spec.name, bench.cat, stdin=given, stdout=written, timeout=300)
        assert done.exit_code == 0 and bench.lines(written) == ["one", "two"]
        done = bench.accessories.execute(spec.app, spec.name, bench.cat, stdout=written, timeout=300)
        assert done.exit_code == 0 and bench.lines(written) == []
        done = bench.accessories.execute(spec.app, spec.name, bench.cat, stdin=given, timeout=300)
        assert done.output == "one\ntwo\n"

    def test_how_a_command_ends_is_told(self, bench):
        spec = started(bench, bench.spec())
        execute = bench.accessories.execute
        assert execute(spec.app, spec.name, bench.exits(7), timeout=300).exit_code == 7
        done = execute(spec.app, spec.name, bench.fails("why"), timeout=300)
        assert done.exit_code == 1 and done.errors[-1] == "why"
        with pytest.raises(NoSuchCommand):
            execute(spec.app, spec.name, ["no-such-program"], timeout=300)
        assert execute(spec.app, spec.name, bench.endless, timeout=0.5).exit_code is None
        bench.accessories.stop(spec.app, spec.name, 2)
        with pytest.raises(Refused) as refused:
            execute(spec.app, spec.name, bench.exits(0), timeout=300)
        assert refused.value.name == "not-running"

    def test_a_person_runs_a_command(self, bench):
        spec = started(bench, bench.spec())
        with console() as (given, file):
            assert bench.accessories.exec(spec.app, spec.name, ["echo", "hello"], given) == 0
            file.seek(0)
            assert file.read() == b"hello\n"
            assert bench.accessories.exec(spec.app, spec.name, bench.exits(7), given) == 7
            bench.accessories.stop(spec.app, spec.name, 2)
            with pytest.raises(Refused):
                bench.accessories.exec(spec.app, spec.name, ["echo", "hello"], given)

    def test_its_log_is_told(self, bench):
        spec = started(bench, bench.spec())
        [*_, last] = whole = list(bench.accessories.logs(spec.app, spec.name, None))
        assert list(bench.accessories.logs(spec.app, spec.name, 1)) == [last]
        lines = bench.accessories.follow(spec.app, spec.name, None)
        assert [next(lines) for _ in whole] == whole and next(lines) is None
        bench.accessories.remove(spec.app, spec.name)
        assert all(line is None or line not in whole for line in lines), "it ends, and tells no line twice"

    def test_a_client_is_there_for_one_command_and_no_accessory(self, bench):
        spec, file = bench.spec(), bench.file(["of before"])
        asked = bench.accessories.ask(spec, bench.exits(7), stdout=file, timeout=300)
        assert (asked.exit_code, bench.lines(file)) == (7, [])
        asked = bench.accessories.ask(spec, bench.fails("it is full"), stdout=file, timeout=300)
        assert asked.exit_code == 1 and "it is full" in asked.errors
        assert bench.accessories.all(spec.app) == [] and bench.accessories.volumes(spec.app) == []
        with pytest.raises(NoSuchCommand):
            bench.accessories.ask(spec, ["no-such-program"], stdout=file, timeout=300)
        assert bench.accessories.ask(spec, bench.endless, stdout=file, timeout=0.2).exit_code is None
        bench.accessories.prune(spec.app, frozenset())
        with pytest.raises(NotHere):
            bench.accessories.ask(spec, bench.exits(0), stdout=file, timeout=300)
