"""For a conftest: a run that leaves processes behind fails, and says which."""

import pytest

import leftover

FOUND = pytest.StashKey[list[str]]()


def pytest_configure():
    leftover.begin()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    """After all workers have ended. A worker does not look: its tests' processes are the run's."""
    if hasattr(session.config, "workerinput"):
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    session.config.stash[FOUND] = found = leftover.processes(factory.getbasetemp()) if factory else []
    if found and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter, config):
    for process in config.stash.get(FOUND, []):
        terminalreporter.write_line(f"LEFT BEHIND: {process}")
