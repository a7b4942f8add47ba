"""The real restic: the contract, and each way in which a repository fails."""

import os
import shutil
import signal
import subprocess

import pytest
from backups_contract import BackupsContract, saved

from discode.adapters.restic import Access, ResticBackups
from discode.adapters.restic.program import run
from discode.core.backup_errors import (
    BackupFailed,
    NoRestic,
    RepositoryDamaged,
    RepositoryFull,
    RepositoryLocked,
    RepositoryMissing,
    RepositoryUnreachable,
)  # fmt: skip
from discode.ports.report import Silence
from rig.ports import free_port
from rig.wait import wait_for

SECRET = "correct horse battery staple"


class Bench:
    def __init__(self, folder):
        self.folder, self.storage = folder, folder / "disk" / "repository"
        self.staged, self.volume = folder / "app/backup/discode-snapshot", folder / "volumes/da ta"
        self.staged.mkdir(parents=True)
        self.volume.mkdir(parents=True)
        self.is_mounted = False

    def access(self, app="myapp", password="right", where=None, **fields):
        return Access(app, str(where or self.storage), self.folder / "cache", password, **fields)

    def backups(self, app="myapp", password="right", **fields):
        return ResticBackups(self.access(app, password, **fields))

    def write(self, path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def read(self, path):
        return path.read_bytes() if path.exists() else None

    def fill(self):
        """It goes on a disk of a size of its own."""
        moved = self.folder / "moved"
        self.storage.rename(moved)
        self._mounted("-t", "tmpfs", "-o", "size=1m", "discode-test", str(self.storage.parent))
        shutil.copytree(moved, self.storage)
        (self.storage.parent / "ballast").write_bytes(b"")
        with (self.storage.parent / "ballast").open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    continue
            except OSError:
                return

    def deny(self):
        self._mounted("--bind", "-o", "ro", str(self.storage.parent), str(self.storage.parent))

    def _mounted(self, *words):
        if os.geteuid() or subprocess.run(["mount", *words], capture_output=True).returncode:
            pytest.skip("mounting is not allowed here")
        self.is_mounted = True
        if "--bind" in words:
            subprocess.run(["mount", "-o", "remount,ro,bind", words[-1]], check=True)

    def close(self):
        if self.is_mounted:
            subprocess.run(["umount", str(self.storage.parent)], check=True)


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


class TestRestic(BackupsContract):
    """The contract, by the real program."""


def pack(bench):
    return max(
        (one for one in (bench.storage / "data").rglob("*") if one.is_file()), key=lambda one: one.stat().st_size
    )


@pytest.fixture
def filled(bench):
    bench.backups().create()
    bench.write(bench.volume / "large", os.urandom(1 << 20))
    saved(bench)
    return bench


def test_a_pack_that_was_cut_is_damage(filled):
    os.truncate(pack(filled), 1000)
    with pytest.raises(RepositoryDamaged, match="is damaged: ") as raised:
        filled.backups().check(Silence())
    assert "discode backup check myapp --data" in raised.value.next_step


def test_a_pack_that_changed_is_found_by_reading_the_data(filled):
    with pack(filled).open("r+b") as file:
        file.seek(1000)
        file.write(b"somebody was here")
    filled.backups().check(Silence())
    with pytest.raises(RepositoryDamaged):
        filled.backups().check(Silence(), data=True)


def test_a_pack_that_is_gone_keeps_a_snapshot_from_being_restored(filled, tmp_path):
    pack(filled).unlink()
    [one] = filled.backups().snapshots()
    with pytest.raises(RepositoryDamaged):
        filled.backups().restore(one, tmp_path / "target", Silence())


def test_one_that_was_half_made_is_made_anew(bench):
    bench.backups().create()
    (bench.storage / "config").unlink()
    bench.backups().create()
    saved(bench)
    assert len(bench.backups().snapshots()) == 1


def test_of_one_that_has_lost_its_configuration_no_key_is_deleted(filled):
    (filled.storage / "config").unlink()
    [key] = (filled.storage / "keys").iterdir()
    filled.backups().create()
    assert key.exists()


def test_a_repository_that_goes_away_is_missing(filled):
    filled.storage.rename(filled.folder / "elsewhere")
    with pytest.raises(RepositoryMissing, match="There is no repository at"):
        saved(filled)


def test_who_cannot_forget_for_want_of_room_is_not_told_to_forget(bench):
    bench.backups().create()
    saved(bench)
    bench.fill()
    with pytest.raises(RepositoryFull) as raised:
        bench.backups().forget(bench.backups().snapshots(), Silence())
    assert raised.value.next_step.startswith("Forgetting takes some room of its own: delete something else there")
    (bench.storage.parent / "ballast").unlink()
    bench.backups().forget(bench.backups().snapshots(), Silence())
    assert bench.backups().snapshots() == []


@pytest.mark.parametrize("scheme", ["rest:http://127.0.0.1:{}/x", "s3:http://127.0.0.1:{}/bucket/x"])
def test_a_storage_that_nobody_serves_does_not_answer(bench, scheme):
    credentials = {"AWS_ACCESS_KEY_ID": "somebody", "AWS_SECRET_ACCESS_KEY": SECRET}
    access = bench.access(where=scheme.format(free_port()), credentials=credentials, retries=1.0)
    with pytest.raises(RepositoryUnreachable) as raised:
        ResticBackups(access).look()
    assert SECRET not in raised.value.sentence


def test_a_login_is_told_nobody(bench):
    credentials = {"RESTIC_REST_USERNAME": "somebody", "RESTIC_REST_PASSWORD": SECRET}
    access = bench.access(where=f"rest:http://127.0.0.1:{free_port()}/x", credentials=credentials, retries=1.0)
    with pytest.raises(RepositoryUnreachable) as raised:
        ResticBackups(access).look()
    assert SECRET not in f"{raised.value.sentence} {access!r}" and "somebody:" not in raised.value.sentence


def a_lock_of(bench, folder):
    """A restic that works in the repository until it is ended."""
    fifo = folder / "fifo"
    os.mkfifo(fifo)
    environment = {**os.environ, "RESTIC_PASSWORD": "right", "RESTIC_REPOSITORY": str(bench.storage)}
    command = f"exec restic --no-cache backup --stdin < {fifo}"
    process = subprocess.Popen(["sh", "-c", command], env=environment, stdout=subprocess.DEVNULL)
    writer = fifo.open("wb", buffering=0)
    wait_for(lambda: list((bench.storage / "locks").iterdir()), what="a lock")
    return process, writer


def test_a_lock_of_a_dead_restic_is_removed_and_of_a_living_one_is_not(filled, tmp_path):
    process, writer = a_lock_of(filled, tmp_path)
    try:
        [one] = filled.backups().snapshots()
        with pytest.raises(RepositoryLocked) as raised:
            filled.backups(patience=0.0).forget([one], Silence())
        assert f"PID {process.pid}" in raised.value.sentence and filled.backups().snapshots()
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert list((filled.storage / "locks").iterdir())
        filled.backups().forget([one], Silence())
    finally:
        process.kill()
        process.wait()
        writer.close()
    assert filled.backups().snapshots() == [] and not list((filled.storage / "locks").iterdir())


def test_a_lock_of_a_living_restic_is_waited_for(filled, tmp_path):
    process, writer = a_lock_of(filled, tmp_path)
    seen = []

    class Told(Silence):
        def waiting(self, what):
            seen.append(what)
            writer.write(b"the end")
            writer.close()

    try:
        filled.backups().forget(filled.backups().snapshots(), Told())
    finally:
        process.kill()
        process.wait()
    assert seen == ["another restic works in the repository"] and len(filled.backups().snapshots()) == 0


@pytest.fixture
def spied(bench, monkeypatch, tmp_path):
    """What is called restic then is this script; it may tell things into `calls`."""

    def put(script):
        spy = tmp_path / "bin/restic"
        spy.parent.mkdir()
        spy.write_text(f'#!/bin/sh\necho "$*" >> {tmp_path}/calls\n{script}\n')
        spy.chmod(0o755)
        monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
        return lambda: (tmp_path / "calls").read_text()

    return put


SUMMARY = '{"message_type":"summary","total_bytes_processed":3,"data_added":3,"snapshot_id":"72a945f6"}'


@pytest.mark.parametrize(
    "error", ['{"Op":"open","Path":"/v/note","Err":13}', '{"message":"open /v/note: permission denied"}']
)
def test_a_file_that_cannot_be_read_is_no_snapshot(bench, spied, error):
    """As root reads all, the two ways in which restic's versions tell of it are played."""
    line = f'{{"message_type":"error","error":{error},"during":"archival","item":"/v/note"}}'
    calls = spied(f"case $1 in backup) echo '{line}'; echo '{SUMMARY}'; exit 3;; esac")
    with pytest.raises(BackupFailed, match="/v/note cannot be read"):
        saved(bench)
    assert calls().splitlines()[-1] == "forget 72a945f6"


@pytest.mark.parametrize(
    "error", ['{"Op":"open","Path":"/v/note","Err":2}', '{"message":"lstat /v/note: no such file or directory"}']
)
def test_a_file_that_is_gone_meanwhile_is_none_of_it(bench, spied, error):
    line = f'{{"message_type":"error","error":{error},"during":"archival","item":"/v/note"}}'
    spied(f"case $1 in backup) echo '{line}'; echo '{SUMMARY}'; exit 3;; esac")
    assert saved(bench) == "72a945f6"


def test_without_restic_it_says_how_to_get_it(bench, monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(NoRestic) as raised:
        bench.backups().look()
    assert "apt-get install restic" in raised.value.next_step


def test_no_secret_is_in_arguments_or_environment(bench, spied, monkeypatch):
    monkeypatch.setenv("RESTIC_REPOSITORY", "/somewhere/else")
    spied("tr '\\0' '\\n' < /proc/$$/cmdline; tr '\\0' '\\n' < /proc/$$/environ; cat $RESTIC_PASSWORD_FILE")
    told = run(bench.access(password=SECRET), ["snapshots"]).out.decode()
    assert told.strip().endswith(SECRET) and told.count(SECRET) == 1
    assert "RESTIC_REPOSITORY=" not in told and str(bench.storage) not in told


def test_an_end_without_a_known_cause_is_told_in_its_own_words(bench, spied):
    spied("echo 'Fatal: the moon is full' >&2; exit 1")
    with pytest.raises(BackupFailed, match=r"did not open the repository at .*: the moon is full"):
        bench.backups().look()


def test_who_gets_no_further_is_given_up(bench, spied):
    spied("exec tail -f /dev/null")
    with pytest.raises(RepositoryUnreachable):
        ResticBackups(bench.access(silence=0.1)).look()
