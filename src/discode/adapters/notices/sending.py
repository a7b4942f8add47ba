"""Send a message by Apprise. It answers yes or no, and logs why: with the address, tokens and all, in its words. So its
log goes nowhere, and the cause is told by the exception that was being handled when it wrote to it, or by the status
that a web server gave."""

from __future__ import annotations

import logging
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...core.errors import Refused, Unreachable, UsageError
from ...core.notice import Message
from ...core.notice_address import scheme_of, shown
from .failures import explained, of_status

if TYPE_CHECKING:
    from apprise import NotifyBase

DEADLINE = 90.0  # seconds for one message: a service that takes it byte by byte must not keep the others waiting
_STATUS = re.compile(r"error=(\d{3})\b")
_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem")


def check(url: str) -> None:
    """Whether Apprise understands the address: nothing is sent. Raises UsageError, which does not repeat it."""
    _opened(url)


def send(url: str, message: Message, deadline: float = DEADLINE) -> None:
    """Raises Unreachable when it was not taken, Refused for an address that cannot be right."""
    try:
        service = _opened(url)
    except UsageError as error:
        raise Refused(error.sentence, error.next_step, key=error.name) from error
    answer: list[bool] = []
    with _causes() as causes:
        worker = threading.Thread(target=lambda: answer.append(_notify(service, message)), daemon=True)
        worker.start()
        worker.join(deadline)
    if answer == [True]:
        return
    why = f"no answer in {deadline:g} s" if not answer else (causes or ["the service did not take it"])[-1]
    raise Unreachable(
        f"{shown(url)} did not take the message: {why}.",
        "See that the address and its login are right, and that this machine reaches it.",
        key="notice-not-taken",
    )


def _notify(service: NotifyBase, message: Message) -> bool:
    from apprise import NotifyFormat, NotifyType

    try:
        return bool(
            service.notify(
                title=message.subject, body=message.body, notify_type=NotifyType(message.mood),
                body_format=NotifyFormat.TEXT,
            )
        )  # fmt: skip
    except Exception:  # noqa: BLE001 - a plugin's own, which names the address
        logging.getLogger("apprise").warning("It raised.")
        return False


def _opened(url: str) -> NotifyBase:
    scheme = scheme_of(url)
    _believe_the_machines_certificates()
    with _causes():  # it logs as it is imported, too
        service = _made(url)
    if service is None:
        raise _not_understood(scheme)
    return service


def _made(url: str) -> NotifyBase | None:
    try:
        from apprise import Apprise, AppriseAsset
        from apprise.common import OverflowMode
    except ModuleNotFoundError as error:
        raise Refused(
            "Notices need the library Apprise, which is not installed. Nothing was changed.",
            "Install it: pip install 'discode-selfhosted[notices]'",
            key="no-apprise",
        ) from error
    asset = AppriseAsset(app_id="Discode", app_desc="Discode", app_url="", secure_logging=True)
    service: Any = Apprise.instantiate(url, asset=asset, suppress_exceptions=True)
    if service is not None:
        service.overflow_mode = OverflowMode.SPLIT  # a service with short messages gets several, and all of it
    return service  # type: ignore[no-any-return]


def _not_understood(scheme: str) -> UsageError:
    from apprise.plugins import N_MGR

    if scheme in ("http", "https"):
        secure = "s" if scheme == "https" else ""
        return UsageError(
            "A web address alone does not say what is to be sent there. Nothing was changed.",
            f"For a webhook that takes JSON write json{secure}:// in the place of {scheme}://; for a service see "
            "https://appriseit.com/services/",
            key="notice-address",
        )
    if scheme not in N_MGR.schemas():  # type: ignore[no-untyped-call]
        return UsageError(
            f"No service for notices is called {scheme}://. Nothing was changed.",
            "It begins with a service, such as mailtos://, ntfys://, slack://, tgram:// or jsons://. All of them: "
            "https://appriseit.com/services/",
            key="notice-service",
        )
    plugin = N_MGR[scheme]
    return UsageError(
        f"The address is not as {plugin.service_name} needs it: something of it is missing or too much. Nothing was "
        "changed.",
        f"How it is written: {plugin.setup_url}",
        key="notice-address",
    )


@contextmanager
def _causes() -> Iterator[list[str]]:
    """Why it fails, in words of ours. Nothing that Apprise logs gets out, nor what a message logs that is late."""
    logger, handler = logging.getLogger("apprise"), _Causes()
    logger.handlers, logger.propagate = [handler], False
    logger.setLevel(logging.DEBUG)  # at which alone some errors are logged
    yield handler.found


class _Causes(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        error, status = sys.exc_info()[1], _STATUS.search(record.getMessage())
        if error is not None:
            self.found.append(explained(error))
        elif status is not None:
            self.found.append(of_status(int(status[1])))


def _believe_the_machines_certificates() -> None:
    """As all else here does, a company's among them: requests would believe its own list."""
    if not {"REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"} & set(os.environ):
        bundles = [os.environ.get("SSL_CERT_FILE", ""), *_BUNDLES]
        if found := next((one for one in bundles if one and Path(one).is_file()), None):
            os.environ["REQUESTS_CA_BUNDLE"] = found
