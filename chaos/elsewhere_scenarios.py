"""Flows that bring an app from its data: on a machine that has nothing of it, or beside it under another name."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from aside import COPY, HOST
from data_scenarios import backed_up, data
from scenario import Kept, Prepare, Stage

from flows import running

ENOUGH = 50  # writes, of which nothing may be missing
PASSPHRASE = "correct horse battery staple"


def _checked(stage: Stage) -> None:
    """What has to come back with the data is there, and known."""
    while stage.ledger.count() < ENOUGH:
        time.sleep(0.05)
    stage.expected.versions = {stage.version}
    if found := stage.check.violations():
        raise RuntimeError(f"before the first kill: {found}")


def _snapshot(stage: Stage) -> str:
    code, told = stage.place.run("backup", "now", stage.place.app)
    if code != 0:
        raise RuntimeError(f"the backup exited with {code}: {told}")
    return str(told["snapshot"])


def _lost(stage: Stage, begun: float) -> None:
    """The app is deleted with all that it had, and so is whatever else was on the machine."""
    stage.place.run("uninstall", stage.place.app, "--purge", "--yes")
    stage.traffic.settled()
    stage.place.lose_home()
    stage.ledger.back_to(begun)
    stage.check.status = {}


def _from(keep: Callable[[Stage], tuple[str, ...]]) -> Prepare:
    """`keep` saves the app once, and gives the words that bring it back."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        if stage.kept is None:
            running(stage)
            _checked(stage)
            begun, version = time.time(), str(stage.version)
            stage.kept = Kept(begun, version, keep(stage))
        _lost(stage, stage.kept.begun)
        stage.expected.versions = {None, stage.kept.version}
        return stage.kept.words

    return prepare


def _in_repository(stage: Stage) -> tuple[str, ...]:
    backed_up(stage)
    snapshot = _snapshot(stage)
    stage.place.env["DISCODE_BACKUP_PASSWORD"] = stage.repository.password
    where = ("--from", str(stage.repository.path), "--http-port", str(stage.place.port))
    return ("restore", stage.place.app, snapshot, *where)


def _in_file(stage: Stage) -> tuple[str, ...]:
    file = Path(stage.place.folder) / "app.discode"
    stage.place.env["DISCODE_PASSPHRASE"] = PASSPHRASE
    stage.must("export", stage.place.app, str(file))
    return ("import", str(file), "--http-port", str(stage.place.port))


def _beside(stage: Stage) -> tuple[str, ...]:
    """The app itself has no part in it."""
    backed_up(stage)
    assert stage.aside is not None
    if stage.kept is None:
        _checked(stage)
        begun = time.time()
        words = ("restore", stage.place.app, _snapshot(stage), "--as", COPY, "--host", HOST)
        stage.kept = Kept(begun, str(stage.version), words)
        stage.aside.is_of(stage.kept.version, stage.expected.secret, begun)
    return stage.kept.words


ELSEWHERE_SCENARIOS = [
    data("restore on another machine", _from(_in_repository), allowed=(), backs_up=True, repeats=True, arrives=True),
    data("import", _from(_in_file), allowed=(), repeats=True, arrives=True),
    data("restore beside the app", _beside, backs_up=True, has_copy=True),
]
