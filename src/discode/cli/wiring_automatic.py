"""Automatic updates set up on this host, and what was found last. Knows the adapters, like `wiring`."""

from __future__ import annotations

from pathlib import Path

from ..adapters.files.automatic_plans import AutomaticPlans, is_on

__all__ = ["is_on", "local_zone", "plans"]


def plans(home: Path) -> AutomaticPlans:
    return AutomaticPlans(home)


def local_zone() -> str:
    from ..adapters.time_zone import local_zone

    return local_zone()
