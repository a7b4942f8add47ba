"""`discode export` and `discode import`: all of an app in one encrypted file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core.errors import UsageError
from ..core.quantity import format_size
from .host_names import SkipChecks
from .https import TlsChoice
from .install import Hosts, HttpPort, HttpsPort, LicenseFile, PathPrefix, ProxyChoice
from .interruption import explaining, restored
from .options import App, Assignments, FromEnvironment, Json
from .output import emit
from .passphrase import LOST, PassphraseFile, known_passphrase, new_passphrase
from .restore_elsewhere import Source

if TYPE_CHECKING:
    from ..flows.backup import Taken
    from ..flows.world import World
    from .restore_elsewhere import Given
    from .wiring_host import Host


def export(
    app: App,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file to write.", show_default=False)],
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Write all of an app into one encrypted file: its data, settings and secrets. The app serves all the while.

    With the file and its passphrase, discode import brings the app up on another machine. The license's seat goes
    along, so let only one of the two serve.

    \b
        discode export myapp /mnt/usb/myapp.discode
    """
    from . import wiring
    from .wiring_backups import own_folder

    world = wiring.world(as_json, "discode export")
    world.installed(app)
    target = _new(file)
    passphrase = new_passphrase(passphrase_file, as_json)
    begun = time.monotonic()

    def became(world: World) -> str:
        return f"The export is in {target}." if target.exists() else f"{target} was not written."

    with explaining([app], became), own_folder(target.parent, f".{target.name}.", ".discode") as folder:
        taken = _taken(world, app, folder, passphrase)
        size = _packed(world, taken, folder, target)
    text = f"{app} {taken.record.version} is in {target} ({format_size(size)}). Keep the passphrase. {LOST} "
    text += f"{app} itself is not affected, and can be exported again."
    told = {"app": app, "file": str(target), "size": size, "version": taken.record.version}
    emit({"result": "exported", **told, "wall": round(time.monotonic() - begun, 4)}, text, as_json=as_json)


def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="An exported file.", show_default=False)],
    as_: Annotated[
        str | None, typer.Option("--as", metavar="NAME", show_default=False, help="Install it under this name.")
    ] = None,
    passphrase_file: PassphraseFile = None,
    host: Hosts = [],
    path_prefix: PathPrefix = "/",
    tls: TlsChoice = None,
    set_: Assignments = [],
    set_from_env: FromEnvironment = [],
    source: Source = None,
    license_file: LicenseFile = None,
    proxy: ProxyChoice = None,
    http_port: HttpPort = None,
    https_port: HttpsPort = None,
    skip_checks: SkipChecks = False,
    as_json: Json = False,
) -> None:
    """Bring up an app from an exported file: with its data, settings, addresses and license.

    \b
        discode import /mnt/usb/myapp.discode
    """
    from . import wiring
    from .restore_elsewhere import Given
    from .settings import collect
    from .wiring_backups import export_head

    head = export_head(file)
    machine = wiring.host(as_json)
    machine.configure(proxy, http_port, https_port)
    given = Given(
        head.app, "latest", as_ or head.app, None, host, path_prefix, tls, None, None,
        collect(set_, set_from_env, None), source, license_file=license_file, skip_checks=skip_checks,
    )  # fmt: skip
    became = restored(given.name, "import", f"{file} is as it was", wiring.now())
    with explaining([given.name], became):
        _imported(given, file, passphrase_file, machine, as_json)


def _new(file: Path) -> Path:
    """Raises UsageError."""
    target = file.absolute()
    if target.exists():
        raise UsageError(
            f"{target} is there already. Nothing was changed.", "Name another file, or delete it.", key="file-exists"
        )
    if not target.parent.is_dir():
        raise UsageError(
            f"There is no folder {target.parent}. Nothing was changed.", f"Make it: mkdir -p {target.parent}"
        )
    return target


def _taken(world: World, app: str, folder: Path, passphrase: str) -> Taken:
    from ..flows.backup import take
    from .wiring_backups import Roomy, repository_in

    repository = repository_in(folder, app, passphrase)
    repository.create()
    steps = world.steps()
    return take(world, app, steps, "export", Roomy(repository, folder, app))


def _packed(world: World, taken: Taken, folder: Path, target: Path) -> int:
    """Bytes. Nobody sees half a file under its name."""
    from .wiring_backups import pack_export

    whole = folder / "file"
    with world.steps()("pack", f"Writing {target}"):
        size = pack_export(taken.record, folder, whole, world.report)
        if target.exists():
            raise UsageError(f"{target} was made meanwhile. It was not changed.", "Name another.", key="file-exists")
        whole.rename(target)
    return size


def _imported(given: Given, file: Path, passphrase_file: str | None, machine: Host, as_json: bool) -> None:
    from ..flows.restore_new import must_be_new
    from . import wiring
    from .restore_elsewhere import from_file
    from .wiring_backups import own_folder, unpack_export
    from .wiring_imports import imports

    world = wiring.world(as_json, "discode import", on=machine)
    must_be_new(world, given.name, given.app)  # before a passphrase is asked for
    passphrase = known_passphrase(passphrase_file, as_json, str(file))
    with own_folder(imports(wiring.home()), f"{given.name}.") as folder:
        _check_room(folder, file)
        with world.steps()("unpack", f"Reading {file}"):
            unpack_export(file, folder, world.report)
        from_file(given, world, folder, passphrase, file, machine, as_json)


def _check_room(folder: Path, file: Path) -> None:
    """Raises PreflightError."""
    from ..core.room import Disk, must_have_room
    from ..disk.folders import free_space

    must_have_room(f"The import of {file}", file.stat().st_size, Disk(str(folder), free_space(folder)))
