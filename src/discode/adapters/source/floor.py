"""The versions below which nothing of a source is believed: a lost cache cannot be rolled back.

floor.json    the highest version seen of each role
online.json   the ids of the keys that its timestamp and snapshot were signed with then

A version counts against those who had the key that signed it. Once the vendor's root names other keys for timestamp or
snapshot, both begin anew (TUF specification 5.3.11): else a thief of the hub's key could sign a version of 10^9, and
every customer who saw it would refuse the vendor for good.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..files.disk import write_whole

ROLES = ("timestamp", "snapshot", "targets")
ONLINE = ("timestamp", "snapshot")  # those that the hub signs by itself
OnlineKeys = dict[str, list[str]]


class Floor:
    """In the folder where a source is trusted; `metadata` beside it is python-tuf's cache."""

    def __init__(self, trust: Path):
        self._floor, self._online = trust / "floor.json", trust / "online.json"
        self._root, self._metadata = trust / "root.json", trust / "metadata"

    def hold(self, brought: Mapping[str, int]) -> bool:
        """Make what is in the cache the floor, if it is as new as all that was seen and `brought`; whether it was."""
        seen = {role: version for role in ROLES if (version := self._version(role)) is not None}
        keys = _online_keys(_signed(self._metadata / "root.json"))
        known, known_keys = self._known(), self._known_keys()
        if keys != known_keys:
            known = {role: version for role, version in known.items() if role not in ONLINE}
        floor = {role: max(known.get(role, 0), brought.get(role, 0)) for role in {*known, *brought}}
        if any(seen.get(role, 0) < version for role, version in floor.items()):
            return False
        # In this order: killed in between, the floor begins anew once more, instead of never.
        if seen != known:
            write_whole(self._floor, json.dumps(seen).encode())
        if keys != known_keys or not self._online.exists():
            write_whole(self._online, json.dumps(keys).encode())
        return True

    def _version(self, role: str) -> int | None:
        with contextlib.suppress(KeyError, TypeError, ValueError):
            return int(_signed(self._metadata / f"{role}.json")["version"])
        return None

    def _known(self) -> dict[str, int]:
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            return {str(role): int(version) for role, version in json.loads(self._floor.read_bytes()).items()}
        return {}

    def _known_keys(self) -> OnlineKeys:
        """A floor that an earlier version of Discode wrote has none: it is from the time of the first root."""
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            told = json.loads(self._online.read_bytes())
            return {role: sorted(map(str, told[role])) for role in ONLINE if role in told}
        return _online_keys(_signed(self._root))


def _signed(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        signed = json.loads(path.read_bytes())["signed"]
        return signed if isinstance(signed, dict) else {}
    return {}


def _online_keys(root: Mapping[str, Any]) -> OnlineKeys:
    with contextlib.suppress(KeyError, TypeError):
        return {role: sorted(root["roles"][role]["keyids"]) for role in ONLINE}
    return {}
