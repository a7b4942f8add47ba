"""The machine lost, and the app up again by one command, from each kind of storage."""

import shutil
import time
from contextlib import closing

import pytest

from place import APP
from rig import storages

from .test_restore_elsewhere import data, posts
from .test_storages import credentials_file, made, reached, set_up


@pytest.mark.parametrize("stored", storages.KINDS, ids=lambda kind: kind.kind)
def test_the_app_is_back_from_a_storage_elsewhere(installed, tmp_path, stored):
    with closing(made(stored, tmp_path / "storage")) as storage:
        installed.get("/post/7", "POST")
        installed.env["DISCODE_BACKUP_PASSWORD"] = set_up(installed, storage)["password"]
        taken = installed.run("backup", "now", APP, "--json").last["snapshot"]
        installed.crash()
        shutil.rmtree(installed.home)
        words = ["restore", APP, "--from", storage.address, "--http-port", installed.port, "--json"]
        if storage.credentials:
            words += ["--credentials-file", credentials_file(reached(installed, storage), storage)]
        begun = time.monotonic()
        told = installed.run(*words).last
        print(f"From {stored.kind} the app served after {time.monotonic() - begun:.1f} s: {told['seconds']}")
        assert (told["result"], told["snapshot"]) == ("restored", taken)
        assert installed.get() == (200, "1.0.0") and posts(data(installed)) == [7]
        (tmp_path / "storage.env").unlink(missing_ok=True)
        assert installed.run("backup", "now", APP, "--json").last["result"] == "backed-up"
        assert installed.run("backup", "drill", APP, "--json").last["result"] == "proved"
