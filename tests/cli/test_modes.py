"""Who may read and write what the commands make, whatever the umask is that they are started with."""

import json
import stat
import subprocess

import pytest

from place import APP, Answer, Place


class Masked(Place):
    """Each command is started with this umask."""

    umask = 0o022

    def run(self, *args, code=0):
        done = subprocess.run(self.command(*args), env=self.env, umask=self.umask, capture_output=True, text=True)
        assert done.returncode == code, f"{args}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture(params=[0o077, 0o000], ids=["077", "000"])
def masked(request, tmp_path):
    made = Masked(tmp_path)
    made.umask = request.param
    made.init()
    made.publish("1.0.0")
    made.install()
    yield made
    made.close()


def below(folder, *, links=False):
    """Path and mode of everything in it."""
    for path in [folder, *folder.rglob("*")]:
        if links or not path.is_symlink():
            yield path, path.lstat().st_mode


def test_nobody_else_writes_what_is_made(masked):
    masked.get("/first", "POST")
    open_ = [
        str(path) for place in (masked.home, masked.repo, masked.keys) for path, mode in below(place) if mode & 0o022
    ]
    assert open_ == []


def test_nobody_else_reads_the_apps_data(masked):
    masked.get("/first", "POST")
    assert stat.S_IMODE(masked.home.stat().st_mode) == 0o700, "whatever the modes of what is below it"


def test_a_home_that_was_open_is_closed_by_the_next_command_that_changes_something(masked):
    masked.home.chmod(0o755)
    masked.run("status", APP)
    assert stat.S_IMODE(masked.home.stat().st_mode) == 0o755, "who only looks changes nothing"
    masked.run("config", "set", APP, "GREETING=hello")
    assert stat.S_IMODE(masked.home.stat().st_mode) == 0o700


def test_a_folder_that_was_there_before_discode_is_not_closed_for_it(tmp_path):
    place = Masked(tmp_path)
    place.home.mkdir(0o755)
    (place.home / "notes").write_text("somebody else's")
    place.run("update", APP, code=3)
    assert stat.S_IMODE(place.home.stat().st_mode) == 0o755


def test_a_web_server_reads_all_that_is_published(masked):
    masked.publish("1.1.0")
    masked.run("release", "yank", APP, "1.1.0", "--reason", "slow", "--repo", masked.repo, "--keys", masked.keys)
    modes = {mode for _, mode in below(masked.repo)}
    assert modes == {stat.S_IFDIR | 0o755, stat.S_IFREG | 0o644}


def test_what_is_secret_is_read_by_its_owner_alone(masked):
    secret = json.loads(masked.get("/env")[1])["SECRET"].encode()
    found = [(path, mode) for path, mode in below(masked.home) if stat.S_ISREG(mode) and secret in path.read_bytes()]
    assert found and all(mode & 0o077 == 0 for _, mode in found), found
    keys = {path: mode & 0o777 for path, mode in below(masked.keys) if path.is_file() and path.parent.name != "chain"}
    assert set(keys.values()) == {0o600}, "the chain of roots is public"
    sockets = [(path, mode) for path, mode in below(masked.home) if stat.S_ISSOCK(mode)]
    assert sockets and all(mode & 0o077 == 0 for _, mode in sockets), sockets


def test_an_app_runs_under_one_umask_whoever_starts_it(masked):
    masked.get("/first", "POST")
    data = [mode & 0o777 for path, mode in below(masked.home / "apps" / APP / "volumes/data") if path.is_file()]
    assert set(data) == {0o644}
