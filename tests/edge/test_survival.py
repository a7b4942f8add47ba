"""What happens to traffic and state when parts of the edge die, and what a second edge may not do."""

import contextlib
import json
import os
import signal
import subprocess
import sys

from discode.edge.haproxy.runtime import Runtime
from discode.edge.layout import Layout
from rig.load import Load
from rig.wait import wait_for


def test_the_controller_can_be_killed_without_a_lost_request(deployed):
    edge, _, two = deployed
    with Load(edge.port, "a.test") as load:
        for _ in range(3):
            edge.kill()
            assert edge.get("a.test") == (200, "one")
            edge.start()
        edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    assert not load.bad and edge.get("a.test") == (200, "two")


def test_a_killed_worker_and_a_killed_master_come_back_with_their_routes(deployed):
    edge, _, two = deployed
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    for victim in (edge.haproxy_worker, edge.haproxy_master):
        os.kill(victim(), signal.SIGKILL)
        wait_for(lambda: edge.gets("a.test") == (200, "two"))
    edge.ok("pause", "a")
    edge.ok("resume", "a")
    assert edge.get("a.test") == (200, "two")


def test_stopped_and_paused_survive_a_new_controller(deployed):
    edge, _, _ = deployed
    edge.ok("stop", "a", "--message", "Back at noon; really <soon>")
    edge.kill()
    edge.start()
    status, page = edge.get("a.test")
    assert status == 503 and "Back at noon; really &lt;soon&gt;" in page
    assert edge.get("a.test", "/up")[0] == 200


def test_a_damaged_state_is_rebuilt_from_the_copy_before_it(deployed):
    edge, one, two = deployed
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test")
    edge.kill()
    (edge.folder / "state.json").write_text('{"schema": 1, "serv')
    edge.start()
    assert edge.get("a.test")[0] == 200
    edge.kill()
    for name in ("state.json", "state.previous.json"):
        (edge.folder / name).write_text("")
    done = _second(edge)
    assert done.returncode == 1 and "state.json is damaged" in done.stderr
    assert edge.get("a.test")[0] == 200, "never an empty proxy in place of a full one"
    service = {**_service(one), "name": "a"}
    (edge.folder / "state.json").write_text(json.dumps({"schema": 2, "services": [service]}))


def test_a_second_controller_on_the_same_state_is_refused(deployed):
    edge, _, _ = deployed
    done = _second(edge)
    assert done.returncode == 1 and "another controller is using" in done.stderr
    assert edge.get("a.test") == (200, "one")


def test_a_taken_port_is_told(edge, tmp_path):
    words = ["run", "--http-port", str(edge.port), "--bind", "127.0.0.1", "--state-dir", str(tmp_path / "s")]
    done = subprocess.run([sys.executable, "-m", "discode.edge", *words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and f"127.0.0.1:{edge.port}" in done.stderr and "Address already in use" in done.stderr


def _second(edge):
    words = ["run", "--http-port", str(edge.port), "--bind", "127.0.0.1", "--state-dir", str(edge.folder)]
    return subprocess.run([sys.executable, "-m", "discode.edge", *words], capture_output=True, text=True, timeout=120)


def _service(app):
    from discode.edge.services.service import Pool, Service

    return Service("a", Pool((app.target,)), ("a.test",)).to_dict()


def test_a_deploy_that_could_not_be_saved_leaves_nothing_in_the_way(deployed):
    """The target was in HAProxy already, and the state could not be written."""
    edge, one, two = deployed
    words = ["deploy", "a", "--target", two.target, "--host", "a.test"]
    with _read_only(edge.folder):
        done = edge.run(*words)
        assert done.returncode == 1 and edge.get("a.test") == (200, "one")
    edge.ok(*words)
    assert edge.get("a.test") == (200, "two")
    edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
    assert edge.get("a.test") == (200, "one")


def test_a_target_left_by_a_killed_deploy_is_taken_with_the_new_checks(deployed):
    edge, _, two = deployed
    name = f"a:b/{two.target}"
    runtime = Runtime(Layout(edge.folder))
    assert "New server registered" in runtime.send(f"add server {name} {two.target}")
    edge.ok("deploy", "a", "--target", two.target, "--host", "a.test", "--health-check-interval", "1s")
    assert edge.get("a.test") == (200, "two")


@contextlib.contextmanager
def _read_only(folder):
    """A file system of the state's own, as when a disk fails."""
    subprocess.run(["mount", "--bind", str(folder), str(folder)], check=True)
    subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
