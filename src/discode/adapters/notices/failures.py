"""Why a message was not taken, by the type of the error: never by its text, in which the address stands."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator

_STATUSES = {
    400: "it does not understand the request (400): the address may be wrong",
    401: "it refuses the login or the token (401)",
    403: "it refuses the login or the token (403)",
    404: "there is nothing at that address (404)",
    410: "there is nothing at that address any more (410)",
    429: "it has had too many messages for now (429)",
}


def explained(error: BaseException) -> str:
    """A part of a sentence."""
    for one in _chain(error):
        if (words := _of(one)) is not None:
            return words
    return "the connection failed"


def of_status(status: int) -> str:
    if status in _STATUSES:
        return _STATUSES[status]
    return f"it has trouble of its own ({status})" if status >= 500 else f"it answers with {status}"


def _of(error: BaseException) -> str | None:
    match error:
        case smtplib.SMTPAuthenticationError():
            return "the mail server refuses the login"
        case smtplib.SMTPRecipientsRefused():
            return "the mail server does not take mail for that recipient"
        case smtplib.SMTPSenderRefused():
            return f"the mail server does not take mail from that sender ({error.smtp_code})"
        case smtplib.SMTPNotSupportedError():
            return "the mail server knows no login, or no encryption, where the address wants it"
        case smtplib.SMTPResponseException():
            return f"the mail server refuses it ({error.smtp_code})"
        case smtplib.SMTPServerDisconnected():
            return "the mail server ended the connection"
        case ssl.SSLCertVerificationError():
            return f"its certificate is not trusted by this machine ({error.verify_message})"
        case ssl.SSLError():
            return "it does not speak TLS at that port"
        case socket.gaierror():
            return "there is no host of that name, or no DNS"
        case ConnectionRefusedError():
            return "nothing listens there (connection refused)"
        case TimeoutError():
            return "no answer in time"
        case OSError() if error.errno and type(error).__module__ == "builtins":
            return f"it cannot be reached ({error.strerror})"
    return "no answer in time" if type(error).__name__ in ("ConnectTimeout", "ReadTimeout") else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error, and what it was made of: libraries wrap it in several ways."""
    seen: set[int] = set()
    left: list[object] = [error]
    while left:
        one = left.pop(0)
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        left += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]
