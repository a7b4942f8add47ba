"""Releases are unpacked whole or not at all, whatever becomes of the command that does it."""

import os
import signal
from contextlib import contextmanager

import msgspec
import pytest

from discode.adapters.process.fetched import Fetched
from discode.adapters.process.unpacking import UNPACKING
from discode.cli.wiring_imports import sweep_unpacked
from discode.ports.report import Silence
from rig.wait import wait_for


@contextmanager
def unpacking(bench, app):
    """A command that waits for the rest of its archive: its process, and the folder in which it unpacks."""
    release = msgspec.structs.replace(bench.release, manifest=msgspec.structs.replace(bench.release.manifest, app=app))
    folder, pipe = bench.home / "archives" / app, bench.folder / f"{app}.tar"
    os.mkfifo(pipe)
    if (process := os.fork()) == 0:
        try:
            bench.releases.path = pipe
            Fetched(bench.home).fetch(release, bench.releases, Silence())
        finally:
            os._exit(0)
    try:
        wait_for(lambda: list(folder.glob(f"*{UNPACKING}/{release.key}")), what="a release that is being unpacked")
        yield process, next(folder.glob(f"*{UNPACKING}"))
    finally:
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


@pytest.mark.parametrize("how", ["fetch", "settle", "prune"])
def test_what_a_killed_command_has_unpacked_goes_and_that_of_a_living_one_stays(bench, how):
    with unpacking(bench, "killed") as (_, goes):
        pass
    with unpacking(bench, "living") as (_, stays):
        assert goes.exists(), "nothing is shown"
        if how == "settle":
            sweep_unpacked(bench.home)
            assert not goes.exists()
        elif how == "prune":
            bench.runtime.prune("living", frozenset())
        else:
            _fetch_again(bench, "killed")
            assert not goes.exists() and (goes.parent / bench.release.key / "server.py").is_file()
        assert stays.exists()


def _fetch_again(bench, app):
    release = msgspec.structs.replace(bench.release, manifest=msgspec.structs.replace(bench.release.manifest, app=app))
    bench.runtime.fetch(release, bench.releases, Silence())
    assert [path.name for path in (bench.home / "archives" / app).iterdir()] == [release.key]
