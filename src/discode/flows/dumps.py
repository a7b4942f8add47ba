"""Dumps of the databases beside an app, while the app writes: by their own programs, each as it is at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ..core.accessory_dumps import databases, dumps
from ..core.backup_errors import BackupFailed
from ..core.errors import DiscodeError, NoSuchCommand, NotHere, RuntimeUnreachable, Unreachable
from ..core.external_server import dump_from, server_of
from ..core.installation import Installation
from ..core.snapshot import Part
from ..ports.accessories import AccessorySpec, Executed
from ..ports.backups import Staging
from .world import Site

LONGEST = 4 * 3600.0  # seconds for one file
DUMPS = "dumps"


def dump(site: Site, spec: AccessorySpec, staging: Staging) -> Part:
    """Of a known kind that runs. Raises BackupFailed, in words that say that there is no snapshot."""
    made = spec.accessory
    assert made.kind is not None, "only what is known can be dumped"
    folder = staging.folder(f"{DUMPS}/{spec.name}")
    lists = databases(made.kind)
    try:
        parts = dumps(made.kind, _run(site, spec, lists).output if lists else "")
    except ValueError as error:
        raise _failed(spec, str(error)) from None
    for part in parts:
        _run(site, spec, part.save, folder / part.file)
    return Part(
        kind="dump", name=spec.name, path=str(folder), size=staging.survey(folder).size, server=made.kind,
        version=made.version, files=tuple(part.file for part in parts),
    )  # fmt: skip


def dump_elsewhere(site: Site, installation: Installation, name: str, staging: Staging) -> Part | str:
    """Of what is at an address of the customer's, by its own client; or why there is none, for people. Nothing of it is
    Discode's, so that is no reason to have no snapshot at all."""
    made = installation.release.manifest.accessories[name]
    try:
        server = server_of(
            installation.release.manifest, site.store.settings(installation.app, installation.settings), name
        )
    except ValueError as error:
        return str(error)
    wanted, folder = dump_from(server), staging.folder(f"{DUMPS}/{name}")
    spec, file = AccessorySpec(installation.app, name, made, dict(wanted.env)), folder / wanted.file
    why = _why_not_asked(site, installation, spec, wanted.command, file)
    if why:
        staging.document(f"{DUMPS}/{name}/{wanted.file}", b"")  # half a dump is none
        return why
    return Part(
        kind="elsewhere", name=name, path=str(folder), size=staging.survey(folder).size, server=server.kind,
        version=made.version, files=(wanted.file,),
    )  # fmt: skip


def _why_not_asked(
    site: Site, installation: Installation, spec: AccessorySpec, command: Sequence[str], file: Path
) -> str:
    """Empty when it was dumped."""
    try:
        done = _asked(site, installation, spec, command, file)
    except RuntimeUnreachable:
        raise
    except NoSuchCommand:
        return f"{command[0]} is not installed here"
    except DiscodeError as error:
        return error.sentence.rstrip(".")
    if done.exit_code == 0:
        return ""
    said = next((line.strip() for line in reversed(done.errors) if line.strip()), "")
    ended = f"did not end within {LONGEST / 3600:g} h" if done.exit_code is None else f"exited with {done.exit_code}"
    return f"{command[0]} {ended}{f': {said}' if said else ''}".rstrip(".")


def _asked(site: Site, installation: Installation, spec: AccessorySpec, command: Sequence[str], file: Path) -> Executed:
    """Its image may never have been needed on this machine."""
    try:
        return site.accessories.ask(spec, command, stdout=file, timeout=LONGEST)
    except NotHere:
        releases = site.sources.open(spec.app, installation.source, installation.release.product)
        site.accessories.fetch(spec.app, spec.accessory.image, releases, site.report)
        return site.accessories.ask(spec, command, stdout=file, timeout=LONGEST)


def _run(site: Site, spec: AccessorySpec, command: Sequence[str], stdout: Path | None = None) -> Executed:
    try:
        done = site.accessories.execute(spec.app, spec.name, command, stdout=stdout, timeout=LONGEST)
    except Unreachable:
        raise
    except DiscodeError as error:
        raise _failed(spec, error.sentence, key=error.name, log=error.log) from error
    if done.exit_code == 0:
        return done
    ended = f"did not end within {LONGEST / 3600:g} h" if done.exit_code is None else f"exited with {done.exit_code}"
    raise _failed(spec, f"{command[0]} {ended}", log=done.errors)


def _failed(spec: AccessorySpec, why: str, *, key: str = "dump-failed", log: Sequence[str] = ()) -> BackupFailed:
    return BackupFailed(
        f"{spec.container} ({spec.accessory.kind} {spec.accessory.version}) could not be dumped: {why.rstrip('.')}. "
        "There is no snapshot, and your app was not touched.",
        f"See its log: discode logs {spec.app} --process {spec.name}. Then: discode backup now {spec.app}",
        key=key,
        log=tuple(log),
    )
