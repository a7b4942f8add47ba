"""`discode restore --from` and `--as`: a snapshot as a new installation, on another machine or under another name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from ..core.errors import Refused, UsageError
from .interruption import explaining, restored
from .repository_given import repository_at, said_of
from .running import run_and_show

if TYPE_CHECKING:
    from pathlib import Path

    from ..core.installation import Installation, Route
    from ..core.own_certificate import OwnCertificate
    from ..flows.restore_new import Elsewhere
    from ..flows.world import World
    from ..ports.backups import Backups
    from .wiring_backups import KeptPlan
    from .wiring_host import Host, ProxyKind

Repository = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="REPOSITORY", show_default=False,
        help="Restore an app that is not on this machine, from where its backups go.",
    ),
]  # fmt: skip
As = Annotated[
    str | None,
    typer.Option("--as", metavar="NAME", show_default=False, help="Restore it beside the app, under this name."),
]
Source = Annotated[
    str | None,
    typer.Option(
        "--source", metavar="SOURCE", show_default=False,
        help="Where the vendor's releases are, when they have moved since the snapshot.",
    ),
]  # fmt: skip
Which = Annotated[
    str, typer.Argument(help="The snapshot, or `latest`. Without it they are listed.", show_default=False)
]


@dataclass(frozen=True)
class Given:
    """What was typed. `repository`: a place, or None for the one that the app's backups go to."""

    app: str
    snapshot: str
    name: str
    repository: str | None
    hosts: list[str] = field(default_factory=list)
    path_prefix: str = "/"
    tls: Literal["auto", "off"] | None = None
    certificate: str | None = None
    private_key: str | None = None
    settings: Mapping[str, str] = field(default_factory=dict, repr=False)
    source: str | None = None
    password_file: str | None = None
    credentials_file: str | None = None
    license_file: str | None = None
    skip_checks: bool = False


def elsewhere(given: Given, ports: tuple[ProxyKind | None, int | None, int | None], as_json: bool) -> None:
    """`ports`: the proxy of a machine that has none yet, and those at which it listens."""
    from ..flows.restore_new import restore_new
    from . import wiring

    if given.name == given.app and given.repository is None:
        raise UsageError(
            f"--as {given.app} is the app itself. Nothing was changed.", f"Give another name: --as {given.app}2"
        )
    machine = wiring.host(as_json)
    machine.configure(*ports)
    route, own = _route(given, machine, as_json)
    world = wiring.world(as_json, "discode restore", on=machine)
    kept = None
    if given.repository is not None:
        _must_not_be_here(world, given)
        kept = repository_at(given.repository, given.app, given.password_file, given.credentials_file, as_json)
    repository = _opened(world, given, kept)
    apps = [given.name] if kept else [given.name, given.app]
    became = restored(given.name, "restore", "the snapshot is as it was", wiring.now())
    with explaining(apps, became), said_of(kept.plan.repository, given.app) if kept else nullcontext():
        run_and_show(world, lambda: restore_new(world, _wanted(given, world, repository, kept, route, own)), as_json)


def from_file(
    given: Given, world: World, folder: Path, passphrase: str, file: Path, machine: Host, as_json: bool
) -> None:
    """Of an exported file, whose repository is in the folder."""
    from ..core.backup_errors import WrongPassword
    from ..flows.restore_new import restore_new
    from .wiring_backups import repository_in

    route, own = _route(given, machine, as_json)
    repository = repository_in(folder, given.app, passphrase)
    try:
        run_and_show(world, lambda: restore_new(world, _wanted(given, world, repository, None, route, own)), as_json)
    except WrongPassword as error:
        raise WrongPassword(
            f"The passphrase does not open {file}. Nothing was changed.",
            "Type the one that was chosen when it was exported. If it is lost, nothing can be done with this file; "
            f"where {given.app} still runs it is safe, and can be exported again.",
            key="wrong-passphrase",
        ) from error


def _must_not_be_here(world: World, given: Given) -> None:
    """Before a password is asked for. Raises Refused."""
    from ..flows.restore_new import must_be_new

    must_be_new(world, given.name, given.app)


def _opened(world: World, given: Given, kept: KeptPlan | None) -> Backups:
    from . import wiring
    from .wiring_backups import backups

    return world.repositories.open(given.app) if kept is None else backups(wiring.home(), kept)


def _wanted(
    given: Given,
    world: World,
    repository: Backups,
    kept: KeptPlan | None,
    route: Route | None,
    own: OwnCertificate | None,
) -> Elsewhere:
    from ..flows.restore_new import Elsewhere

    is_copy = given.name != given.app
    return Elsewhere(
        given.app, given.name, repository, given.snapshot or "latest", route, own, given.settings, given.source,
        keep=_keeping(kept) if kept is not None and not is_copy else _without_backups(world, given.name),
        take_seat=_seat(given) if is_copy or given.license_file else lambda installation, documents: None,
        skip_checks=given.skip_checks,
    )  # fmt: skip


def _route(given: Given, machine: Host, as_json: bool) -> tuple[Route | None, OwnCertificate | None]:
    """None: the addresses of then. Raises UsageError."""
    from ..core.host_names import check_hosts
    from ..core.installation import Route
    from ..core.path_prefix import check_path_prefix
    from . import https

    if not given.hosts:
        if given.name != given.app:
            raise UsageError(
                f"{given.name} needs an address of its own, beside {given.app}. Nothing was changed.",
                f"Give it one: --host {given.name}.example.com",
                key="host-missing",
            )
        if given.tls is not None or given.path_prefix != "/":
            raise UsageError(
                f"{given.name} gets the addresses that it had, with their HTTPS and path: --tls and --path-prefix are "
                "for another one. Nothing was changed.",
                "Omit them, or give the address, too: --host NAME",
                key="host-missing",
            )
        return None, None
    route = Route(hosts=check_hosts(given.hosts), path_prefix=check_path_prefix(given.path_prefix, "--path-prefix /x"))
    return https.chosen(route, given.tls, given.certificate, given.private_key, machine, as_json)


def _keeping(kept: KeptPlan) -> Callable[[Mapping[str, bytes]], None]:
    """The app's backups go to the same repository from now on, when and as often as they did."""
    from ..core.backup_plan import BackupPlan
    from ..core.model import ValidationError
    from . import wiring
    from .wiring_backups import plans

    def keep(documents: Mapping[str, bytes]) -> None:
        plan = kept.plan
        try:
            was = BackupPlan.read_json(documents["plan.json"])
            plan = was.changed(app=plan.app, repository=plan.repository, is_local=False)
        except (KeyError, ValidationError):
            pass  # of a snapshot without one, or of another version
        plans(wiring.home()).keep(kept.changed(plan=plan.changed(since=wiring.now())))

    return keep


def _without_backups(world: World, name: str) -> Callable[[Mapping[str, bytes]], None]:
    return lambda documents: world.report.note(
        f"Backups of {name} are not set up. To do so: discode backup setup {name} --to PLACE"
    )


def _seat(given: Given) -> Callable[[Installation, Mapping[str, bytes]], None]:
    """A copy is an installation of its own, and so is its seat. Raises Refused where none is free."""

    def take(installation: Installation, documents: Mapping[str, bytes]) -> None:
        from . import license_key, wiring

        licenses = wiring.licenses()
        known = licenses.of(given.app) or licenses.read(documents.get("license.json"))
        key = license_key.given(given.license_file) or (known.key if known else None)
        if key is None or "://" not in installation.source:
            return
        hub, product = known.hub if known else installation.source, installation.release.vendors_name
        try:
            licenses.activate(given.name, hub, key, product=product)
        except Refused as error:
            if error.name != "no-seat":
                raise
            raise Refused(
                f"{given.name} is another installation and needs a seat of the license of its own, and all are in use. "
                "Nothing was changed.",
                "Ask the vendor for another seat, or give another license key: --license-file FILE",
                key="no-seat",
            ) from error

    return take
