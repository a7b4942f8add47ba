"""What a customer is told of the host names that they typed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

SkipChecks = Annotated[
    bool, typer.Option("--skip-checks", help="Go on where DNS says that a host name does not lead here.")
]


def checked(hosts: Sequence[str]) -> tuple[str, ...]:
    """Of a command that takes them as words, and not with an option. Raises UsageError."""
    from ..core.errors import UsageError
    from ..core.host_names import check_hosts

    try:
        return check_hosts(hosts)
    except UsageError as error:  # which speaks of the option of an install
        raise UsageError(error.sentence, error.next_step.replace("--host ", ""), key=error.name) from None


def tell_international(hosts: Iterable[str], as_json: bool) -> None:
    """By which name DNS knows it: it is the one to add a record for, and what other commands show."""
    from ..core.host_names import shown
    from .progress import report_for

    for host in hosts:
        if shown(host) != host:
            report_for(as_json).note(f"In DNS: {shown(host)}")
