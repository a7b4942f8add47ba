"""Background chores of a running hub: renewing signatures in time, deleting uploads that were never published, and
warning of what ends."""

from __future__ import annotations

import asyncio
import logging
from functools import partial

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from ..core.ends import DAY
from ..core.errors import DiscodeError
from .ends import all_ends
from .hub import Hub
from .models import Blob, Target
from .rollouts import drop_surplus
from .signing import one_at_a_time, sign_when_due

EVERY = 600.0  # seconds
ABANDONED = 86400.0  # seconds after which an upload without a release is deleted
_log = logging.getLogger("discode.hub")


def do_chores(hub: Hub) -> None:
    if sign_when_due(hub):
        _log.info("signed again")
    if dropped := drop_abandoned(hub):
        _log.info("deleted abandoned uploads", extra={"fields": {"count": dropped}})
    if dropped := drop_surplus(hub):
        _log.info("deleted the oldest reports without a license", extra={"fields": {"count": dropped}})


class Warnings:
    """In the log, 60, 30 and 7 days before an end and daily from then on: see `discode.core.ends`."""

    def __init__(self, hub: Hub):
        self._hub = hub
        self._told: dict[str, tuple[int, float]] = {}

    def tell(self) -> None:
        now = self._hub.now()
        for end in all_ends(self._hub):
            if (step := end.step(now)) is None:
                continue
            told_step, told_at = self._told.get(end.what, (None, 0.0))
            if step != told_step or now - told_at >= DAY:
                self._told[end.what] = step, now
                level = logging.ERROR if step <= 7 else logging.WARNING
                _log.log(level, end.sentence(now), extra={"fields": {"next": end.next_step}})


def drop_abandoned(hub: Hub) -> int:
    with hub.database.write() as session:
        one_at_a_time(session)
        named = select(Target.sha256)
        old = select(Blob).where(Blob.at < hub.now() - ABANDONED, Blob.sha256.not_in(named))
        blobs = list(session.scalars(old))
        for blob in blobs:
            session.delete(blob)
            hub.storage.remove(blob.sha256)
        return len(blobs)


async def keep_doing_chores(hub: Hub) -> None:
    warnings = Warnings(hub)
    while True:
        for chore in (partial(do_chores, hub), warnings.tell):
            try:
                await run_in_threadpool(chore)
            except (DiscodeError, OSError) as error:
                _log.error("chores failed", extra={"fields": {"error": str(error)}})  # again after the pause
        await asyncio.sleep(EVERY)
