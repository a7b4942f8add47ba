"""A run in several processes (`-n`): who shares what, and what all of them tell at the end."""

import pytest
from conftest_docker import bench, daemon, proxy_image, proxy_images, registry

import told

__all__ = ["bench", "daemon", "proxy_image", "proxy_images", "registry"]


@pytest.hookimpl(tryfirst=True)  # before the groups are read
def pytest_collection_modifyitems(items):
    """One process has all that needs a Docker engine: there is one engine, and its images are made once."""
    for item in items:
        if {"daemon", "bench"} & set(item.fixturenames):
            item.add_marker(pytest.mark.xdist_group("docker"))


def pytest_sessionfinish(session):
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = [told.COMBINATIONS, told.PROXIES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    combinations, proxies = getattr(node, "workeroutput", {}).get("told", [{}, {}])
    told.COMBINATIONS.update(combinations)
    told.PROXIES.update(proxies)


def pytest_terminal_summary(terminalreporter):
    for line in told.lines():
        terminalreporter.write_line(line)
