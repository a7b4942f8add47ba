"""Containers as the customer's machine has them: limits, volumes, workers, ends with their reasons, and strangers."""

import json
from dataclasses import replace
from datetime import datetime

import pytest
from conftest_docker import APP

from discode.core.artifact import Resources
from discode.core.errors import Failed, Refused, ReleaseFailed
from discode.core.names import InstanceName
from discode.ports.report import Silence
from discode.ports.runtime import Phase
from rig.wait import wait_for

WORKER = "import os, time\nprint('works as', os.environ['DISCODE_PROCESS'], flush=True)\ntime.sleep(300)"


def test_a_crash_is_seen_with_its_code_and_comes_back(bench):
    spec = bench.spec(CRASH="7")
    bench.runtime.start(spec)
    wait_for(lambda: bench.runtime.inspect(spec.name).restarts >= 1)
    state = bench.runtime.inspect(spec.name)
    assert (state.phase, state.exit_code) == (Phase.RUNNING, 7)
    assert "crashing" in list(bench.runtime.logs(spec.name))


def test_a_crash_later_on_is_told_while_it_runs_again(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    with pytest.raises(OSError):
        bench.ask(spec, "/die")
    wait_for(lambda: bench.runtime.inspect(spec.name).restarts == 1)
    bench.answers(spec.name)
    assert bench.runtime.inspect(spec.name).exit_code == 9
    bench.runtime.stop(spec.name, 2)
    bench.runtime.start(spec)
    assert bench.runtime.inspect(spec.name).restarts == 0, "a new life"


def test_out_of_memory_is_called_by_its_name(bench):
    release = bench.fetched(resources=Resources(memory=32 << 20))
    spec = bench.spec(release=release, EAT="200")
    bench.runtime.start(spec)
    state = wait_for(lambda: (s := bench.runtime.inspect(spec.name)).restarts and s)
    assert state.exit_code == -9 and state.reason == "out of memory (its limit is 32 MB)"


def test_limits_logs_and_grace_are_as_promised(bench):
    release = bench.fetched(resources=Resources(memory=64 << 20, cpus=0.5), update={"stop": 7.0})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    told = bench.told(spec.name)
    limits = told["HostConfig"]
    assert (limits["Memory"], limits["MemorySwap"], limits["NanoCpus"]) == (64 << 20, 64 << 20, 5 * 10**8)
    assert limits["RestartPolicy"]["Name"] == "unless-stopped"
    assert limits["LogConfig"] == {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "5"}}
    assert told["Config"]["StopTimeout"] == 7
    bench.answers(spec.name)
    bench.runtime.stop(spec.name, 5)
    assert "ending" in list(bench.runtime.logs(spec.name)), "SIGTERM came first"


def test_secrets_are_in_no_label_command_or_entrypoint(bench):
    release = bench.fetched(processes={"mailer": ["python3", "-c", WORKER]})
    spec = bench.spec(release=release, TOKEN="hunter2-hunter2")
    bench.runtime.start(spec)
    for container in (str(spec.name), f"{spec.name}.mailer"):
        told = bench.told(container)
        assert "TOKEN=hunter2-hunter2" in told["Config"]["Env"]
        told["Config"].pop("Env")
        assert "hunter2" not in json.dumps(told)
        assert set(told["Config"]["Labels"]) == {"discode.app", "discode.key", "discode.role"}


def test_workers_are_started_told_of_stopped_and_removed_with_it(bench):
    release = bench.fetched(processes={"mailer": ["python3", "-c", WORKER], "release": ["python3", "-c", WORKER]})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    bench.answers(spec.name)
    wait_for(lambda: "[mailer] works as mailer" in list(bench.runtime.logs(spec.name)))
    assert [state.name for state in bench.runtime.instances(APP)] == [spec.name]
    bench.runtime.stop(spec.name, 1)
    # Docker 26 lists what has just been stopped as running for a moment.
    wait_for(lambda: {one["State"] for one in bench.api.containers(all=True)} == {"exited"})
    bench.runtime.remove(spec.name)
    assert bench.api.containers(all=True) == []


def test_a_worker_that_crashes_is_the_instances_failure(bench):
    release = bench.fetched(processes={"mailer": ["python3", "-c", "print('no queue'); raise SystemExit(4)"]})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    state = wait_for(lambda: (s := bench.runtime.inspect(spec.name)).restarts and s)
    assert state.exit_code == 4 and "process mailer" in state.reason
    assert "[mailer] no queue" in list(bench.runtime.logs(spec.name))


def test_data_outlives_the_instance_and_goes_when_it_is_asked_for(bench):
    release = bench.fetched(volumes={"storage": "/data"})
    one, two = bench.spec(1, release), bench.spec(2, release)
    bench.runtime.start(one)
    assert bench.runtime.run_once(one, ["touch", "/data/note"], 300, print).exit_code == 0
    bench.runtime.remove(one.name)
    bench.runtime.start(two)
    bench.answers(two.name)
    assert bench.ask(two)["files"] == ["note"]
    bench.runtime.remove(two.name)
    bench.runtime.drop_data(APP)
    assert not bench.api.volumes()["Volumes"]


def test_a_volume_of_somebody_else_is_refused_and_left_alone(bench):
    release = bench.fetched(volumes={"storage": "/data"})
    bench.api.create_volume("tiny_storage")
    with pytest.raises(Refused) as raised:
        bench.runtime.start(bench.spec(release=release))
    assert raised.value.name == "volume-taken"
    bench.runtime.drop_data(APP)
    assert [one["Name"] for one in bench.api.volumes()["Volumes"]] == ["tiny_storage"]


def test_a_container_of_somebody_else_is_refused_and_left_alone(bench):
    spec = bench.spec()
    reference = spec.release.manifest.artifact.reference
    bench.api.create_container(reference, name=str(spec.name), command=["sleep", "60"])
    with pytest.raises(Refused) as raised:
        bench.runtime.start(spec)
    assert raised.value.name == "name-taken"
    assert bench.runtime.inspect(spec.name) is None and bench.runtime.instances(APP) == []
    bench.runtime.stop(spec.name, 0)
    bench.runtime.remove(spec.name)
    assert bench.told(spec.name)["Name"] == f"/{spec.name}"


def test_a_command_that_is_not_there_is_the_releases_fault(bench):
    release = bench.fetched(command=["no-such-program"])
    with pytest.raises(ReleaseFailed, match="no-such-program is not an executable in its image"):
        bench.runtime.start(bench.spec(release=release))


def test_a_failed_command_has_its_code_and_its_output_and_leaves_nothing(bench):
    done = bench.runtime.run_once(bench.spec(), ["sh", "-c", "echo one; echo two >&2; exit 3"], 300, print)
    assert done.exit_code == 3 and set(done.output) == {"one", "two"}
    assert bench.api.containers(all=True) == []


@pytest.mark.parametrize(
    ("env", "path", "words"),
    [
        ({}, "/missing", "404 at /missing"),
        ({}, "/gone", "302 at /gone, a redirect to /login"),
        ({"LISTEN": "8080"}, "/up", "connection refused at port 3000: it listens on 8080"),
        ({"BIND": "127.0.0.1"}, "/up", "it listens on port 3000, but only at 127.0.0.1"),
        ({"BIND": "127.0.0.2"}, "/up", "it listens on port 3000, but only at 127.0.0.2; it must listen at 0.0.0.0"),
        ({"BIND": "::"}, "/up", "it listens on port 3000, but only by IPv6, at ::; it must listen at 0.0.0.0"),
        (
            {"BIND": "127.0.0.1", "LISTEN": "8080"},
            "/up",
            "on no port but those inside its container: 127.0.0.1 port 8080",
        ),
    ],
)
def test_a_health_check_says_what_it_saw(bench, env, path, words):
    spec = bench.spec(**env)
    bench.runtime.start(spec)
    wait_for(lambda: words in bench.runtime.probe(spec.name, path, 60).detail)
    assert not bench.runtime.probe(spec.name, path, 60).ok


def test_what_a_killed_start_left_is_completed_or_removed(bench):
    spec = bench.spec()
    from discode.adapters.docker import containers

    bench.runtime._network(APP).ensure()
    containers.create(bench.engine, containers.web(spec), "discode-test.tiny")
    state = bench.runtime.inspect(spec.name)
    assert state.phase is Phase.EXITED and state.reason == "it never became ready"
    bench.runtime.start(spec)
    bench.answers(spec.name)


def test_the_container_of_a_killed_release_command_is_swept_away(bench):
    from discode.adapters.docker import containers

    spec = bench.spec()
    bench.runtime._network(APP).ensure()
    part = containers.once(spec, ["sleep", "300"])
    containers.bring_up(bench.engine, part, "discode-test.tiny", None)
    assert [state.name for state in bench.runtime.instances(APP)] == [spec.name]
    assert bench.runtime.run_once(spec, bench.command, 300, print).exit_code == 0
    containers.bring_up(bench.engine, part, "discode-test.tiny", None)
    bench.runtime.remove(spec.name)
    assert bench.api.containers(all=True) == []


def test_an_instance_keeps_its_address_over_a_restart(daemon, registry):
    from conftest_docker import Bench

    bench = Bench(daemon, registry, "address")
    try:
        one, two = bench.spec(1), bench.spec(2)
        endpoint = bench.runtime.start(one)
        bench.runtime.stop(one.name, 1)
        assert bench.runtime.start(two) != endpoint
        assert bench.runtime.start(one) == endpoint == bench.runtime.inspect(one.name).endpoint
    finally:
        bench.close()


def test_an_instance_that_cannot_be_reached_from_here_is_asked_from_inside(bench):
    spec, other = bench.spec(1), bench.spec(2, LISTEN="8080")
    for each in (spec, other):
        bench.runtime.start(each)
    bench.answers(spec.name)
    assert [bench.runtime.probe(spec.name, "/strict", 60, host).ok for host in ("shop.test", "other")] == [True, False]
    bench.engine.__dict__["reaches_containers"] = False  # as for an engine on another machine
    bench.runtime._through = str(spec.name)
    assert [bench.runtime.probe(spec.name, "/strict", 60, host).ok for host in ("shop.test", "other")] == [True, False]
    assert bench.runtime.probe(spec.name, "/up", 60).ok
    assert bench.runtime.probe(spec.name, "/missing", 60).detail == "404 at /missing"
    assert "refused at port 3000: it listens on 8080" in bench.runtime.probe(other.name, "/up", 60).detail


def test_logs_can_be_followed_over_all_processes(bench):
    release = bench.fetched(processes={"mailer": ["python3", "-c", WORKER]})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    bench.answers(spec.name)
    wait_for(lambda: len(list(bench.runtime.logs(spec.name))) == 2)
    lines = bench.runtime.follow(spec.name, 10)
    seen = {next(lines), next(lines)}
    assert seen == {"listening", "[mailer] works as mailer"}
    assert list(bench.runtime.logs(spec.name, process="mailer")) == ["works as mailer"]
    assert list(bench.runtime.logs(spec.name, process="web")) == ["listening"]
    bench.runtime.stop(spec.name, 2)
    bench.runtime.remove(spec.name)
    assert "ending" in list(lines), "it ends with the containers"


def test_processes_and_volumes_are_told(bench):
    release = bench.fetched(
        processes={"mailer": ["python3", "-c", WORKER], "broken": ["python3", "-c", "raise SystemExit(3)"]},
        resources=Resources(memory=64 << 20), volumes={"storage": "/data", "cache": "/cache"},
    )  # fmt: skip
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    bench.answers(spec.name)
    wait_for(lambda: bench.told(f"{spec.name}.broken")["RestartCount"])
    web, *others = bench.runtime.processes(spec.name)
    told = {one.name: one for one in others}
    assert (web.name, web.phase, web.limit, set(told)) == ("web", Phase.RUNNING, 64 << 20, {"mailer", "broken"})
    assert 1 << 20 < web.memory < 64 << 20 and told["mailer"].phase is Phase.RUNNING
    assert told["broken"].restarts
    assert bench.runtime.data(APP) == ["cache", "storage"]
    places = bench.runtime.volume_paths(APP)
    (places["storage"] / "note").write_text("read where it is")
    assert set(places) == {"cache", "storage"} and (places["storage"] / "note").exists()


def test_volumes_of_an_engine_elsewhere_are_out_of_reach(bench, monkeypatch):
    from discode.adapters.docker.engine import Engine

    bench.runtime.start(bench.spec(release=bench.fetched(volumes={"storage": "/data"})))
    monkeypatch.setattr(Engine, "is_local", False)
    with pytest.raises(Refused) as raised:
        bench.runtime.volume_paths(APP)
    assert raised.value.name == "volumes-out-of-reach"
    assert raised.value.next_step == "Run the command as root, on the machine where Docker runs."


def test_a_log_is_told_since_a_time(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.answers(spec.name)
    [stamp, *_] = bench.api.logs(str(spec.name), timestamps=True).decode().split()
    written = datetime.fromisoformat(stamp).timestamp()
    assert "listening" in list(bench.runtime.logs(spec.name, None, since=written - 0.1))
    assert "listening" not in list(bench.runtime.logs(spec.name, None, since=written + 0.1))


def test_a_stranger_in_the_volume_keeps_it_and_is_named(bench):
    release = bench.fetched(volumes={"storage": "/data"})
    spec = bench.spec(release=release)
    bench.runtime.start(spec)
    bench.api.create_container(
        release.manifest.artifact.reference, name="backup",
        host_config=bench.api.create_host_config(binds=["tiny_storage:/data"]),
    )  # fmt: skip
    bench.runtime.remove(spec.name)
    with pytest.raises(Failed, match="still used by a container that does not belong to Discode"):
        bench.runtime.drop_data(APP)


def test_the_same_name_is_another_instances_only_by_its_number(bench):
    bench.runtime.start(bench.spec(2))
    assert bench.runtime.inspect(InstanceName(APP, bench.release.key)) is None
    bench.runtime.remove(InstanceName(APP, bench.release.key))
    assert len(bench.runtime.instances(APP)) == 1


def test_fetching_needs_no_second_download_and_no_registry(bench, registry):
    registry.stop()
    try:
        bench.runtime.fetch(bench.release, bench, Silence())
    finally:
        registry.start()


def test_a_start_after_a_stop_brings_new_settings(bench):
    spec = bench.spec()
    bench.runtime.start(spec)
    bench.runtime.stop(spec.name, 2)
    again = replace(spec, env={"GREETING": "hello"})
    bench.runtime.start(again)
    assert bench.answers(spec.name) and bench.ask(again)["env"]["GREETING"] == "hello"
    bench.runtime.stop(spec.name, 2)
    made = bench.told(spec.name)["Id"]
    bench.runtime.start(again)
    assert bench.told(spec.name)["Id"] == made, "with the same settings it is the same container"
