"""HTTPS through the proxy's container, whatever its image, over every command and a replacement of the container."""

import io
import tarfile

import pytest

from discode.adapters.docker.handed import STATE
from place import APP
from rig.wait import wait_for
from secure import HOST, der, https, keeps_https_over_every_command, own, redirect

from .docker_place import DockerPlace


class Secure(DockerPlace):
    def handed(self):
        """Private keys that the proxy's container has been handed."""
        pieces, _ = self.api.get_archive("discode-proxy", STATE)
        with tarfile.open(fileobj=io.BytesIO(b"".join(pieces))) as tar:
            return sum("/own/shop/" in one.name and one.name.endswith("key.pem") for one in tar)


@pytest.fixture
def secure(tmp_path, daemon, registry, proxy_image):
    made = Secure(tmp_path, daemon, registry, proxy_image)
    made.init()
    try:
        made.publish("1.0.0")
        made.install(*own(made))
        yield made
    finally:
        made.close()


def test_every_command_keeps_https(secure):
    new = own(secure, "new", HOST, "*." + HOST)
    secure.run("proxy", "update", "--yes")
    assert https(secure)[::2] == (200, der(secure)) and redirect(secure)[0] == 301
    secure.run("certificate", "set", APP, *new)
    assert https(secure)[2] == der(secure, "new")
    secure.run("certificate", "set", APP, *own(secure))
    wait_for(lambda: secure.handed() == 1)
    keeps_https_over_every_command(secure)
    assert secure.left() == ["discode-proxy", f"{APP}_data"]
