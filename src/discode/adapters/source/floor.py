"""The versions below which nothing of a source is believed: a lost cache cannot be rolled back.

floor.json    the highest version seen of each role
online.json   the ids of the keys that each of them was signed with then

A version counts against those who had the key that signed it. Once the vendor's root names other keys for timestamp or
snapshot, both begin anew (TUF specification 5.3.11): else a thief of the hub's key could sign a version of 10^9, and
every customer who saw it would refuse the vendor for good. So do the targets, once the root names another key for them.
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
RoleKeys = dict[str, list[str]]


class Floor:
    """In the folder where a source is trusted; `metadata` beside it is python-tuf's cache."""

    def __init__(self, trust: Path):
        self._floor, self._online = trust / "floor.json", trust / "online.json"
        self._root, self._metadata = trust / "root.json", trust / "metadata"

    def hold(self, brought: Mapping[str, int], brought_root: bytes | None = None) -> bool:
        """Make what is in the cache the floor, if it is as new as all that was seen and `brought`; whether it was.

        `brought_root` names the keys that signed what was brought; without it, it counts whatever happens.
        """
        seen = {role: version for role in ROLES if (version := self._version(role)) is not None}
        keys = _keys(_signed(self._metadata / "root.json"))
        known_keys = self._known_keys()
        known = _still_counting(self._known(), known_keys, keys)
        if brought_root is not None:
            brought = _still_counting(brought, _keys(_signed_in(brought_root)), keys)
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

    def _known_keys(self) -> RoleKeys:
        """Of a role that an earlier version of Discode did not write down, those of the first root."""
        first = _keys(_signed(self._root))
        with contextlib.suppress(OSError, ValueError, TypeError, AttributeError):
            told = json.loads(self._online.read_bytes())
            return {**first, **{role: sorted(map(str, told[role])) for role in ROLES if role in told}}
        return first


def _still_counting(versions: Mapping[str, int], then: RoleKeys, now: RoleKeys) -> dict[str, int]:
    """Those of roles whose keys are what they were. Timestamp and snapshot go together."""
    changed = {role for role in ROLES if then.get(role) != now.get(role)}
    if changed.intersection(ONLINE):
        changed.update(ONLINE)
    return {role: version for role, version in versions.items() if role not in changed}


def _signed(path: Path) -> dict[str, Any]:
    with contextlib.suppress(OSError):
        return _signed_in(path.read_bytes())
    return {}


def _signed_in(data: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError, KeyError, TypeError):
        signed = json.loads(data)["signed"]
        return signed if isinstance(signed, dict) else {}
    return {}


def _keys(root: Mapping[str, Any]) -> RoleKeys:
    with contextlib.suppress(KeyError, TypeError):
        return {role: sorted(root["roles"][role]["keyids"]) for role in ROLES}
    return {}
