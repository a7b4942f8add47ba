"""The hub's refusals. Each has an HTTP status, a stable key for programs and a sentence for people.

HubError
  BadRequest         400/422  the request itself is wrong
  NotHttp            400      what came is no request at all
  Unauthorized       401      no credentials, or wrong ones
  Forbidden          403      known, but not allowed
  NotFound           404
  Conflict           409      contradicts what is stored: different content, a skipped version
  TooSlow            408
  TooLarge           413
  TooMany            429
  HeadTooLarge       431
  OutOfRoom          507      the disk or the database is full
  Unavailable        503      the database cannot be reached
"""

from __future__ import annotations

from typing import Any, ClassVar

from ..core.errors import DiscodeError


class HubError(DiscodeError):
    """`retry_after` is in seconds. On the hub's own command line this is a refusal."""

    status: ClassVar[int] = 500
    exit_code = 4
    retry_after: int | None = None

    def as_answer(self) -> dict[str, Any]:
        return {"error": {"key": self.name, "sentence": self.sentence, "next_step": self.next_step}}


class BadRequest(HubError):
    key, status = "invalid-request", 422


class NotHttp(HubError):
    key, status = "not-http", 400


class Unauthorized(HubError):
    key, status = "unauthorized", 401


class Forbidden(HubError):
    key, status = "forbidden", 403


class NotFound(HubError):
    key, status = "not-found", 404


class Conflict(HubError):
    key, status = "conflict", 409


class TooSlow(HubError):
    key, status = "too-slow", 408


class TooLarge(HubError):
    key, status = "too-large", 413


class TooMany(HubError):
    key, status = "too-many-requests", 429


class HeadTooLarge(HubError):
    key, status = "head-too-large", 431


class OutOfRoom(HubError):
    key, status = "disk-full", 507


class Unavailable(HubError):
    key, status = "database-unavailable", 503
    exit_code = 7
    retry_after = 5
