"""Another controller, other settings and a new HAProxy under traffic; and upgrades that cannot be."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.request
from pathlib import Path

import pytest
from conftest_edge import Edge

import discode
from discode.edge.__main__ import _ask
from rig.load import Load
from rig.ports import free_port
from rig.wait import wait_for


def test_an_upgrade_changes_settings_and_loses_no_request(deployed):
    edge, _, two = deployed
    port, before = free_port(), edge.told()["controller"]
    with Load(edge.port, "a.test") as load:
        said = edge.ok("upgrade", "--metrics-port", str(port))
        assert edge.get("a.test") == (200, "one")
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
        assert edge.get("a.test") == (200, "two")
    assert not load.bad
    after = edge.told()["controller"]
    assert after["pid"] == before["pid"] and after["start"] != before["start"]
    version = edge.told()["haproxy"]["version"]
    assert f"controller {discode.__version__} -> {discode.__version__}\nHAProxy {version} -> {version}\n" in said
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=240) as answer:
        assert b"kamal_proxy_http_requests_total" in answer.read()
    edge.ok("upgrade", "--access-log=false")
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=240) as answer:
        assert answer.status == 200, "settings of the upgrade before are kept"


def test_commands_wait_while_the_program_changes(deployed):
    edge, one, two = deployed
    outcomes = []

    def deploy():
        for number in range(6):
            target = (two, one)[number % 2].target
            outcomes.append(edge.run("deploy", "a", "--target", target, "--host", "a.test").returncode)

    with Load(edge.port, "a.test") as load:
        thread = threading.Thread(target=deploy)
        thread.start()
        for _ in range(3):
            edge.ok("upgrade")
        thread.join()
    assert outcomes == [0] * 6 and not load.bad


def test_a_long_request_outlives_an_upgrade_and_is_told(deployed):
    edge, one, _ = deployed
    answers = []
    thread = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")))
    thread.start()
    wait_for(lambda: one.held == 1)
    said = edge.ok("upgrade")
    assert "1 connections stay with 1 earlier workers" in said
    one.let_go.set()
    thread.join()
    assert answers == [(200, "one")]


def test_an_upgrade_that_could_not_run_changes_nothing(deployed):
    edge, _, _ = deployed
    before = edge.told()["controller"]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        for words, message in [
            (("--http-port", str(taken.getsockname()[1])), "Address already in use"),
            (("--metrics-port", "99999"), "99999 is not a port"),
            (("--nonsense",), "unknown flag: --nonsense"),
        ]:
            done = edge.run("upgrade", *words)
            assert done.returncode == 1 and message in done.stderr, done.stderr
    assert edge.told()["controller"] == before and edge.get("a.test") == (200, "one")


@pytest.mark.parametrize(
    ("what", "why"), [("HaproxyError", "this version is broken"), ("KeyError", "it exited while starting")]
)
def test_a_program_that_fails_after_its_check_becomes_the_one_before_it(deployed, tmp_path, what, why):
    edge, _, two = deployed
    shutil.copytree(Path(discode.__file__).parent, tmp_path / "discode", ignore=shutil.ignore_patterns("__pycache__"))
    broken = "def _start(self, **_):\n    raise WHAT('this version is broken')\nUpkeep.start = _start\n"
    with (tmp_path / "discode" / "edge" / "sync" / "upkeep.py").open("a") as file:
        file.write("\n" + broken.replace("WHAT", what))
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); from discode.edge.__main__ import main; sys.exit(main())"
    )
    start = edge.told()["controller"]["start"]
    with Load(edge.port, "a.test") as load:
        answer = _ask({"argv": ["upgrade"], "program": [sys.executable, "-c", code]}, str(edge.folder))
        assert answer["code"] == 0
        wait_for(lambda: edge.told()["controller"]["start"] != start)
        told = edge.told()["controller"]
        assert why in told["failed_upgrade"] and told["pid"] == edge.process.pid
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
        assert edge.get("a.test") == (200, "two")
    assert not load.bad
    os.kill(edge.haproxy_master(), 9)
    wait_for(lambda: edge.answers() and edge.told()["haproxy"]["pid"])


def test_a_new_haproxy_at_the_same_place_takes_over(apps, tmp_path, monkeypatch):
    program = tmp_path / "haproxy"
    shutil.copy(shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin"), program)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    edge = Edge(folder / "state").start()
    try:
        (one,) = apps("one")
        edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
        assert _file_of(edge) == program.stat().st_ino
        shutil.copy(program, tmp_path / "newer")
        (tmp_path / "newer").replace(program)
        with Load(edge.port, "a.test") as load:
            edge.ok("upgrade")
            assert _file_of(edge) == program.stat().st_ino
        assert not load.bad
    finally:
        edge.close()
        shutil.rmtree(folder)


def _file_of(edge):
    return Path(f"/proc/{edge.haproxy_worker()}/exe").stat().st_ino


def test_another_process_takes_over_and_the_first_retires(deployed):
    edge, one, two = deployed
    first, master = edge.process, edge.haproxy_master()
    answers = []
    slow = threading.Thread(target=lambda: answers.append(edge.get("a.test", "/hold")))
    slow.start()
    wait_for(lambda: one.held == 1)
    with Load(edge.port, "a.test") as load:
        edge.start("--take-over")
        wait_for(lambda: edge.told()["controller"]["pid"] == edge.process.pid)
        assert edge.haproxy_master() != master
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
        assert edge.get("a.test") == (200, "two")
        one.let_go.set()
        slow.join()
        assert first.wait(120) == 0, "it ends with its last connection"
        edge.ok("upgrade")
    assert answers == [(200, "one")] and not load.bad
    os.kill(edge.haproxy_worker(), 9)
    wait_for(lambda: edge.answers() and edge.gets("a.test") == (200, "two"))


def test_a_failed_take_over_leaves_everything_as_it_was(deployed):
    edge, _, two = deployed
    with socket.create_server(("127.0.0.1", 0)) as taken, Load(edge.port, "a.test") as load:
        words = ["run", "--take-over", "--http-port", str(edge.port), "--bind", "127.0.0.1"]
        more = ["--metrics-port", str(taken.getsockname()[1]), "--state-dir", str(edge.folder)]
        command = [sys.executable, "-m", "discode.edge", *words, *more]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300)
        assert done.returncode == 1 and "Address already in use" in done.stderr
        assert edge.told()["controller"]["pid"] == edge.process.pid
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
        assert edge.get("a.test") == (200, "two")
    assert not load.bad
