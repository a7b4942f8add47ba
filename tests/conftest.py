"""A run in several processes (`-n`): who shares what, and what all of them tell at the end."""

import gc
import shutil
import tempfile

import pytest
from conftest_docker import bench, daemon, proxy_image, proxy_images, registry
from hypothesis import HealthCheck, settings

import inherited
import leftover_hooks
import told
from hearing import hook, mailbox

inherited.reset()
# A deadline for an example, and for making some, measures the machine: under load it failed what is right.
settings.register_profile("discode", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("discode")

__all__ = ["bench", "daemon", "hook", "mailbox", "proxy_image", "proxy_images", "registry"]


OWN, FAILED = pytest.StashKey[str](), pytest.StashKey[bool]()


def pytest_configure(config):
    config.pluginmanager.register(leftover_hooks)
    if not config.option.basetemp:  # pytest's own has the number of the run in it: sockets' paths would be too long
        config.option.basetemp = config.stash[OWN] = tempfile.mkdtemp(prefix="dt-")


def pytest_unconfigure(config):
    """What tests have written stays when one has failed."""
    if OWN in config.stash and not config.stash.get(FAILED, True):
        shutil.rmtree(config.stash[OWN], ignore_errors=True)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    from scheduling import Scheduling

    return Scheduling(config, log)


def pytest_collection_finish():
    """Modules and tests stay to the end: the collector need not look at them again and again, nor as often as in a
    program that has less to do with each of its objects."""
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def pytest_sessionfinish(session, exitstatus):
    session.config.stash[FAILED] = bool(exitstatus)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["told"] = [told.COMBINATIONS, told.PROXIES]


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node):
    combinations, proxies = getattr(node, "workeroutput", {}).get("told", [{}, {}])
    told.COMBINATIONS.update(combinations)
    told.PROXIES.update(proxies)


def pytest_terminal_summary(terminalreporter, config):
    terminalreporter.write_line(f"the order of this run: --randomly-seed={config.getoption('randomly_seed', 'none')}")
    for line in told.lines():
        terminalreporter.write_line(line)
