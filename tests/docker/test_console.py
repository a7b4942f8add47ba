"""`discode exec` and `run` for an app that is containers."""

import pytest
from conftest_docker import EDGE_IMAGE

from console_contract import ConsoleContract, shell, started
from place import APP
from rig.wait import wait_for

from .docker_place import DockerPlace

WORKER = 'processes: {worker: [python3, -c, "import time; time.sleep(600)"]}\n'


@pytest.fixture(scope="module")
def app(tmp_path_factory, daemon, registry, proxy_images):
    place = DockerPlace(tmp_path_factory.mktemp("place"), daemon, registry, EDGE_IMAGE)
    place.init()
    place.publish("1.0.0", extra=WORKER)
    place.install()
    try:
        yield place
    finally:
        place.close()


class TestContainers(ConsoleContract):
    """The contract, for containers."""

    def test_what_a_killed_command_ran_is_removed_and_what_is_stopped_is_reached(self, app):
        before = app.instances()
        command = started(app, "run", "echo ready; exec sleep 600")
        [mine] = set(app.instances()) - set(before)
        told = app.api.inspect_container(mine)
        assert told["HostConfig"]["Memory"] == 64 << 20 and not told["HostConfig"]["PortBindings"]
        command.kill()
        command.communicate(timeout=300)
        wait_for(lambda: app.instances() == before)
        app.run("stop", APP)
        assert "is stopped" in app.run("exec", APP, "--", "ls", code=125).err
        assert shell(app, "ls VERSION", "run").stdout == b"VERSION\n"
        app.run("start", APP)

    def test_an_update_takes_the_console_with_it_but_not_what_runs_beside(self, app):
        console = started(app, "exec", "echo ready; exec sleep 600")
        beside = started(app, "run", "echo ready; read -r line; echo still here")
        app.run("restart", APP)
        out, err = console.communicate(timeout=300)
        assert (out, console.returncode) == ("", 137) and "has ended, and the command with it." in err
        assert beside.communicate("\n", timeout=300) == ("still here\n", "") and beside.returncode == 0
