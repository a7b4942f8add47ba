"""An engine notes no end in a container while what another exec there has printed, and has ended, is not read."""

import signal
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Thread

import pytest
from conftest_docker import EDGE_IMAGE

from discode.adapters.docker import command, inside
from discode.adapters.docker.console import MARK, Executed
from discode.adapters.docker.engine import Engine
from rig.wait import wait_for


@pytest.fixture(scope="module")
def container(daemon, proxy_images):
    """It has a shell, as the proxy's has."""
    api = daemon.api()
    name = api.create_container(EDGE_IMAGE, ["-c", "while :; do sleep 600; done"], entrypoint=["/usr/bin/bash"])["Id"]
    api.start(name)
    yield name
    api.remove_container(name, force=True)


@pytest.fixture
def engine(daemon):
    return Engine(daemon.host)


@pytest.fixture
def far_engine(daemon):
    """It takes its containers for ones on another machine."""
    engine = Engine(daemon.host)
    engine.__dict__["reaches_containers"] = False
    return engine


@contextmanager
def flooding(engine, container):
    """A program that has written until nothing more was taken."""
    job = engine.api.exec_create(container, ["yes"], environment={MARK: "flood"})["Id"]
    with closing(engine.api.exec_start(job, socket=True)._response):
        wait_for(lambda: "pipe" in waits_for(engine.api.exec_inspect(job)["Pid"]))
        yield Executed(engine, container, job, "flood"), engine.api.exec_inspect(job)["Pid"]


def waits_for(pid):
    return Path(f"/proc/{pid}/wchan").read_text() if pid else ""


def is_there(pid):
    return Path(f"/proc/{pid}").exists()


def test_a_signal_does_not_wait_for_the_end_of_what_sends_it(far_engine, container):
    with flooding(far_engine, container) as (program, pid):
        send(program, signal.SIGKILL)
        wait_for(lambda: not is_there(pid))
        job = far_engine.api.exec_create(container, ["sleep", "600"], environment={MARK: "other"})["Id"]
        far_engine.api.exec_start(job, detach=True)
        pid = wait_for(lambda: far_engine.api.exec_inspect(job)["Pid"])
        send(Executed(far_engine, container, job, "other"), signal.SIGTERM)
        wait_for(lambda: not is_there(pid))
    wait_for(program.has_ended)


def send(program, number):
    """By a thread, which has to end."""
    sender = Thread(target=program.signal, args=(number,), daemon=True)
    sender.start()
    wait_for(lambda: not sender.is_alive())


def test_a_signal_to_what_was_started_just_now_arrives(engine, container):
    for number in range(10):
        mark = f"new-{number}"
        job = engine.api.exec_create(container, ["sleep", "600"], environment={MARK: mark})["Id"]
        engine.api.exec_start(job, detach=True)
        program = Executed(engine, container, job, mark)
        program.signal(signal.SIGTERM)
        wait_for(program.has_ended)
        assert program.code() == 128 + signal.SIGTERM


def test_a_command_of_ours_ends_at_its_deadline_and_works_again_when_all_is_read(engine, container):
    port = 9  # nobody listens there
    with flooding(engine, container) as (program, pid):
        program.signal(signal.SIGKILL)
        wait_for(lambda: not is_there(pid))
        with pytest.raises(TimeoutError):
            command.run(engine, container, ["echo", "hello"], 0.5)
        found = inside.knock(engine, container, "127.0.0.1", port, 0.5)
        assert (found.ok, found.detail) == (False, "no answer at port 9 within 0.5 s")
        found = inside.probe(engine, container, "127.0.0.1", port, "/up", 0.5, "app")
        assert (found.ok, found.detail) == (False, "no answer at /up within 0.5 s")
    wait_for(program.has_ended)
    done = command.run(engine, container, ["sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.code, done.out, done.err) == (7, b"out\n", b"err\n")
    found = inside.knock(engine, container, "127.0.0.1", port, 60.0)
    assert (found.ok, found.detail) == (False, "connection refused at port 9")
