"""What `list` says: the edge's JSON, and kamal-proxy's table, which is coloured even in a pipe."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ...core.certificate import CertificateFailure, NameState
from ...core.errors import ProxyUnreachable
from ...ports.proxy import Mode, Serving
from .commands import endpoint_of

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Listed:
    """A service. `draining` counts requests that are still on an earlier endpoint; a table does not tell."""

    serving: Serving
    draining: int = 0


def parse_json(text: str) -> dict[str, Listed]:
    """Raises ProxyUnreachable when it makes no sense: then nothing is known of the routes."""
    with _understood(text):
        return {entry["name"]: _listed(entry) for entry in json.loads(text)["services"]}


def names(text: str) -> dict[str, NameState]:
    """By host, what the edge itself tells: why a CA gave no certificate the last time it was asked, and whether it is
    at it. Raises as `parse_json`."""
    with _understood(text):
        return {host: _name(told) for host, told in certificates(text).items()}


def authority(text: str) -> dict[str, Any] | None:
    """The CA that an edge goes by; None from one of an earlier version. Raises as `parse_json`."""
    with _understood(text):
        found = json.loads(text).get("authority")
        return None if found is None else dict(found)


def trusted(text: str) -> tuple[str, ...] | None:
    """The proxies in front that an edge trusts; None from one of an earlier version. Raises as `parse_json`."""
    with _understood(text):
        found = json.loads(text).get("trusted_proxies")
        return None if found is None else tuple(found)


def certificates(text: str) -> dict[str, dict[str, Any]]:
    """Of an edge's services with TLS, by host. Raises as `parse_json`."""
    with _understood(text):
        return {one["host"]: one for entry in json.loads(text)["services"] for one in entry.get("certificates", ())}


def token(text: str) -> str:
    """The edge's; empty of one of an earlier version. Raises as `parse_json`."""
    with _understood(text):
        return str(json.loads(text).get("token", ""))


def hosts(text: str) -> set[str]:
    """Of all services in a table. Raises ProxyUnreachable."""
    return {host for row in _rows(text) for host in row.get("host", "").split(",")}


def controller_pid(text: str) -> int:
    """The process id of the edge that answered."""
    with _understood(text):
        return int(json.loads(text)["controller"]["pid"])


def controller_start(text: str) -> tuple[str, str]:
    """What tells this start of the edge's controller from another one, and why its last upgrade failed, or nothing."""
    with _understood(text):
        controller = json.loads(text)["controller"]
        return str(controller["start"]), str(controller.get("failed_upgrade", ""))


def has_https_open(text: str) -> bool:
    """Whether the edge listens for HTTPS now. It does so until it is started again, once an app has had HTTPS."""
    with _understood(text):
        return bool(json.loads(text).get("https_is_open"))


def parse_table(text: str) -> dict[str, Listed]:
    """Cells are found by where the header's words begin: hosts may hold commas, and cells may be empty.

    Raises ProxyUnreachable when there is no header, or a row makes no sense.
    """
    with _understood(text):
        return {row["service"]: _row(row) for row in _rows(text)}


def _rows(text: str) -> list[dict[str, str]]:
    lines = [line for line in (_COLOUR.sub("", line) for line in text.splitlines()) if line.strip()]
    header = next((number for number, line in enumerate(lines) if line.split()[0].lower() == "service"), None)
    if header is None:
        raise _garbled(text)
    columns = _columns(lines[header])
    return [_cells(columns, line) for line in lines[header + 1 :]]


def _listed(entry: dict[str, Any]) -> Listed:
    serving = Serving(
        endpoint_of(entry["targets"][0]), Mode(entry["state"]), is_secure=bool(entry.get("tls")),
        hosts=tuple(entry.get("hosts", ())), path_prefix=next(iter(entry.get("paths", ())), "/"),
        redirects=entry.get("redirects"),
    )  # fmt: skip
    return Listed(serving, int(entry["draining"]))


def _row(row: dict[str, str]) -> Listed:
    target, hosts = endpoint_of(row["target"].split(",")[0]), row.get("host", "*")
    path = row.get("path", "").split(",")[0]
    return Listed(
        Serving(
            target, Mode(row["state"]), is_secure=row.get("tls") == "yes",
            hosts=() if hosts in ("", "*") else tuple(hosts.split(",")), path_prefix=path or "/",
        )
    )  # fmt: skip


def _name(told: dict[str, Any]) -> NameState:
    is_due = told.get("source") == "acme" and not told.get("of_this_directory")
    return NameState(told["host"], None, _failure(told), is_awaited=is_due or bool(told.get("under_way")))


def _failure(told: dict[str, Any]) -> CertificateFailure | None:
    """An edge of an earlier version tells neither the kind nor how often."""
    if not told.get("error"):
        return None
    next_try = datetime.fromisoformat(told["next_try"]).timestamp() if told.get("next_try") else None
    return CertificateFailure(str(told.get("kind") or "refused"), told["error"], next_try, int(told.get("count") or 1))


def _columns(header: str) -> dict[str, slice]:
    """Where each column is, by its title in lower case."""
    titles = list(re.finditer(r"\S+", header))
    ends: list[int | None] = [*(title.start() for title in titles[1:]), None]
    return {title[0].lower(): slice(title.start(), end) for title, end in zip(titles, ends, strict=True)}


def _cells(columns: dict[str, slice], line: str) -> dict[str, str]:
    return {title: line[where].strip() for title, where in columns.items()}


@contextmanager
def _understood(text: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise _garbled(text) from error


def _garbled(text: str) -> ProxyUnreachable:
    return ProxyUnreachable(
        f"The proxy's list cannot be understood ({text.strip()[:60]!r}). Its routes are unknown and stay as they are.",
        "See which proxy this is: discode proxy status. To replace it: discode proxy update",
        key="proxy-garbled",
    )
