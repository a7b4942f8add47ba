"""A stranger's answer at an instance's port is not the instance's."""

import contextlib
import os
import socket
import subprocess
import sys
from functools import partial

from conftest_process import SERVER

from discode.adapters.process import ports
from discode.adapters.process.layout import MARKER
from discode.adapters.process.listener import is_strangers
from rig.ports import free_port
from rig.wait import wait_for


@contextlib.contextmanager
def stranger(port, **environment):
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], env={**os.environ, "PORT": str(port), **environment}, stdout=subprocess.PIPE
    )
    try:
        wait_for(partial(listens, port))
        yield process.pid
    finally:
        process.kill()
        process.wait()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_of_a_program_that_was_there_before(tmp_path):
    port = free_port()
    with stranger(port) as older, subprocess.Popen(["sleep", "300"]) as web:
        assert is_strangers(port, tmp_path, web.pid)
        assert is_strangers(port, tmp_path, 0), "the instance's own has ended"
        assert not is_strangers(port, tmp_path, older), "it is the instance's own"
        assert not is_strangers(free_port(), tmp_path, web.pid), "nobody listens there"
        web.kill()


def test_of_a_younger_one_nothing_is_certain(tmp_path):
    """It may be the app's, with an environment of its own."""
    port = free_port()
    with subprocess.Popen(["sleep", "300"]) as web:
        with stranger(port):
            assert not is_strangers(port, tmp_path, web.pid)
        web.kill()


def test_one_with_the_instances_mark_is_the_instances(tmp_path):
    port = free_port()
    with stranger(port, **{MARKER: str(tmp_path)}), subprocess.Popen(["sleep", "300"]) as web:
        assert not is_strangers(port, tmp_path, web.pid)
        web.kill()


def test_of_another_instance_that_came_in_between(bench):
    slow = "import time, pathlib\nwhile not pathlib.Path('go').exists(): time.sleep(0.01)\n"
    spec = bench.spec(release=bench.fetched(slow + SERVER))
    port = bench.runtime.start(spec).port
    with stranger(port, **{MARKER: "/other/home/instances/shop-abc"}):
        found = bench.runtime.probe(spec.name, "/", 2)
        assert (found.ok, found.connected) == (False, False) and "another program" in found.detail
    (bench.folder_of(spec) / "work" / "go").touch()
    wait_for(lambda: bench.runtime.probe(spec.name, "/", 2).ok)


def test_a_child_that_listens_is_the_instances(bench):
    child = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {SERVER!r}])\n"
    spec = bench.spec(release=bench.fetched(child))
    bench.runtime.start(spec)
    wait_for(lambda: bench.runtime.probe(spec.name, "/", 2).ok)


def test_two_homes_do_not_choose_the_same_port(tmp_path):
    """An app takes a while until it listens: until then its port is free for everybody who tries it."""
    code = (
        "import sys\nfrom pathlib import Path\nfrom discode.adapters.process import ports\n"
        "ports.FIRST, ports.LAST = map(int, sys.argv[2:])\n"
        "print(ports.Ports(Path(sys.argv[1])).take('shop-1'), flush=True)\nsys.stdin.read()"
    )
    first = next(port for port in iter(free_port, None) if free_port() == port + 1)
    words = [sys.executable, "-c", code]
    homes = [
        subprocess.Popen(
            [*words, str(tmp_path / name), str(first), str(first + 2)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for name in ("a", "b")
    ]
    try:
        assert len({home.stdout.readline() for home in homes}) == 2
    finally:
        for home in homes:
            home.communicate()
    assert ports.is_free(first) or ports.is_free(first + 1)
