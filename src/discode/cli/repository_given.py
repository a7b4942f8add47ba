"""A repository of backups that this machine does not know yet, as a customer gives it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..core.errors import UsageError
from .asking import can_ask, hidden
from .backup_setup import credentials_given, password_in

if TYPE_CHECKING:
    from .wiring_backups import KeptPlan

VARIABLE = "DISCODE_BACKUP_PASSWORD"
_NO_APP = "Your app was not touched."


def repository_at(
    address: str, app: str, password_file: str | None, credentials_file: str | None, as_json: bool
) -> KeptPlan:
    """Raises UsageError; what is typed is never repeated."""
    from ..core.backup_plan import BackupPlan
    from .backup_place import place_of
    from .wiring_backups import KeptPlan

    place = place_of(address)
    plan = BackupPlan(app=app, repository=place)
    credentials = credentials_given(plan, None, credentials_file)
    return KeptPlan(plan=plan, password=_password(place, password_file, as_json), credentials=credentials)


def _password(place: str, file: str | None, as_json: bool) -> str:
    if file is not None:
        return password_in(file)
    if given := os.environ.get(VARIABLE):
        return given
    if not can_ask(as_json):
        raise UsageError(
            f"The password of the repository at {place} is missing. Nothing was changed.",
            f"Give it: --password-file FILE, or in the environment: ${VARIABLE}",
            key="no-password",
        )
    return hidden(f"Password of the repository at {place}: ")


@contextmanager
def said_of(place: str, app: str) -> Iterator[None]:
    """What is wrong with the address or the password, in words for who has nothing set up here."""
    from ..core.backup_address import ssh_command
    from ..core.backup_errors import RepositoryLogin, RepositoryMissing, WrongPassword

    try:
        yield
    except WrongPassword as error:
        raise WrongPassword(
            f"The password does not open the repository {place}. Nothing was changed.",
            "Give the one that was shown when the repository was made: --password-file FILE. Where the app still runs "
            f"it is safe, and the password is there: discode backup password {app} --reveal. If it is lost, nobody can "
            "read what is in this repository.",
        ) from error
    except RepositoryMissing as error:
        raise RepositoryMissing(
            f"There is no repository at {place}. Nothing was changed.",
            "See that the address is right, and that its disk is mounted.",
        ) from error
    except RepositoryLogin as error:
        if ssh_command(place):  # there are no others than the keys of this user
            raise
        raise RepositoryLogin(
            f"{error.sentence.removesuffix(_NO_APP)}Nothing was changed.",
            "Give the login of the storage, as the machine of then had it, one NAME=value a line: --credentials-file "
            "FILE, or in the environment.",
        ) from error
