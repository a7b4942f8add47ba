"""The runtime in memory keeps the contract of the real ones."""

import pytest
from runtime_contract import RuntimeContract

from discode.ports.report import Silence
from discode.ports.runtime import InstanceSpec
from discode.testing.memory_world import MemoryWorld


class Bench:
    def __init__(self):
        self.world = MemoryWorld("tiny")
        self.runtime, self.command = self.world.runtime, ["anything"]
        self.release = self.world.publish("1.0")
        self.releases = self.world.vendor
        self.runtime.fetch(self.release, self.releases, Silence())

    def spec(self, number=1):
        from discode.core.names import InstanceName

        return InstanceSpec(InstanceName("tiny", self.release.key, number), self.release, {})

    def answers(self, name):
        return self.runtime.probe(name, "/up", 1).ok


@pytest.fixture
def bench():
    return Bench()


class TestMemoryRuntime(RuntimeContract):
    """The contract, in memory."""
