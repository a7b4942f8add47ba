"""What an image says of itself, and what a release says in its place: entrypoint, command, user."""

import pytest
from conftest_docker import SERVER

from discode.core.artifact import Resources
from discode.core.errors import ReleaseFailed
from rig.wait import wait_for, with_time

FILES = {
    "server.py": SERVER.encode(),
    "entry.sh": b'#!/bin/sh\necho "entry got $*"\nexec "$@"\n',
    "bad": b"\x7fELF\x02\x01\x01" + b"garbage" * 20,
    "lost": b"#!/no/such/shell\n",
}
SERVE = ["python3", "server.py"]


@pytest.mark.parametrize(
    ("cmd", "more", "told"),
    [
        ([], {}, "its image has neither CMD nor ENTRYPOINT, and the release names no command"),
        (SERVE, {"User": "web"}, "its image says USER web, and has no user web"),
        (SERVE, {"User": "root:web"}, "its image says USER root:web, and has no group web"),
        (["/nosuch"], {}, "/nosuch is not an executable in its image"),
        (["/etc/passwd"], {}, "/etc/passwd is not an executable in its image"),
    ],
)
def test_what_cannot_be_started_is_the_vendors_fault_and_named(bench, cmd, more, told):
    release = bench.fetched(FILES, cmd, more=more)
    with pytest.raises(ReleaseFailed, match=r"^1\.0 cannot be started: ") as raised:
        bench.runtime.start(bench.spec(release=release))
    assert told in raised.value.sentence and raised.value.next_step.startswith("Tell the vendor")


def test_settings_that_no_container_can_have_are_the_vendors_fault(bench):
    release = bench.fetched(resources=Resources(memory=1000))
    with pytest.raises(ReleaseFailed, match=r"Docker refuses its settings .*memory limit"):
        bench.runtime.start(bench.spec(release=release))


def test_more_cpus_than_this_machine_has_are_no_limit(bench):
    spec = bench.spec(release=bench.fetched(resources=Resources(cpus=1000)))
    bench.runtime.start(spec)
    assert bench.told(spec.name)["HostConfig"]["NanoCpus"] == bench.engine.info["NCPU"] * 10**9


@pytest.mark.parametrize(
    ("program", "told"), [("/app/bad", "it is for another processor"), ("/app/lost", "the interpreter that it names")]
)
def test_a_program_that_the_kernel_does_not_take_is_named(bench, program, told):
    spec = bench.spec(release=bench.fetched(FILES, [program]))
    bench.runtime.start(spec)
    state = wait_for(lambda: (s := bench.runtime.inspect(spec.name)).restarts and s)
    assert state.exit_code == 1 and state.reason.startswith(f"{program} cannot be run here (") and told in state.reason
    with pytest.raises(ReleaseFailed, match=f"{program} cannot be run here"):
        bench.runtime.run_once(spec, [program], 300, print)
    assert bench.runtime.run_once(spec, ["sh", "-c", "echo 'no: exec format error'; exit 1"], 300, print).exit_code == 1


@pytest.mark.parametrize(
    ("entrypoint", "ran"),
    [
        (None, "entry got echo hi"),  # as Docker does: the command is what the ENTRYPOINT is given
        ([], "hi"),
        (["echo", "instead"], "instead echo hi"),
    ],
)
def test_a_command_is_given_to_the_entrypoint_that_counts(bench, entrypoint, ran):
    more = {"Entrypoint": ["/app/entry.sh"]}
    release = bench.fetched(FILES, ["python3", "-c", "print('cmd')"], more=more, entrypoint=entrypoint, command=SERVE)
    seen = []
    done = bench.runtime.run_once(bench.spec(release=release), ["echo", "hi"], 300, seen.append)
    assert done.exit_code == 0 and ran in done.output and list(done.output) == seen


def test_output_comes_while_the_command_runs_and_a_deadline_ends_it(bench):
    """It says so, ignores SIGTERM for as long as it is let, and would never end."""
    script = "trap 'echo told to end' TERM; echo begun; while :; do sleep 0.2; done"

    def run(seconds):
        release, seen = bench.fetched(update={"stop": seconds / 3}), []
        done = bench.runtime.run_once(bench.spec(release=release), ["sh", "-c", script], seconds, seen.append)
        return done.exit_code, seen, list(done.output)

    found = with_time(run, lambda found: len(found[2]) == 2, 3)
    assert found == (None, ["begun"], ["begun", "told to end"])
    assert bench.api.containers(all=True) == []
