"""DockerAccessories: databases and servers beside an app, a container each, in the app's network under their own names.

A container tells of what spec it was made by a variable of its own: not by a label, for what is asked with one is in
everybody's lists, and a fingerprint has been made of secrets.
"""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from ...core.artifact import Image
from ...core.errors import DiscodeError, NotHere, Refused, ReleaseFailed
from ...ports.accessories import AccessorySpec, AccessoryState, Executed
from ...ports.console import Console
from ...ports.releases import Releases
from ...ports.report import Report
from ...ports.runtime import Phase, Probe
from .. import http_probe
from . import app_network, containers, inside, logs, programs, unrunnable, volumes
from .asking import asking
from .ended import end_of, unix
from .engine import Engine
from .images import Images
from .names import ACCESSORY, APP, ROLE, accessory_image_name, labels, volume_name
from .network import Network, address_of

FINGERPRINT = "DISCODE_FINGERPRINT"
LOOKED_AT = 20  # lines of a log: a starter's words are all that is in it
# Bytes of /dev/shm at most, which take none before they are used. The engine's 64 MB end PostgreSQL's parallel queries.
SHARED_MEMORY = 1 << 30


class DockerAccessories:
    """`network` is the proxy's; each app has one beside it. `fixed`: with addresses that stay, as its instances have
    where the proxy is no container: Docker would give an accessory that of an instance that is down. `through`: the
    proxy's container."""

    def __init__(self, engine: Engine, network: str, *, fixed: bool = False, through: str = "discode-proxy"):
        self._engine, self._shared, self._fixed, self._through = engine, network, fixed, through
        self._images = Images(engine)

    def fetch(self, app: str, image: Image, releases: Releases, report: Report) -> None:
        with self._asking("fetch the image"):
            if not self._has(app, image):
                self._images.bring(image, accessory_image_name(app), _tag(image.reference), releases, report)

    def has(self, app: str, image: Image) -> bool:
        with self._asking("look at the images"):
            return self._has(app, image)

    def prune(self, app: str, keep: frozenset[str]) -> None:
        with self._asking(f"drop images of {app}"):
            self._images.drop(accessory_image_name(app), frozenset(map(_tag, keep)))

    def start(self, spec: AccessorySpec) -> None:
        with self._asking(f"start {spec.container}"):
            network = self._network(spec.app)
            app_network.ensure(self._engine, network, "" if self._fixed else self._through)
            told = self._told(spec.app, spec.name)
            if told is None or not self._goes_on(told, spec, network):
                self._make(spec, told, network)
            elif told["State"]["Paused"]:
                self._engine.api.unpause(spec.container)
            elif not told["State"]["Running"]:
                self._start(spec)

    def inspect(self, app: str, name: str) -> AccessoryState | None:
        with self._asking(f"inspect {app}-{name}"):
            told = self._told(app, name)
            return None if told is None else self._state(app, name, told)

    def all(self, app: str) -> list[AccessoryState]:
        with self._asking(f"list the accessories of {app}"):
            listed = self._engine.api.containers(
                all=True, filters={"label": [f"{APP}={app}", f"{ROLE}={ACCESSORY}"]}
            )  # fmt: skip
            names = sorted(one["Names"][0].removeprefix(f"/{app}-") for one in listed)
            found = [(name, self._told(app, name)) for name in names]
            return [self._state(app, name, told) for name, told in found if told is not None]

    def healthy(self, spec: AccessorySpec) -> Probe:
        with self._asking(f"inspect {spec.container}"):
            told = self._told(spec.app, spec.name)
            if told is None or not told["State"]["Running"] or told["State"]["Restarting"]:
                status = told["State"]["Status"] if told else "not there"
                return Probe(False, f"its container is {status}", connected=False)
            health, port = spec.accessory.health, spec.accessory.port
            if health.command is not None:
                return self._commanded(spec.container, health.command, health.timeout)
            if health.path is not None:
                return self._asked(told, port, health.path, health.timeout, spec)
            return self._knocked(told, port, health.timeout, spec)

    def stop(self, app: str, name: str, grace: float) -> None:
        with self._asking(f"stop {app}-{name}"):
            if (told := self._told(app, name)) is not None:
                containers.stop(self._engine, told["Id"], grace)

    def remove(self, app: str, name: str) -> None:
        with self._asking(f"remove {app}-{name}"):
            if (told := self._told(app, name)) is not None:
                containers.remove(self._engine, told["Id"])

    def execute(
        self,
        app: str,
        name: str,
        command: Sequence[str],
        *,
        stdin: Path | None = None,
        stdout: Path | None = None,
        timeout: float,
    ) -> Executed:
        from . import executed  # late, as in `exec`

        with self._asking(f"run a command in {app}-{name}"):
            return executed.execute(self._engine, self._running(app, name), command, stdin, stdout, timeout)

    def ask(self, spec: AccessorySpec, command: Sequence[str], *, stdout: Path, timeout: float) -> Executed:
        from . import client  # late, as in `exec`

        with self._asking(f"ask the {spec.name} of {spec.app}"):
            if not self._has(spec.app, spec.accessory.image):
                raise NotHere(f"The image of {spec.container} is not on this machine.")
            network = self._network(spec.app)
            app_network.ensure(self._engine, network, "" if self._fixed else self._through)
            return client.ask(self._engine, spec, network, command, stdout, timeout)

    def exec(self, app: str, name: str, command: Sequence[str], console: Console) -> int:
        from . import console as consoles  # late: few commands run a program

        with self._asking("run the command"):
            return consoles.execute(self._engine, self._running(app, name), command, console)

    def logs(self, app: str, name: str, tail: int | None = 100, *, since: float | None = None) -> Iterator[str]:
        with self._asking(f"read the log of {app}-{name}"):
            return iter(logs.last_lines(self._engine, self._there(app, name), tail, since))

    def follow(
        self, app: str, name: str, tail: int | None = 100, *, since: float | None = None
    ) -> Iterator[str | None]:
        with self._asking(f"read the log of {app}-{name}"):
            there = self._there(app, name)
        return logs.follow(self._engine, there, tail, since)

    def volumes(self, app: str) -> list[str]:
        with self._asking(f"look for the volumes of {app}"):
            return [name for name in volumes.found(self._engine, app) if "." in name]

    def hand_over(self, app: str, volume: str, target: Path) -> None:
        with self._asking(f"move the volume {volume} of {app}"):
            volumes.hand_over(self._engine, app, volume, target)

    def drop_volume(self, app: str, volume: str) -> None:
        with self._asking(f"delete the volume {volume} of {app}"):
            volumes.drop_one(self._engine, app, volume)

    def _asking(self, doing: str) -> AbstractContextManager[None]:
        return asking(self._engine, doing)

    def _network(self, app: str) -> Network:
        return app_network.of_app(self._engine, self._shared, app)

    def _has(self, app: str, image: Image) -> bool:
        return self._images.is_here(image, accessory_image_name(app), _tag(image.reference))

    def _told(self, app: str, name: str) -> dict[str, Any] | None:
        """None when there is none of ours."""
        told = containers.inspect(self._engine, f"{app}-{name}", app)
        return told if told is not None and told["Config"]["Labels"].get(ROLE) == ACCESSORY else None

    def _there(self, app: str, name: str) -> list[str]:
        return [] if self._told(app, name) is None else [f"{app}-{name}"]

    def _running(self, app: str, name: str) -> str:
        from . import console as consoles

        told = self._told(app, name)
        if told is None or not told["State"]["Running"]:
            raise consoles.not_running(f"{app}-{name}")
        return f"{app}-{name}"

    def _goes_on(self, told: dict[str, Any], spec: AccessorySpec, network: Network) -> bool:
        """Whether it is as the spec says, and where it has to be."""
        if _variable(told) != spec.fingerprint or network.name not in told["NetworkSettings"]["Networks"]:
            return False
        return bool(told["State"]["Running"]) or not app_network.has_lost_one(self._engine, told)

    def _make(self, spec: AccessorySpec, before: dict[str, Any] | None, network: Network) -> None:
        """In the place of the one before. What can be found out before that is touched, is."""
        if not self._has(spec.app, spec.accessory.image):
            raise NotHere(f"The image of {spec.container} is not on this machine.")
        volumes.ensure(self._engine, spec.app, spec.volumes)
        if before is not None:
            # The grace that it was made with: what is asked of the new one may be shorter.
            grace = max(float(before["Config"].get("StopTimeout") or 0), spec.accessory.stop)
            containers.stop(self._engine, before["Id"], grace)
            containers.remove(self._engine, before["Id"])
        self._create(spec, network)
        self._start(spec)

    def _create(self, spec: AccessorySpec, network: Network) -> None:
        import docker.errors

        api, made = self._engine.api, spec.accessory
        address = network.free_address() if self._fixed else None
        attached = api.create_endpoint_config(aliases=[spec.name], ipv4_address=address)
        paths = {volume_name(spec.app, volume): path for volume, path in spec.volumes.items()}
        try:
            api.create_container(
                made.image.reference,
                name=spec.container,
                command=made.command,
                entrypoint=containers.entrypoint_of(made.entrypoint),
                environment={**spec.env, FINGERPRINT: spec.fingerprint},
                labels=labels(spec.app, ACCESSORY),
                stop_signal=made.stop_signal,
                stop_timeout=max(round(made.stop), 1),
                networking_config=api.create_networking_config({network.name: attached}),
                host_config={
                    **containers.host_config(
                        self._engine, paths, made.resources, network.name, containers.UNLESS_STOPPED
                    ),
                    "ShmSize": SHARED_MEMORY,
                },
            )
        except docker.errors.APIError as error:
            raise self._not_made(spec, error) from error

    def _not_made(self, spec: AccessorySpec, error: Any) -> DiscodeError:
        if containers.is_taken(self._engine, spec.container, spec.app):
            return containers.name_taken(spec.container)
        if error.status_code == containers.BAD_REQUEST:
            return _unusable(spec, f"Docker refuses its settings ({error.explanation})")
        return containers.not_made(spec.container, error)

    def _start(self, spec: AccessorySpec) -> None:
        import docker.errors

        try:
            self._engine.api.start(spec.container)
        except docker.errors.APIError as error:
            told = self._engine.api.inspect_container(spec.container)
            if why := containers.no_program(self._engine, told):
                raise _unusable(spec, why) from error
            raise containers.not_started(spec.container, error) from error

    def _state(self, app: str, name: str, told: dict[str, Any]) -> AccessoryState:
        state, end = told["State"], end_of(self._engine, told)
        runs = bool(state["Running"] or state["Restarting"])
        phase = Phase.RUNNING if runs else Phase.EXITED if state["Status"] == "created" else Phase.STOPPED
        has_begun = state["StartedAt"][:4] != "0001"
        prefix = volume_name(app, "")
        mounted = [one["Name"].removeprefix(prefix) for one in told["Mounts"] if _is_named(one, prefix)]
        return AccessoryState(
            name, phase, _variable(told), tuple(sorted(mounted)), int(told["RestartCount"]), end.code,
            end.reason or self._why_not_run(told, end.code), unix(state["StartedAt"]) if has_begun else None,
            programs.memory(self._engine, told["Id"]) if state["Running"] else None,
        )  # fmt: skip

    def _why_not_run(self, told: dict[str, Any], code: int | None) -> str:
        if code not in unrunnable.CODES:
            return ""
        lines = logs.last_lines(self._engine, [told["Name"].lstrip("/")], LOOKED_AT)
        return unrunnable.why_not_run(told["Path"], code, lines)

    def _commanded(self, container: str, command: Sequence[str], timeout: float) -> Probe:
        from . import executed

        try:
            done = executed.execute(self._engine, container, command, None, None, timeout)
        except DiscodeError as error:
            if isinstance(error, Refused) or error.exit_code in containers.CANNOT_RUN:
                return Probe(False, error.sentence, connected=False)
            raise
        if done.exit_code == 0:
            return Probe(True, f"{command[0]} says so")
        if done.exit_code is None:
            return Probe(False, f"{command[0]} did not end within {timeout:g} s")
        words = next((line for line in reversed((*done.output.splitlines(), *done.errors)) if line.strip()), "")
        return Probe(False, f"{command[0]} exited with {done.exit_code}", says=http_probe.first_words(words))

    def _asked(self, told: dict[str, Any], port: int, path: str, timeout: float, spec: AccessorySpec) -> Probe:
        if self._engine.reaches_containers:
            return http_probe.probe(self._address(told, spec), port, path, timeout, spec.name)
        return inside.probe(self._engine, self._through, spec.container, port, path, timeout, spec.name)

    def _knocked(self, told: dict[str, Any], port: int, timeout: float, spec: AccessorySpec) -> Probe:
        if not self._engine.reaches_containers:
            return inside.knock(self._engine, self._through, spec.container, port, timeout)
        try:
            socket.create_connection((self._address(told, spec), port), timeout).close()
        except TimeoutError:
            return Probe(False, f"no connection at port {port} within {timeout:g} s", connected=False)
        except OSError as error:
            return Probe(False, f"{(error.strerror or 'no connection').lower()} at port {port}", connected=False)
        return Probe(True, f"it takes connections at port {port}")

    def _address(self, told: dict[str, Any], spec: AccessorySpec) -> str:
        return address_of(told, self._network(spec.app).name)


def _tag(reference: str) -> str:
    """What an image is kept under: a reference itself is too long for a tag."""
    return hashlib.sha256(reference.encode()).hexdigest()[:16]


def _variable(told: dict[str, Any]) -> str:
    return containers.variable(told, FINGERPRINT)


def _is_named(mount: dict[str, Any], prefix: str) -> bool:
    """Not one that its image asked for and that has no name."""
    return bool(mount.get("Type") == "volume" and str(mount.get("Name", "")).startswith(prefix))


def _unusable(spec: AccessorySpec, why: str) -> ReleaseFailed:
    return ReleaseFailed(
        f"{spec.container} cannot be started: {why}.", "Tell the vendor; a newer release may fix it."
    )  # fmt: skip
