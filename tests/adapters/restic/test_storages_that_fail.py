"""Repositories on real storages that fail, each in its own way: what is told, and that the next step helps."""

import os
import shutil
import socket
import subprocess
import threading
from contextlib import closing

import pytest
from backups_contract import record, saved

from discode.adapters.restic import Access, ResticBackups
from discode.core.backup_errors import (
    RepositoryDenied,
    RepositoryFull,
    RepositoryLogin,
    RepositoryMissing,
    RepositoryUnreachable,
    RepositoryUntrusted,
    WrongPassword,
)  # fmt: skip
from discode.core.errors import DiscodeError
from discode.core.snapshot import RECORD
from discode.ports.report import Silence
from rig import storages
from rig.ports import free_port
from rig.wait import wait_for
from terminal import terminal


class Bench:
    """As the contract of backups wants it, on a storage."""

    def __init__(self, folder, storage):
        self.folder, self.storage = folder, storage
        self.staged, self.volume = folder / "app/backup/discode-snapshot", folder / "volume"
        for one in (self.staged, self.volume):
            one.mkdir(parents=True)

    def backups(self, app="myapp", password="right", **fields):
        given = {"where": self.storage.address, "credentials": self.storage.credentials, "retries": 2.0, **fields}
        return ResticBackups(Access(app, given.pop("where"), self.folder / "cache", password, **given))

    def write(self, path, data):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def raised(self, kind, call=None, **fields):
        with pytest.raises(kind) as raised:
            (call or ResticBackups.look)(self.backups(**fields))
        assert type(raised.value) is kind and raised.value.sentence.endswith("Your app was not touched.")
        return raised.value


@pytest.fixture
def bench_of(tmp_path, monkeypatch):
    """A storage of that kind, on which a repository is made."""
    mounted, made = [], []

    def make(kind, size="", **options):
        storage = kind(tmp_path / "storage", **options)
        if size:
            if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "rig", storage.files]).returncode:
                pytest.skip("mounting is not allowed here")
            mounted.append(storage.files)
        storage.start()
        made.append(storage)
        for name, value in storage.environment.items():
            monkeypatch.setenv(name, value)
        bench = Bench(tmp_path, storage)
        bench.backups().create()
        return bench

    yield make
    for one in made:
        one.close()
    for one in mounted:
        subprocess.run(["umount", "--lazy", one], check=True)


SERVED = [storages.S3, storages.Sftp, storages.Rest]


@pytest.mark.parametrize("kind", SERVED, ids=lambda kind: kind.kind)
def test_a_storage_that_is_down_or_hangs_does_not_answer(bench_of, kind):
    bench = bench_of(kind)
    bench.storage.freeze()
    error = bench.raised(RepositoryUnreachable, silence=3.0)
    assert "does not answer: nothing came from it for 3 s." in error.sentence
    bench.storage.thaw()
    bench.backups().look()
    bench.storage.stop()
    assert bench.raised(RepositoryUnreachable).next_step.startswith("Check the network and the storage")


@pytest.mark.parametrize("kind", SERVED[1:], ids=lambda kind: kind.kind)
def test_a_storage_that_goes_away_in_the_middle_leaves_a_repository_that_goes_on(bench_of, kind):
    bench, ended = bench_of(kind), []
    bench.write(bench.volume / "large", os.urandom(64 << 20))
    vast = bench.volume / "vast"  # of zeros that take no room: restic reads on and on
    vast.touch()
    os.truncate(vast, 2 << 30)

    def back_up():
        try:
            saved(bench)
        except DiscodeError as error:
            ended.append(error)

    thread = threading.Thread(target=back_up)
    thread.start()
    wait_for(lambda: [one for one in bench.storage.files.rglob("data/*/*") if one.is_file()], what="some of it")
    bench.storage.stop()
    thread.join()
    assert [type(error) for error in ended] == [RepositoryUnreachable], ended
    vast.unlink()
    bench.storage.start()
    assert bench.backups().snapshots() == []
    one = saved(bench)
    bench.backups().check(Silence(), data=True)
    assert [snapshot.id for snapshot in bench.backups().snapshots()] == [one]


@pytest.mark.parametrize("kind", [storages.Sftp, storages.Rclone], ids=lambda kind: kind.kind)
def test_a_storage_that_fills_up_takes_the_next_one_once_there_is_room(bench_of, kind):
    bench = bench_of(kind, size="4m")
    saved(bench)
    bench.write(bench.volume / "large", os.urandom(8 << 20))
    with pytest.raises(RepositoryFull) as raised:
        saved(bench)
    assert raised.value.next_step.startswith("Free some space there: discode backup forget myapp")
    old = bench.backups().snapshots()
    bench.backups().forget(old, Silence())
    (bench.volume / "large").unlink()
    one = saved(bench)
    bench.backups().check(Silence(), data=True)
    assert [snapshot.id for snapshot in bench.backups().snapshots()] == [one]


def test_a_storage_that_tells_no_more_than_that_it_has_trouble_is_not_said_to_be_damaged(bench_of):
    """rclone's server, when its disk is full: the numbers of restic's waits and packs tell nothing."""
    bench = bench_of(storages.Rest, size="4m")
    bench.write(bench.volume / "large", os.urandom(8 << 20))
    with pytest.raises(RepositoryUnreachable, match=r"has trouble of its own: .*500") as raised:
        saved(bench)
    assert "whether its disk is full" in raised.value.next_step


@pytest.mark.parametrize(
    "address", ["s3:https://nas.invalid/bucket/x", "rest:https://nas.invalid/x", "sftp:me@nas.invalid:/x"]
)
def test_a_name_that_dns_does_not_know_is_told(bench_of, address):
    bench = bench_of(storages.Rclone)
    assert "has a host name that DNS does not know" in bench.raised(RepositoryUnreachable, where=address).sentence


def test_a_certificate_that_nobody_knows_is_told_and_can_be_made_known(tmp_path):
    with closing(storages.Rest(tmp_path / "storage", tls=True)) as storage:
        storage.start()
        bench = Bench(tmp_path, storage)
        error = bench.raised(RepositoryUntrusted)
        assert "has a certificate that this machine does not trust: " in error.sentence
        assert "SSL_CERT_FILE=" in error.next_step
        known = {**storage.credentials, "SSL_CERT_FILE": str(storage.folder / "ca.pem")}
        bench.backups(credentials=known).create()
        bench.backups(credentials=known).look()


WRONG = [
    (storages.Rest, {"RESTIC_REST_USERNAME": "rig", "RESTIC_REST_PASSWORD": "not the one"}),
    (storages.Rest, {}),
    (storages.S3, {"AWS_SECRET_ACCESS_KEY": "not the one"}),
    (storages.S3, {"AWS_ACCESS_KEY_ID": "AKIAIOSFODNN7EXAMPLE"}),
    (storages.S3, {"AWS_SECRET_ACCESS_KEY": ""}),
]


@pytest.mark.parametrize("kind, given", WRONG, ids=lambda one: getattr(one, "kind", None))
@pytest.mark.parametrize("call", [ResticBackups.look, ResticBackups.create, ResticBackups.snapshots])
def test_a_login_that_is_wrong_is_told(bench_of, kind, given, call):
    bench = bench_of(kind)
    wrong = {**bench.storage.credentials, **given} if given else {}
    error = bench.raised(RepositoryLogin, call, credentials=wrong)
    assert " did not accept the login: " in error.sentence and "not the one" not in error.sentence
    step = f": discode backup setup myapp --to {bench.storage.address} --credentials-file FILE"
    assert error.next_step.endswith(step) and ", one a line" in error.next_step


def listens(port):
    with socket.socket() as knock:
        return knock.connect_ex(("127.0.0.1", port)) == 0


@pytest.mark.parametrize("protocol", ["webdav", "sftp"])
def test_a_login_that_rclone_has_wrong_is_told(bench_of, protocol):
    bench, port = bench_of(storages.Rclone), free_port()
    login = {"RCLONE_CONFIG_R_URL": f"http://127.0.0.1:{port}", "RCLONE_CONFIG_R_HOST": "127.0.0.1",
             "RCLONE_CONFIG_R_PORT": str(port), "RCLONE_CONFIG_R_USER": "rig"}  # fmt: skip
    words = ["rclone", "serve", protocol, "--addr", f"127.0.0.1:{port}", "--user", "rig", "--pass", "the one"]
    server = subprocess.Popen([*words, bench.storage.files], stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        wait_for(lambda: listens(port), what="a server of rclone's")
        wrong = subprocess.run(["rclone", "obscure", "not the one"], capture_output=True, text=True, check=True).stdout
        given = {**login, "RCLONE_CONFIG_R_TYPE": protocol, "RCLONE_CONFIG_R_PASS": wrong.strip()}
        error = bench.raised(RepositoryLogin, where="rclone:R:app", credentials=given)
        assert " did not accept the login: " in error.sentence and "RCLONE_CONFIG_NAME_PASS=" in error.next_step
    finally:
        server.kill()
        server.wait()


def test_another_password_is_told(bench_of):
    error = bench_of(storages.S3).raised(WrongPassword, password="other")
    assert "--password-file FILE" in error.next_step


def test_a_remote_that_rclone_does_not_know_is_told(bench_of):
    error = bench_of(storages.Rclone).raised(RepositoryMissing, where="rclone:nowhere:x")
    assert 'for "nowhere:x": didn\'t find section in config file' in error.sentence


def test_a_host_that_ssh_does_not_know_is_told_and_can_be_confirmed(bench_of):
    bench = bench_of(storages.Sftp)
    known = bench.storage.folder / "known"
    for text in (f"backup-host {(bench.storage.folder / 'key.pub').read_text()}", ""):
        known.write_text(text)
        error = bench.raised(RepositoryUntrusted)
        assert "is on a machine that ssh does not know, or that has another key than before" in error.sentence
    step = error.next_step.rpartition(": ")[2]
    assert step == "ssh backup-host"
    asking = bench.storage.folder / "ssh_config"
    asking.write_text(asking.read_text().replace("StrictHostKeyChecking yes", "StrictHostKeyChecking ask"))
    with terminal(step.split(), dict(os.environ)) as typed:
        typed.until("continue connecting")
        typed.type("yes")
        typed.until("Permanently added")
        typed.type("exit")
        assert typed.end() == 0
    bench.backups().look()


def test_a_key_that_lets_nobody_in_is_told(bench_of):
    bench = bench_of(storages.Sftp)
    (bench.storage.folder / "authorized").write_text("")
    error = bench.raised(RepositoryLogin)
    assert "lets nobody in without a password: " in error.sentence and "Permission denied (publickey" in error.sentence
    assert error.next_step.endswith(
        "see that this asks for none: ssh backup-host. Put your key there: ssh-copy-id backup-host"
    )
    shutil.copy(bench.storage.folder / "key.pub", bench.storage.folder / "authorized")
    bench.backups().look()


def test_a_storage_that_is_only_read_denies_a_snapshot_and_can_still_be_listed(bench_of):
    bench = bench_of(storages.Sftp)
    saved(bench)
    config = bench.storage.folder / "sshd_config"
    config.write_text(config.read_text().replace("internal-sftp", "internal-sftp -R"))
    bench.storage.stop()
    bench.storage.start()
    with pytest.raises(RepositoryDenied):
        saved(bench)
    assert len(bench.backups().snapshots()) == 1


def test_what_is_waited_for_again_and_again_is_never_taken_for_damage(bench_of, monkeypatch):
    """A wait has digits of its own, and so has a pack's name."""
    bench = bench_of(storages.Rclone)
    spy = bench.folder / "spy/restic"
    spy.parent.mkdir()
    spy.write_text(
        "#!/bin/sh\necho 'Save(<data/404404>) returned error, retrying after 2.340488664s: it is not well' >&2\n"
        "exec tail -f /dev/null\n"
    )
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
    one = record()
    bench.write(bench.staged / RECORD, one.as_json().encode())
    with pytest.raises(RepositoryUnreachable, match="does not answer: it is not well"):
        bench.backups(retries=0.1).save(one, bench.staged, [], [], Silence())


def keys(bench):
    return [one for one in bench.storage.files.rglob("keys/*") if one.is_file()]


REMOTE = [storages.Rclone, storages.Sftp, storages.Rest]


@pytest.mark.parametrize("kind", REMOTE, ids=lambda kind: kind.kind)
def test_one_that_was_killed_before_it_had_a_configuration_is_made_anew_with_the_same_password(bench_of, kind):
    bench = bench_of(kind)
    [config] = bench.storage.files.rglob("config")
    config.unlink()
    bench.storage.stop()  # rclone's server remembers which files it has
    bench.storage.start()
    bench.raised(RepositoryMissing)
    bench.backups().create()
    saved(bench)
    assert len(bench.backups().snapshots()) == 1 and len(keys(bench)) == 1


@pytest.fixture
def cut_off(bench_of, monkeypatch):
    """A repository whose making ended before the words that restic is called with."""

    def make(words):
        bench = bench_of(storages.Rclone)
        [config] = bench.storage.files.rglob("config")
        config.unlink()
        spy = bench.folder / "spy/restic"
        spy.parent.mkdir()
        spy.write_text(f'#!/bin/sh\ncase "$*" in "{words}"*) exit 1;; esac\nexec {shutil.which("restic")} "$@"\n')
        spy.chmod(0o755)
        with monkeypatch.context() as patched, pytest.raises(DiscodeError):
            patched.setenv("PATH", f"{spy.parent}:{os.environ['PATH']}")
            bench.backups().create()
        return bench

    return make


@pytest.mark.parametrize("words", ["key list", "key add", "key remove"])
def test_one_whose_making_was_cut_off_counts_as_not_there_and_its_password_may_be_lost(cut_off, words):
    bench = cut_off(words)
    assert "is not made yet" in bench.raised(RepositoryMissing, password="other").sentence
    bench.backups(password="other").create()
    assert len(keys(bench)) == 1 and not list((bench.folder / "cache").glob("making-*"))
    bench.backups(password="other").look()
    bench.raised(WrongPassword)


def test_no_key_goes_where_there_is_a_snapshot(cut_off):
    bench = cut_off("key list")
    [first] = (bench.folder / "cache").glob("making-*")
    one = record()
    bench.write(bench.staged / RECORD, one.as_json().encode())
    bench.backups(password=first.read_text()).save(one, bench.staged, [], [], Silence())
    bench.backups(password="other").create()
    assert len(keys(bench)) == 2 and len(bench.backups(password="other").snapshots()) == 1
