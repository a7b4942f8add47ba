"""Background chores of a running hub: renewing signatures in time, and deleting uploads that were never published."""

from __future__ import annotations

import asyncio
import logging

from sqlalchemy import select
from starlette.concurrency import run_in_threadpool

from ..core.errors import DiscodeError
from .hub import Hub
from .models import Blob, Target
from .signing import one_at_a_time, sign_when_due

EVERY = 600.0  # seconds
ABANDONED = 86400.0  # seconds after which an upload without a release is deleted
_log = logging.getLogger("discode.hub")


def do_chores(hub: Hub) -> None:
    if sign_when_due(hub):
        _log.info("signed again")
    if dropped := drop_abandoned(hub):
        _log.info("deleted abandoned uploads", extra={"fields": {"count": dropped}})


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
    while True:
        try:
            await run_in_threadpool(do_chores, hub)
        except (DiscodeError, OSError) as error:
            _log.error("chores failed", extra={"fields": {"error": str(error)}})  # again after the pause
        await asyncio.sleep(EVERY)
