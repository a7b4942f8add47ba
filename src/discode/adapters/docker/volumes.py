"""An app's volumes: they outlive every instance, and go only when the customer asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...core.errors import Failed, Refused
from ...disk.folders import sync_folder
from ..files.disk import writing
from .engine import Engine
from .names import APP, ROLE, labels, volume_name

VOLUME = "volume"  # their role
SWAPS = "swaps"  # the role of the one in which data waits to take their place, or that was in it: see `swaps.py`
_SWAPS = ".swaps"  # no volume of an app is called so


def ensure(engine: Engine, app: str, volumes: Iterable[str]) -> None:
    """Raises Refused when one of them belongs to somebody else."""

    for volume in volumes:
        _ensure(engine, app, volume, VOLUME)


def _ensure(engine: Engine, app: str, volume: str, role: str) -> dict[str, Any]:
    import docker.errors

    name = volume_name(app, volume)
    try:
        told = dict(engine.api.inspect_volume(name))
    except docker.errors.NotFound:
        told = dict(engine.api.create_volume(name, labels=labels(app, role)))
    owner = (told["Labels"] or {}).get(APP)
    if owner != app:
        raise Refused(
            f"The volume {name} belongs to {owner or 'something other than Discode'}, not to {app}.",
            "Rename or remove it if nobody needs it: docker volume inspect " + name,
            key="volume-taken",
        )
    return told


def ensure_swaps(engine: Engine, app: str) -> Path:
    """Its folder. Raises Refused."""
    return _reached(engine, _ensure(engine, app, _SWAPS, SWAPS))


def swaps(engine: Engine, app: str) -> Path | None:
    """Its folder; None when there is none. Raises Refused when this process cannot read it."""
    import docker.errors

    try:
        told = engine.api.inspect_volume(volume_name(app, _SWAPS))
    except docker.errors.NotFound:
        return None
    return _reached(engine, told)


def drop_swaps(engine: Engine, app: str) -> None:
    drop_one(engine, app, _SWAPS)


def found(engine: Engine, app: str) -> list[str]:
    """Their names in the manifest, in order."""
    return sorted(one["Name"].removeprefix(volume_name(app, "")) for one in _all(engine, app))


def places(engine: Engine, app: str, *, is_halfway: bool = False) -> dict[str, Path]:
    """Their folders, by their names in the manifest. `is_halfway`: one may be away, while it is swapped. Raises Refused
    when this process cannot read one."""
    told = {one["Name"]: _reached(engine, one, is_halfway=is_halfway) for one in _all(engine, app)}
    return {name.removeprefix(volume_name(app, "")): told[name] for name in sorted(told)}


def _reached(engine: Engine, told: dict[str, Any], *, is_halfway: bool = False) -> Path:
    place = Path(told.get("Mountpoint") or "/nowhere/_data")
    if not (engine.is_local and os.access(place.parent if is_halfway else place, os.R_OK | os.X_OK)):
        raise Refused(
            f"The volume {told['Name']} cannot be read here: its folder is {place}, on the machine of the engine "
            f"{engine.host}, and root's. Your app was not touched.",
            "Run the command as root, on the machine where Docker runs.",
            key="volumes-out-of-reach",
        )
    return place


def _all(engine: Engine, app: str, role: str = VOLUME) -> list[dict[str, Any]]:
    return engine.api.volumes(filters={"label": [f"{APP}={app}", f"{ROLE}={role}"]})["Volumes"] or []


def hand_over(engine: Engine, app: str, volume: str, target: Path) -> None:
    """What it holds gets to `target`, on the same disk. Raises Refused while a container has it, and when this process
    cannot read it."""

    name = volume_name(app, volume)
    if users := _users(engine, name):
        raise _in_use(app, volume, users)
    place = _reached(engine, engine.api.inspect_volume(name))
    with writing(target):
        place.rename(target)
        sync_folder(target.parent)
    drop_one(engine, app, volume)


def drop(engine: Engine, app: str) -> None:
    """Raises Failed when a container that is not ours still uses one."""
    import docker.errors

    for told in (*_all(engine, app), *_all(engine, app, SWAPS)):
        try:
            engine.api.remove_volume(told["Name"])
        except docker.errors.NotFound:
            continue
        except docker.errors.APIError as error:
            if error.status_code != 409:
                raise
            raise Failed(
                f"The volume {told['Name']} of {app} is still used by a container that does not belong to Discode.",
                f"See: docker ps --all --filter volume={told['Name']}. Remove it, then: discode settle {app}",
                key="volume-in-use",
            ) from error


def drop_one(engine: Engine, app: str, volume: str) -> None:
    """Of the app's alone. Not there: nothing. Raises Refused while a container has it."""
    import docker.errors

    name = volume_name(app, volume)
    try:
        if (engine.api.inspect_volume(name)["Labels"] or {}).get(APP) == app:
            engine.api.remove_volume(name)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:
            raise
        raise _in_use(app, volume, _users(engine, name)) from error


def _users(engine: Engine, name: str) -> list[str]:
    return [one["Names"][0].lstrip("/") for one in engine.api.containers(all=True, filters={"volume": name})]


def _in_use(app: str, volume: str, users: list[str]) -> Refused:
    return Refused(
        f"The volume {volume} of {app} is in use by {', '.join(users) or 'a container'}. It was not deleted.",
        f"See: docker ps --all --filter volume={volume_name(app, volume)}",
        key="in-use",
    )
