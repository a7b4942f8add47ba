"""`discode backup setup`: where an app's backups go, and with which password.

Order of a new repository: the password is shown and confirmed as kept, then the repository is made, then both are kept
on this machine. Killed in between, the setup is typed again with the password that was shown.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core.errors import StateError, UsageError
from .options import App, Json
from .output import emit

if TYPE_CHECKING:
    from ..core.backup_plan import BackupPlan
    from ..flows.world import World
    from .wiring_backups import KeptPlan


def _keeping(which: str) -> Any:
    return typer.Option(min=0, max=1000, metavar="N", show_default=False, help=f"Keep {which}.")


To = Annotated[
    str | None,
    typer.Option(
        "--to", metavar="PLACE", show_default=False,
        help="A path, or sftp:user@host:/path, s3:https://host/bucket, rest:https://host/, rclone:remote:path.",
    ),
]  # fmt: skip
PasswordFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", show_default=False,
        help="The password of a repository that is there, or yours for a new one; - reads standard input.",
    ),
]  # fmt: skip
CredentialsFile = Annotated[
    str | None,
    typer.Option(
        metavar="FILE", show_default=False,
        help="How the storage is asked, such as AWS_ACCESS_KEY_ID=…, one a line. Default: the environment.",
    ),
]  # fmt: skip
KeepLast = Annotated[int | None, _keeping("the newest N snapshots")]
KeepDaily = Annotated[int | None, _keeping("one of each of the last N days")]
KeepWeekly = Annotated[int | None, _keeping("one of each of the last N weeks")]
KeepMonthly = Annotated[int | None, _keeping("one of each of the last N months")]


class BeforeUpdates(Enum):
    ON, OFF, TRY = "on", "off", "try"


Before = Annotated[
    BeforeUpdates | None,
    typer.Option(
        show_default=False,
        help="A snapshot before each update and rollback: on; off; or try, which goes on without one.",
    ),
]


def setup(
    name: App,
    to: To = None,
    password_file: PasswordFile = None,
    credentials_file: CredentialsFile = None,
    kept: Annotated[
        bool, typer.Option("--yes-i-kept-it", help="Print the new password, and do not ask whether it is kept.")
    ] = False,
    before_updates: Before = None,
    keep_last: KeepLast = None,
    keep_daily: KeepDaily = None,
    keep_weekly: KeepWeekly = None,
    keep_monthly: KeepMonthly = None,
    as_json: Json = False,
) -> None:
    """Choose where backups of an app go, or change how they are made.

    A new repository gets a password, which is shown once. Keep it away from this machine: without it nobody can read
    the backups. A repository that is there is joined with its own.

    \b
        discode backup setup myapp --to /mnt/disk/myapp
        discode backup setup myapp --to s3:https://s3.example.com/bucket \\
            --credentials-file s3.env
        discode backup setup myapp --before-updates off
    """
    from . import wiring
    from .wiring_backups import plans

    world = wiring.world(as_json, "discode backup setup")
    world.installed(name)
    keeps = {"last": keep_last, "daily": keep_daily, "weekly": keep_weekly, "monthly": keep_monthly}
    with world.store.backing_up(name):
        before = _known(name, world)
        plan = _planned(world, name, before, to)
        plan = _with_options(plan, before_updates, {which: n for which, n in keeps.items() if n is not None})
        if before is not None and plan.repository == before.plan.repository and not (password_file or credentials_file):
            same = _Joining(world, plan, before.credentials, as_json=as_json)
            if to is not None:  # it may be gone, or never have been made
                same.with_password(before.password)
            plans(wiring.home()).keep(before.changed(plan=plan))
            _tell(plan, "", "created" if same.is_new else "changed", as_json)
            return
        joined = _Joining(world, plan, credentials_given(plan, before, credentials_file), as_json=as_json)
        given = password_in(password_file) if password_file else None
        password = joined.with_password(given) if given else joined.found_out(kept=kept)
        plans(wiring.home()).keep(joined.plan_with(password))
    shown = password if joined.is_new and kept and not given else ""
    _tell(plan, shown, "created" if joined.is_new else "joined", as_json, before.plan.repository if before else "")


def _known(name: str, world: World) -> KeptPlan | None:
    """A damaged plan is set up anew. Raises StateError for one of a newer Discode."""
    from . import wiring
    from .wiring_backups import plans

    try:
        return plans(wiring.home()).of(name)
    except StateError as error:
        if error.name == "newer-schema":
            raise
        world.report.note(f"{error.sentence} It is written anew.")
        return None


def local_plan(world: World, name: str) -> None:
    """A repository in Discode's own folder, for who has not chosen one. Its password is kept there, too, before it is
    made: nobody has seen it."""
    from . import wiring
    from .wiring_backups import KeptPlan, backups, new_password, plans

    with world.store.backing_up(name):
        kept = KeptPlan(plan=_planned(world, name, None, None), password=new_password())
        made = backups(wiring.home(), kept)
        plans(wiring.home()).keep(kept)
        try:
            made.create()
        except BaseException:
            plans(wiring.home()).forget(name)
            raise
    world.report.note(
        f"Backups of {name} are kept in {kept.plan.repository}, on this machine: they do not outlive its disk. To keep "
        f"them elsewhere: discode backup setup {name} --to PLACE"
    )


def _planned(world: World, name: str, before: KeptPlan | None, to: str | None) -> BackupPlan:
    from ..core.backup_plan import BackupPlan
    from . import wiring
    from .backup_place import check_place, place_of
    from .wiring_backups import plans

    if to is None and before is not None:
        return before.plan
    local = str(plans(wiring.home()).local(name))
    place = place_of(to) if to is not None else local
    if place != local and (before is None or place != before.plan.repository):
        check_place(world, name, place, wiring.home())
    old = before.plan if before else BackupPlan(app=name, repository=place)
    return old.changed(repository=place, is_local=place == local, since=world.clock.now())


def _with_options(plan: BackupPlan, before_updates: BeforeUpdates | None, keeps: Mapping[str, int]) -> BackupPlan:
    try:
        retention = type(plan.retention).checked(**{**plan.retention.as_dict(), **keeps})
    except ValueError:
        raise UsageError(
            "Nothing would be kept. Nothing was changed.", "Keep some: --keep-last 5 --keep-daily 7"
        ) from None
    wanted = before_updates.value if before_updates else plan.before_updates
    return plan.changed(retention=retention, before_updates=wanted)


class _Joining:
    """A repository that is made, or joined."""

    def __init__(self, world: World, plan: BackupPlan, credentials: Mapping[str, str], *, as_json: bool):
        self._world, self._plan, self._credentials, self._as_json = world, plan, credentials, as_json
        self.is_new = False

    def plan_with(self, password: str) -> KeptPlan:
        from .wiring_backups import KeptPlan

        return KeptPlan(plan=self._plan, password=password, credentials=dict(self._credentials))

    def with_password(self, password: str) -> str:
        """Joined by it, or made with it. Raises WrongPassword."""
        if not self._is_there(password):
            self._create(password)
        return password

    def found_out(self, *, kept: bool) -> str:
        """The password: a new one where there is no repository yet, else the one that is asked for."""
        from ..core.backup_address import beside
        from ..core.backup_errors import WrongPassword
        from .asking import can_ask, hidden
        from .wiring_backups import new_password

        made = new_password()
        try:
            is_there = self._is_there(made)
        except WrongPassword:
            is_there = True
        if not is_there:
            if not kept:
                _confirm_kept(made, self._plan, self._as_json)
            self._create(made)
            return made
        if not can_ask(self._as_json):
            raise UsageError(
                f"There is a repository at {self._plan.repository} already. Nothing was changed.",
                "Give the password that was shown when it was made: --password-file FILE. If it is lost, nobody "
                "can read what is in there, if anything is; choose another place: discode backup setup "
                f"{self._plan.app} --to {shlex.quote(beside(self._plan.repository))}",
                key="repository-exists",
            )
        return self.with_password(hidden(f"Password of the repository at {self._plan.repository}: "))

    def _is_there(self, password: str) -> bool:
        """Finding none, or one with another password, is no failure of the look. Raises WrongPassword."""
        from ..core.backup_errors import RepositoryMissing, WrongPassword
        from . import wiring
        from .wiring_backups import backups

        other: WrongPassword | None = None
        with self._world.steps()("repository", f"Looking for a repository at {self._plan.repository}"):
            try:
                backups(wiring.home(), self.plan_with(password)).look()
            except RepositoryMissing:
                return False
            except WrongPassword as error:
                other = error
        if other is not None:
            raise other
        return True

    def _create(self, password: str) -> None:
        from . import wiring
        from .wiring_backups import backups

        with self._world.steps()("create", "Making the repository"):
            backups(wiring.home(), self.plan_with(password)).create()
        self.is_new = True


def _confirm_kept(password: str, plan: BackupPlan, as_json: bool) -> None:
    """Typed back in part. Raises UsageError where nobody can be asked."""
    from .asking import can_ask, shown

    if not can_ask(as_json):
        raise UsageError(
            "The new repository gets a password, and somebody has to keep it: without it nobody can read the backups. "
            "Nothing was changed.",
            "Run the command on a terminal; or add --yes-i-kept-it, which prints it; or give your own: --password-file "
            "FILE",
            key="password-not-kept",
        )
    typer.echo(
        f"The password of the backups of {plan.app}, shown this once:\n\n    {password}\n\nKeep it away from this "
        "machine. Without it nobody can read the backups, and nobody can help.",
        err=True,
    )
    last = password.rpartition("-")[2]
    while shown("Type its last group to confirm that you have kept it: ").strip().lower() != last:
        typer.echo("That is not its last group.", err=True)


def credentials_given(plan: BackupPlan, before: KeptPlan | None, file: str | None) -> dict[str, str]:
    """How the storage is asked. Those of before stay for the same repository."""
    from ..core.backup_address import credentials_in

    known = dict(before.credentials) if before and before.plan.repository == plan.repository else {}
    found = {**known, **credentials_in(os.environ, plan.repository)}
    if file is not None:
        from ..core.settings_file import parse_settings

        found |= parse_settings(_read(file, "credentials"), file)
    return found


def password_in(file: str) -> str:
    """Of a file with nothing else in it. Raises UsageError."""
    text = _read(file, "password").decode("utf-8-sig", "replace").splitlines()
    if not text or not text[0].strip() or any(line.strip() for line in text[1:]):
        raise UsageError(
            f"The password file {file} does not have one line with a password. Nothing was changed.",
            "Put the password alone into it, on one line.",
        )
    return text[0]


def _read(file: str, what: str) -> bytes:
    from ..disk.given_secret import NotPrivate, read_private

    if file == "-":
        return sys.stdin.buffer.read(1 << 16)
    try:
        return read_private(file)
    except NotPrivate as error:
        raise UsageError(f"The {what} file {file} is not yours alone: {error.strerror}.", error.remedy) from error
    except OSError as error:
        raise UsageError(f"The {what} file {file} cannot be read: {error.strerror}.", "Give another.") from error


_DONE = {
    "created": "Backups of {app} go to the new repository {place}.",
    "joined": "Backups of {app} go to the repository {place}, which was there already.",
    "changed": "Backups of {app} go to {place}, as before.",
}
_UPDATES = {
    "on": "Every update takes a snapshot first, and does not begin without one.",
    "try": "Every update takes a snapshot first, and begins without one when that fails.",
    "off": "Updates take no snapshot.",
}


def _tell(plan: BackupPlan, password: str, outcome: str, as_json: bool, left: str = "") -> None:
    """`left`: where they went until now."""
    told: dict[str, Any] = {
        "result": outcome, "app": plan.app, "repository": plan.repository, "local": plan.is_local,
        "before_updates": plan.before_updates, "retention": plan.retention.as_dict(), "password": password or None,
    }  # fmt: skip
    lines = [_DONE[outcome].format(app=plan.app, place=plan.repository)]
    if plan.is_local:
        lines.append("It is on this machine, and does not outlive its disk; to choose another place: --to PLACE")
    if password:
        lines.append(f"Its password, shown this once: {password}")
    lines += [_UPDATES[plan.before_updates], f"Kept: {plan.retention}."]
    if left and left != plan.repository:
        lines.append(
            f"Earlier snapshots stay in {left}. To list or restore those, set that up again, with its password."
        )
    if outcome != "changed":
        lines.append(f"Take the first snapshot: discode backup now {plan.app}")
    emit(told, "\n".join(lines), as_json=as_json)
