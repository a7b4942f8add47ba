"""What `discode doctor` says of the certificates of the apps that run.

BAD    a name has none, or one that no client believes; or its end is near and its renewal has failed for so long
warn   its end is near; or a renewal has failed, and there is time left
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from .finding import Finding

if TYPE_CHECKING:
    from ..core.certificate import NameState
    from ..core.https import Https
    from ..core.installation import Installation
    from ..flows.look import Sight


def examine_https(installed: Sequence[Installation], sights: Iterable[Sight]) -> Iterator[Finding]:
    """One for each app with HTTPS that runs and could be seen: what cannot be is told of elsewhere."""
    for installation, sight in zip(installed, sights, strict=True):
        if installation.state == "running" and sight.https is not None and sight.https.names:
            yield _finding(installation, sight.https)


def _finding(installation: Installation, https: Https) -> Finding:
    app, warnings = installation.app, https.warnings()
    is_bad = any(not one.is_proved or (https.warning(one) and one.failure) for one in https.names)
    late = [f"{one.host}: the last renewal failed: {why}." for one in https.names if (why := _fails(https, one))]
    detail = " ".join([*warnings, *late]) or ", ".join(_described(https, one) for one in https.names)
    return Finding(
        f"{app} https", not is_bad, detail, _next_step(installation, https), warns=bool(warnings or late) and not is_bad
    )


def _fails(https: Https, one: NameState) -> str:
    """Its renewal, with time left: what is urgent is among the warnings."""
    return one.failure.reason if one.failure and not https.warning(one) else ""


def _described(https: Https, one: NameState) -> str:
    found = one.certificate
    return f"{one.host} by {found.issuer}, {found.days_left(https.now)} days left" if found else one.host


def _next_step(installation: Installation, https: Https) -> str:
    app = installation.app
    if any(https.state(one) in ("expired", "not yet valid") for one in https.names):
        return f"If this machine's clock is wrong, set it: timedatectl set-ntp true. Else see: discode status {app}"
    if installation.route.tls == "own":
        return f"Get another certificate, then: discode certificate set {app} --certificate FILE --private-key FILE"
    if failing := [one.host for one in https.names if one.failure]:
        return f"Put that right; to have it tried at once: discode proxy renew {failing[0]}"
    return f"The proxy goes on trying. To see how it stands: discode status {app}"
