"""The accessories in memory keep the contract of the real ones."""

from pathlib import Path

import pytest
from accessories_contract import AccessoriesContract

from discode.core.accessory import Accessory, AccessoryHealth
from discode.core.artifact import Image
from discode.ports.accessories import AccessorySpec
from discode.ports.report import Silence
from discode.testing.memory_accessories import AccessoryBehaviour
from discode.testing.memory_world import MemoryWorld


def image(digit):
    return Image(repository="registry.example.com/db", digest=f"sha256:{digit * 64}")


class Bench:
    def __init__(self):
        self.world = MemoryWorld("tiny")
        self.accessories, self.releases, self.image = self.world.accessories, self.world.vendor, image("1")
        self._fetch(self.image)
        self.cat, self.endless = ["cat"], ["sleep"]
        self._files = 0

    def _fetch(self, one):
        self.accessories.fetch("tiny", one, self.releases, Silence())
        return one

    def spec(self, name="db", **fields):
        made = {"image": self.image, "port": 5432, "volumes": {"data": "/data"}, "stop": 1.0, **fields}
        return AccessorySpec("tiny", name, Accessory(**made), {"PASSWORD": "0" * 32})

    def other(self):
        other = image("2")
        self.accessories.behaviours[other.reference] = AccessoryBehaviour.NEVER_HEALTHY
        return self._fetch(other)

    def write(self, spec, line):
        assert self.accessories.write(spec.app, spec.name, line)

    def read(self, spec):
        return self.accessories.read(spec.app, spec.name)

    def target(self, name):
        return Path("/memory/swaps/tiny/one/incoming") / name

    def handed(self, folder):
        return self.accessories.data[str(folder.parent), folder.name].lines

    def exits(self, code):
        return ["exit", str(code)]

    def fails(self, why):
        return ["fail", why]

    def file(self, lines):
        self._files += 1
        path = Path(f"/memory/{self._files}")
        if lines is not None:
            self.accessories.files[path] = "".join(f"{line}\n" for line in lines).encode()
        return path

    def lines(self, path):
        return self.accessories.files[path].decode().splitlines()


@pytest.fixture
def bench():
    return Bench()


class TestMemoryAccessories(AccessoriesContract):
    """The contract, in memory."""


def test_another_version_of_discode_makes_the_same_of_the_same():
    spec = AccessorySpec("tiny", "db", Accessory(image=image("1"), port=5432, volumes={"data": "/data"}), {"A": "1"})
    assert spec.fingerprint == "aef92a2fb5f5397b"
    asked_otherwise = {"port": 5433, "stop": 1.0, "health": AccessoryHealth(timeout=1.0)}
    alike = spec.accessory.changed(**asked_otherwise)
    assert AccessorySpec("tiny", "db", alike, {"A": "1"}).fingerprint == spec.fingerprint
    assert AccessorySpec("tiny", "db", alike, {"A": "2"}).fingerprint != spec.fingerprint
    signalled = alike.changed(stop_signal="SIGINT")
    assert AccessorySpec("tiny", "db", signalled, {"A": "1"}).fingerprint != spec.fingerprint
