"""An app's volumes: they outlive every instance, and go only when the customer asks for it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ...core.errors import Failed, Refused
from .engine import Engine
from .names import APP, ROLE, labels, volume_name

VOLUME = "volume"  # their role


def ensure(engine: Engine, app: str, volumes: Iterable[str]) -> None:
    """Raises Refused when one of them belongs to somebody else."""
    import docker.errors

    for volume in volumes:
        name = volume_name(app, volume)
        try:
            told = engine.api.inspect_volume(name)
        except docker.errors.NotFound:
            told = engine.api.create_volume(name, labels=labels(app, VOLUME))
        owner = (told["Labels"] or {}).get(APP)
        if owner != app:
            raise Refused(
                f"The volume {name} belongs to {owner or 'something other than Discode'}, not to {app}.",
                "Rename or remove it if nobody needs it: docker volume inspect " + name,
                key="volume-taken",
            )


def found(engine: Engine, app: str) -> list[str]:
    """Their names in the manifest, in order."""
    return sorted(one["Name"].removeprefix(volume_name(app, "")) for one in _all(engine, app))


def places(engine: Engine, app: str, *, is_halfway: bool = False) -> dict[str, Path]:
    """Their folders, by their names in the manifest. `is_halfway`: one may be away, while it is swapped. Raises Refused
    when this process cannot read one."""
    told = {one["Name"]: Path(one.get("Mountpoint") or "/nowhere/_data") for one in _all(engine, app)}
    for name, place in told.items():
        seen = place.parent if is_halfway else place
        if not (engine.is_local and os.access(seen, os.R_OK | os.X_OK)):
            raise Refused(
                f"The volume {name} cannot be read here: its folder is {place}, on the machine of the engine "
                f"{engine.host}, and root's. Your app was not touched.",
                "Run the command as root, on the machine where Docker runs.",
                key="volumes-out-of-reach",
            )
    return {name.removeprefix(volume_name(app, "")): told[name] for name in sorted(told)}


def _all(engine: Engine, app: str) -> list[dict[str, Any]]:
    return engine.api.volumes(filters={"label": [f"{APP}={app}", f"{ROLE}={VOLUME}"]})["Volumes"] or []


def drop(engine: Engine, app: str) -> None:
    """Raises Failed when a container that is not ours still uses one."""
    import docker.errors

    for told in _all(engine, app):
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
        users = [one["Names"][0].lstrip("/") for one in engine.api.containers(all=True, filters={"volume": name})]
        raise Refused(
            f"The volume {volume} of {app} is in use by {', '.join(users) or 'a container'}. It was not deleted.",
            f"See: docker ps --all --filter volume={name}",
            key="in-use",
        ) from error
