"""What is beside the app on an engine, as the engine has it: containers, and who has which volume."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from docker_place import DockerPlace

ROLE = "accessory"


class Beside:
    """`wanted`: what the installed release has beside it, by name, each with its image's tag."""

    def __init__(self, place: DockerPlace):
        self._place = place

    def running(self) -> dict[str, str]:
        """By name, the containers of accessories that run: their ids."""
        return {_name(one, self._place.app): one["Id"] for one in self._all() if one["State"] == "running"}

    def faults(self, wanted: Mapping[str, str], state: str) -> Iterator[str]:
        """Of an app in that `state`; empty: it is not installed."""
        found = self._all()
        names = sorted(_name(one, self._place.app) for one in found)
        if names != sorted(wanted):
            yield f"accessories {names}, not {sorted(wanted)}"
        for one in found:
            name, status = _name(one, self._place.app), one["State"]
            if status != ("running" if state == "running" else "exited"):
                yield f"the accessory {name} is {status}, and the app is {state}"
            if name in wanted and (digest := self._place.digests[wanted[name]]) not in one["Image"]:
                yield f"the accessory {name} is of {one['Image']}, not of {wanted[name]} ({digest})"
        yield from self._shared()

    def strangers(self) -> Iterator[str]:
        """What runs, or has data, for an app of another name than ours: a restore loads dumps beside it."""
        api = self._place.engine.api()
        there = [*api.containers(all=True), *(api.volumes()["Volumes"] or [])]
        owners = Counter((one.get("Labels") or {}).get("discode.app") for one in there)
        for owner in owners.keys() - {None, "", self._place.app}:
            yield f"{owners[owner]} containers and volumes of {owner} are left"

    def _shared(self) -> Iterator[str]:
        """Volumes of accessories that more than one running container has."""
        api = self._place.engine.api()
        users = Counter(
            mount["Name"]
            for one in api.containers()
            for mount in one["Mounts"]
            if mount.get("Type") == "volume" and "." in mount.get("Name", "")
        )
        for volume, count in users.items():
            if count > 1:
                yield f"{count} containers write the volume {volume}"

    def keep_images(self) -> None:
        """Under names of ours: what is deleted with the app need not be fetched again, which takes longest."""
        api = self._place.engine.api()
        for one in api.images():
            api.tag(one["Id"], "kept", one["Id"].partition(":")[2][:12])

    def drop_volumes(self, keep: Mapping[str, str]) -> None:
        """Of those that are gone, so that the next one of a name begins anew."""
        api = self._place.engine.api()
        used = {mount.get("Name") for one in api.containers(all=True) for mount in one["Mounts"]}
        for told in api.volumes()["Volumes"] or []:
            name = str(told["Name"]).removeprefix(f"{self._place.app}_")
            if "." in name and name.partition(".")[0] not in keep and told["Name"] not in used:
                api.remove_volume(told["Name"])

    def _all(self) -> list[dict[str, Any]]:
        label = [f"discode.app={self._place.app}", f"discode.role={ROLE}"]
        return list(self._place.engine.api().containers(all=True, filters={"label": label}))


def _name(told: dict[str, Any], app: str) -> str:
    return str(told["Names"][0]).removeprefix(f"/{app}-")
