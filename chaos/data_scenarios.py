"""Flows on an app's data: backups, and what is beside the app. Users write all the while."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ledger import Undone
from scenario import Prepare, Scenario, Stage

from flows import install, rollback, running, settle_a_reboot, update

DOWN = (200, 404, 503)
APP = "ledger_app"
QUIET = "before: [python3, server.py, quiet], after: [python3, server.py, loud]"
COMMANDS = f"backup: {{{QUIET}, exclude: [storage/quiet]}}\n"
FEW = ("--keep-last", "2", "--keep-daily", "0", "--keep-weekly", "0", "--keep-monthly", "0")


def backed_up(stage: Stage, extra: str = "") -> None:
    if stage.version is None:
        stage.publish(extra=extra)
        stage.must(*stage.install_words())
        stage.look()
    running(stage)
    if not stage.data.is_backed_up:
        stage.data.set_up()
    stage.expected.versions = {stage.version}


def _backup(*words: str, extra: str = "") -> Prepare:
    def prepare(stage: Stage) -> tuple[str, ...]:
        backed_up(stage, extra)
        return ("backup", "now", stage.place.app, *words)

    return prepare


def _scheduled(stage: Stage) -> tuple[str, ...]:
    """It also forgets what is not to be kept."""
    backed_up(stage)
    stage.must("backup", "setup", stage.place.app, *FEW)
    return ("backup", "now", stage.place.app, "--scheduled")


def _forget(stage: Stage) -> tuple[str, ...]:
    backed_up(stage)
    stage.must("backup", "setup", stage.place.app, *FEW)
    while len(stage.repository.snapshots()) < 4:
        stage.must("backup", "now", stage.place.app)
    return ("backup", "forget", stage.place.app, "--yes")


def _drill(stage: Stage) -> tuple[str, ...]:
    """The app itself has no part in it."""
    backed_up(stage)
    if not stage.repository.snapshots():
        stage.must("backup", "now", stage.place.app)
    return ("backup", "drill", stage.place.app)


def _update_backed_up(behaviour: str = "good") -> Prepare:
    def prepare(stage: Stage) -> tuple[str, ...]:
        backed_up(stage)
        return update(behaviour)(stage)

    return prepare


def _restore(*options: str) -> Prepare:
    """From a version to the one before it, whose snapshot it is."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        backed_up(stage)
        stage.must("backup", "setup", stage.place.app, "--before-updates", "off")
        stage.data.undone = None
        version, begun = str(stage.version), time.time()
        code, told = stage.place.run("backup", "now", stage.place.app)
        if code != 0:
            raise RuntimeError(f"the backup exited with {code}: {told}")
        taken = Undone(version, begun, time.time())
        stage.publish()
        stage.must("update", stage.place.app)
        stage.look()
        stage.expected.versions = {version, stage.version}
        stage.data.undone = taken
        return ("restore", stage.place.app, told["snapshot"], "--yes", stage.place.app, *options)

    return prepare


def _back_with_data(*options: str) -> Prepare:
    """From an update to what was before it, by the snapshot that it took."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        backed_up(stage)
        stage.data.undone = None
        version, begun = str(stage.version), time.time()
        stage.publish()
        stage.must("update", stage.place.app)
        taken = Undone(version, begun, time.time())
        stage.look()
        stage.expected.versions = {version, stage.version}
        stage.data.undone = taken
        return ("rollback", stage.place.app, "--with-data", "--yes", stage.place.app, *options)

    return prepare


def _with(stage: Stage, beside: Mapping[str, str]) -> None:
    """What releases have beside them from now on, and where the app keeps what is written."""
    stage.beside = dict(beside)
    stage.stores = ("sqlite", *(tag.partition("-")[0] for tag in beside.values()))


def _beside(beside: Mapping[str, str], then: Prepare) -> Prepare:
    """The app runs with that beside it."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        if stage.version is None:
            _with(stage, beside)
        return then(stage)

    return prepare


def _first_install(beside: Mapping[str, str]) -> Prepare:
    """Nothing is left of an earlier one."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        _with(stage, beside)
        assert stage.data.beside is not None
        stage.data.beside.keep_images()
        stage.place.run("uninstall", stage.place.app, "--purge", "--yes")
        stage.ledger.forget()
        stage.expected.forget()
        stage.check.status = {}
        return install()(stage)

    return prepare


def _to(stage: Stage, beside: Mapping[str, str]) -> None:
    """By an update, if it is not so already; the data of what goes by it goes, too."""
    running(stage)
    before = stage.data.beside_of(stage.version)
    _with(stage, beside)
    if before == beside:
        return
    stage.publish()
    stage.must("update", stage.place.app)
    stage.look()
    assert stage.data.beside is not None
    stage.data.beside.drop_volumes(beside)
    if gone := [tag.partition("-")[0] for name, tag in before.items() if name not in beside]:
        stage.ledger.forget(*gone)


def _adds(tag: str) -> Prepare:
    """An update to what has it, from what does not, and never had it."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        if stage.version is None:
            _with(stage, {})
        _to(stage, {})
        stage.ledger.forget(tag.partition("-")[0])
        _with(stage, {"db": tag})
        return update()(stage)

    return prepare


def _changes(before: str, after: str, *, stays: bool = False) -> Prepare:
    """An update from the one to the other. `stays`: that is a bad one, and all is as it was. From a new major version
    there is no way back: each time the data is that of another database."""
    is_major = before.rstrip("abd") != after.rstrip("abd")

    def prepare(stage: Stage) -> tuple[str, ...]:
        if stage.version is None:
            _with(stage, {"db1": before})
        running(stage)
        [name] = stage.data.beside_of(stage.version)
        if is_major and stage.data.beside_of(stage.version) != {name: before}:
            name = f"db{int(name[2:]) + 1}"
        _to(stage, {name: before})
        old = stage.version
        stage.beside = {name: after}
        version = stage.publish()
        stage.expected.versions = {old} if stays else {old, version}
        return ("update", stage.place.app)

    return prepare


def _uninstall(*options: str) -> Prepare:
    def prepare(stage: Stage) -> tuple[str, ...]:
        _with(stage, {"db": "redis-7"})
        running(stage)
        stage.expected.versions = {stage.version, None}
        if options:
            stage.expected.forget()
            stage.ledger.forget()
        return ("uninstall", stage.place.app, *options)

    return prepare


def data(name: str, prepare: Prepare, codes: tuple[int, ...] = (0,), **fields: object) -> Scenario:
    given = {"app": APP, "stores": ("sqlite",), **fields}
    return Scenario(name, prepare, codes, **given)  # type: ignore[arg-type]


def _on_docker(name: str, prepare: Prepare, codes: tuple[int, ...] = (0,), **fields: object) -> Scenario:
    return data(name, prepare, codes, **{"runtimes": ("docker",), **fields})


PAIR = {"db": "postgres-15", "cache": "redis-7"}
DATA_SCENARIOS = [
    data("backup", _backup(), backs_up=True),
    data("backup that holds", _backup(), backs_up=True, stores=("file",), strategy="hold"),
    data("backup between commands", _backup(extra=COMMANDS), backs_up=True, stores=("file",)),
    data("backup scheduled", _scheduled, backs_up=True),
    data("drill", _drill, backs_up=True),
    data("backups forgotten", _forget, backs_up=True, is_guarded=False),
    data("update with a snapshot", _update_backed_up(), backs_up=True),
    data("update with a snapshot, never healthy", _update_backed_up("never-healthy"), (5,), backs_up=True),
    data("restore in place", _restore("--no-snapshot"), backs_up=True),
    data("restore in place, with a snapshot", _restore(), backs_up=True),
    data("restore in place, machine off", _restore("--no-snapshot"), backs_up=True, is_guarded=False, has_guard=False),
    data("rollback with data", _back_with_data("--no-snapshot"), backs_up=True),
    _on_docker("restore in place with databases", _beside(PAIR, _restore("--no-snapshot")), backs_up=True),
    _on_docker("rollback with the data of databases", _beside(PAIR, _back_with_data()), backs_up=True),
    _on_docker("backup of databases", _beside(PAIR, _backup()), backs_up=True),
    _on_docker("install with databases", _first_install(PAIR), allowed=(), repeats=True),
    _on_docker("update that leaves databases alone", _beside(PAIR, update())),
    _on_docker("update that adds a database", _adds("postgres-15")),
    _on_docker("update that changes a database", _changes("postgres-15", "postgres-15b")),
    _on_docker("update to a bad database", _changes("postgres-15", "postgres-15bad", stays=True), (5,)),
    _on_docker("major upgrade of Redis", _changes("redis-7", "redis-8")),
    _on_docker("major upgrade of PostgreSQL", _changes("postgres-15", "postgres-17")),
    _on_docker("major upgrade to a bad database", _changes("postgres-15", "postgres-17bad", stays=True), (5,)),
    _on_docker("update with databases, never healthy", _beside(PAIR, update("never-healthy")), (5,)),
    _on_docker("rollback with databases", _beside(PAIR, rollback)),
    _on_docker("uninstall with a database", _uninstall(), allowed=DOWN, takes_proxy=True),
    _on_docker("uninstall and purge with a database", _uninstall("--purge", "--yes"), allowed=DOWN, takes_proxy=True),
    _on_docker("databases after a reboot", _beside(PAIR, settle_a_reboot), allowed=(), is_guarded=False),
]
