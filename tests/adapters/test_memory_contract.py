"""The runtime and the proxy in memory keep the contracts of the real ones."""

from contextlib import contextmanager, suppress

import pytest
from proxy_contract import DoorContract, ProxyContract
from runtime_contract import RuntimeContract
from swap_contract import APP, OLD, SwapContract

from discode.ports.report import Silence
from discode.ports.runtime import Endpoint, InstanceSpec, Probe
from discode.testing.faults import Crash
from discode.testing.memory_proxy import MemoryProxy
from discode.testing.memory_swaps import VOLUMES
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

    def exits(self, code):
        return ["exit", str(code)]

    def answers(self, name):
        return self.runtime.probe(name, "/up", 1).ok


@pytest.fixture
def bench():
    return Bench()


class TestMemoryRuntime(RuntimeContract):
    """The contract, in memory."""


class MemoryDisk:
    def __init__(self):
        self.runtime = MemoryWorld(APP).runtime
        for path, text in OLD.items():
            self.write(VOLUMES / APP / path, text)

    def write(self, path, text):
        self.runtime.files[path] = text.encode()

    def read(self):
        found = {path: data for path, data in self.runtime.files.items() if path.is_relative_to(VOLUMES / APP)}
        return {str(path.relative_to(VOLUMES / APP)): data.decode() for path, data in found.items()}

    @contextmanager
    def dies_at(self, change):
        """A call in memory is done or not: no fault comes within it."""
        with suppress(Crash):
            yield


@pytest.fixture
def disk():
    return MemoryDisk()


class TestMemorySwaps(SwapContract):
    """The contract, in memory."""


class MemorySite:
    def __init__(self):
        self._statuses = {}
        self.proxy = MemoryProxy(self._answer)

    def healthy(self):
        return self._endpoint(200)

    def broken(self):
        return self._endpoint(503)

    def _endpoint(self, status):
        endpoint = Endpoint("memory", len(self._statuses) + 1)
        self._statuses[endpoint] = status
        return endpoint

    def _answer(self, endpoint, path):
        status = self._statuses[endpoint]
        return Probe(status == 200, f"{status} at {path}")


@pytest.fixture
def site():
    return MemorySite()


class TestMemoryProxy(ProxyContract, DoorContract):
    """The contract, in memory."""
