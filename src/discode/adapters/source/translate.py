"""What python-tuf raises, in our words: by type, the narrowest first."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tuf.api import exceptions as tuf

from ...core.clocks import clock_is_off
from ...core.errors import DiscodeError, Refused, SourceUnreachable, TrustError
from ..clock import off_by
from .fetcher import NoReleases, SourceRefused

_UNTOUCHED = "Nothing was changed; your app was not touched."
_TELL = "Tell the vendor. Only the vendor can sign releases, and the vendor did not sign this."


@contextmanager
def translated(app: str, source: str, what: str) -> Iterator[None]:
    """`what` was being read: "metadata", "the index", …"""
    try:
        yield
    except (tuf.DownloadError, tuf.RepositoryError) as error:
        raise _translate(error, app, source, what) from error


def _translate(error: Exception, app: str, source: str, what: str) -> DiscodeError:
    match error:
        case tuf.ExpiredMetadataError():
            return _expired(app, source)
        case tuf.EqualVersionNumberError() | tuf.BadVersionNumberError():
            return TrustError(
                f"{source} offers older releases of {app} than this machine has seen. {_UNTOUCHED}",
                "Try again later. If it persists, tell the vendor: somebody may be replaying old files.",
                key="metadata-rollback",
            )
        case tuf.UnsignedMetadataError():
            return TrustError(
                f"The {what} of {app} is not signed by the vendor. {_UNTOUCHED}", _TELL, key="signature-invalid"
            )
        case tuf.LengthOrHashMismatchError() | tuf.DownloadLengthMismatchError():
            return TrustError(f"The {what} of {app} was altered. {_UNTOUCHED}", _TELL, key="content-altered")
        case NoReleases(sent=sent):
            return SourceUnreachable(
                f"What answers at {source} has no releases: it sent {sent} in place of the {what} of {app}. "
                f"{_UNTOUCHED}",
                "Check the address. A network that wants a login first, or a filter, can answer in its place.",
                key="no-hub",
            )
        case SourceRefused(key=key, sentence=sentence, next_step=next_step):
            return Refused(f"{sentence} Nothing was changed.", next_step, key=key)
        case tuf.DownloadHTTPError(status_code=401):
            return Refused(
                f"{source} wants a name and a password, and does not accept the ones that it got, if any. {_UNTOUCHED}",
                "Give them in a file of one line, NAME:PASSWORD, with the option --from-credentials-file FILE.",
                key="source-login",
            )
        case tuf.DownloadHTTPError(status_code=404):
            return SourceUnreachable(
                f"{source} has no {what} of {app}. {_UNTOUCHED}",
                "Check the address or the folder: it must contain metadata/ and targets/.",
                key="source-incomplete",
            )
        case tuf.DownloadError():
            return SourceUnreachable(
                f"{source} cannot be reached: {error}. {_UNTOUCHED}", "Check the network, then run the command again."
            )
        case _:
            return TrustError(
                f"The {what} of {app} failed verification: {error}. {_UNTOUCHED}", _TELL, key="metadata-invalid"
            )


def _expired(app: str, source: str) -> TrustError:
    """By this machine's clock: where that is ahead of the source's, it is to blame."""
    if (seconds := off_by(source) or 0.0) > 0:
        what = f"By it the vendor's signatures on the releases of {app} have expired, so updates are blocked."
        return clock_is_off(seconds, source, f"{what} {_UNTOUCHED}")
    # A folder tells no time to compare with.
    check = (
        "" if "://" in source else f"Check this machine's clock: it says {time.strftime('%Y-%m-%d')}. If it is right: "
    )
    return TrustError(
        f"The vendor's signature on the releases of {app} has expired, so updates are blocked. {_UNTOUCHED}",
        f"{check}{'a' if check else 'A'}sk the vendor to sign again (discode release renew).",
        key="metadata-expired",
    )
