"""The health check before a switch: once immediately, then at the interval; the last result is reported.

HAProxy's own checks have their path in the configuration and report less; a deploy may use any path.
"""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor

from ...core.quantity import format_duration
from ..services.options import CommandError
from ..services.service import Health, Pool
from ..services.target import split


def wait_until_healthy(pool: Pool, check: Health, timeout: float) -> None:
    """Returns once every target has been healthy. Raises CommandError with the last result of those that were not."""
    deadline = time.monotonic() + timeout
    targets = list(dict.fromkeys(pool.all()))
    with ThreadPoolExecutor(len(targets)) as workers:
        seen = list(workers.map(lambda target: _until_healthy(target, check, deadline), targets))
    bad = [f"{target}: {what}" for target, what in zip(targets, seen, strict=True) if what]
    if bad:
        reasons = "\n  ".join(bad)
        raise CommandError(
            f"target failed to become healthy within configured timeout ({format_duration(timeout)})\n  {reasons}"
        )


def _until_healthy(target: str, check: Health, deadline: float) -> str:
    """Empty, or the last result."""
    while True:
        begun = time.monotonic()
        what = _look(target, check, min(check.timeout, max(deadline - begun, 0.05)))
        if not what:
            return ""
        if time.monotonic() + check.interval > deadline:
            time.sleep(max(deadline - time.monotonic(), 0))
            return what
        time.sleep(max(begun + check.interval - time.monotonic(), 0))


def _look(target: str, check: Health, timeout: float) -> str:
    host, port = split(target)
    connection = http.client.HTTPConnection(host, check.port or port, timeout=timeout)
    try:
        connection.request("GET", check.path, headers={"Host": check.host or target, "User-Agent": "discode-edge"})
        status = connection.getresponse().status
        return "" if 200 <= status < 300 else f"{status} at {check.path}"
    except TimeoutError:
        return f"no answer at {check.path} within {check.timeout:g} s"
    except (OSError, http.client.HTTPException) as error:
        return getattr(error, "strerror", None) or type(error).__name__
    finally:
        connection.close()
