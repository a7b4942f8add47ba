from runtime_contract import RuntimeContract


class TestProcessRuntime(RuntimeContract):
    """The contract, on real processes."""
