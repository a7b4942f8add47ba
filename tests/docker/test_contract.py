"""The Docker runtime keeps the contract of all runtimes."""

import pytest
from runtime_contract import RuntimeContract


class TestDockerRuntime(RuntimeContract):
    """The contract, on a real engine."""


class TestByAddress(RuntimeContract):
    """The same, as the proxy outside Docker's network finds instances."""

    @pytest.fixture
    def bench(self, daemon, registry):
        from conftest_docker import Bench

        made = Bench(daemon, registry, "address")
        try:
            yield made
        finally:
            made.close()
