"""Processes or containers: what is different for those who break things."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from docker_place import Containers, DockerPlace
from harm import Harm
from harm_docker import DockerHarm
from harm_process import ProcessHarm
from machine import Machine
from processes import Processes

from place import Place


@dataclass(frozen=True)
class Kind:
    """`longest`: seconds into a flow at which the bad thing happens, at the latest. `proxy_stays`: also when no app is
    installed; a proxy that goes with the last app cannot answer before the next one is there."""

    name: str
    place: Callable[..., Place]
    machine: Callable[[Any], Machine]
    harm: type[Harm]
    longest: float
    proxy_stays: bool


KINDS = {
    "process": Kind("process", Place, lambda place: Processes(place.home, place.app), ProcessHarm, 1.6, True),
    "docker": Kind("docker", DockerPlace, Containers, DockerHarm, 4.0, False),
}
