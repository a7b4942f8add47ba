"""Where the flows meet the world: the only file of the command line, with its siblings, that knows the adapters."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError, UsageError
from ..core.login import no_login
from ..flows.world import World
from .progress import report_for
from .wiring_host import Host

if TYPE_CHECKING:
    from ..adapters.files import Accesses
    from ..adapters.source import HubReports, Licenses
    from ..core.installation import Installation
    from ..core.release import Index


def home() -> Path:
    """$DISCODE_HOME, or /var/lib/discode as root, or discode below $XDG_STATE_HOME."""
    if given := os.environ.get("DISCODE_HOME"):
        return Path(given).absolute()
    if os.geteuid() == 0:
        return Path("/var/lib/discode")
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "discode"


def host(as_json: bool = False) -> Host:
    from ..adapters.files import FileStore

    store = FileStore(home(), "discode")
    return Host(home(), report_for(as_json).note, lambda: bool(store.apps()))


def world(as_json: bool, command: str, *, pin: str | None = None, on: Host | None = None) -> World:
    """All ports over this host. `command` is what the user runs; `pin` the fingerprint of the only root to trust;
    `on` the host when the command has one already."""
    from ..adapters.backups import HostRepositories
    from ..adapters.files import FileStore
    from ..adapters.source import FileSources, HubReports
    from ..adapters.system import RealClock, RealSystem

    place, report = home(), report_for(as_json)
    store = FileStore(place, command, report.note)
    sources = FileSources(place, pin=pin, note=report.note)
    machine = on or host(as_json)
    return World(
        store, sources, machine, RealSystem(), RealClock(), report, machine.names(), HostRepositories(place),
        HubReports(place),
    )  # fmt: skip


def now() -> float:
    """Unix time."""
    from ..adapters.system import RealClock

    return RealClock().now()


def is_left_alone() -> bool:
    """In the guard of a command: waits until that one is done (False) or dead (True)."""
    from ..adapters.guard import is_needed

    return is_needed(sys.stdin.buffer)


def reports() -> HubReports:
    """What is told to vendors of updates here, where the customer agreed."""
    from ..adapters.source import HubReports

    return HubReports(home())


def licenses() -> Licenses:
    """The licenses of this machine."""
    from ..adapters.source import Licenses

    return Licenses(home())


def accesses() -> Accesses:
    """How the sources of this machine's apps are asked."""
    from ..adapters.files import Accesses

    return Accesses(home())


def index_seen(installation: Installation) -> Index | None:
    """That of an app, as it was when somebody last asked its source."""
    from ..adapters.files.seen import index_seen

    return index_seen(home(), installation.app, installation.source, installation.release.vendors_name)


def source(given: str | None, on: Host) -> str:
    """The one that was given, or the machine's own. Raises UsageError when there is none.

    A folder's path counts from anywhere; an address stays as it is.
    """
    place = given or on.config.source
    if not place:
        raise UsageError(
            "No source of releases was given.", "Give a folder or a web address: --from https://hub.example.com"
        )
    return place if "://" in place else str(Path(place).absolute())


def hub_of(app: str) -> str:
    """Where this machine has the app from, or else what it has all from. Raises UsageError when that is no hub."""
    from ..adapters.files import FileStore

    with suppress(DiscodeError):  # a license that is damaged is to be given again
        if (license := licenses().of(app)) is not None:
            return license.hub
    installation = FileStore(home()).installation(app)
    place = installation.source if installation else host().config.source
    if "://" not in place:
        raise UsageError(
            f"It is not known which hub the license of {app} is from.",
            f"Name it: discode license activate {app} --hub https://hub.example.com",
        )
    return place


def product_of(app: str) -> str:
    """What its vendor calls it; empty for the name that it has here."""
    from ..adapters.files import FileStore

    installation = FileStore(home()).installation(app)
    return installation.release.product if installation else ""


def trust(address: str, roots: Sequence[Path], targets_version: int) -> None:
    """Trust a source's first root and those after it, and nothing older; make it the machine's own source."""
    from ..adapters.source import give

    base = no_login(address).rstrip("/")
    try:
        data = [root.read_bytes() for root in roots]
    except OSError as error:
        raise UsageError(
            f"{error.filename} cannot be read: {error.strerror}.", "Give the vendor's root: --root FILE"
        ) from error
    give(home(), base, data, targets_version)
    machine = host()
    machine.save(replace(machine.config, source=base))
