"""One container: what it is made of, and how it is made, started, stopped and removed. All can be repeated."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core.artifact import Image, Resources
from ...core.errors import DiscodeError, Failed, NotHere, Refused, ReleaseFailed
from ...core.manifest import Manifest
from ...core.names import InstanceName
from ...ports.runtime import InstanceSpec
from . import app_network, users
from .engine import Engine
from .names import (
    APP,
    PROCESS,
    RELEASE,
    RUN,
    WEB,
    instance_of,
    is_ours,
    labels,
    once_name,
    part_name,
    run_name,
    volume_name,
)

LOG = {"max-size": "10m", "max-file": "5"}  # of the driver json-file: rotated, 50 MB at the most
RECORD = "DISCODE_RECORD"
DOOR = "DISCODE_DOOR"  # of a process that takes requests
NEXT = "Mend what Docker says (its own log: journalctl -u docker), then run the command again."
UNLESS_STOPPED = "unless-stopped"  # a restart policy
BAD_REQUEST = 400
CANNOT_RUN = (126, 127)  # a shell's codes for a command that is no program, or is not there; Docker uses them too


@dataclass(frozen=True)
class Part:
    """A container of an instance: the app itself, an extra process, or a one-off command. `env` holds secrets."""

    container: str
    role: str
    spec: InstanceSpec
    command: Sequence[str] | None
    env: dict[str, str] = field(repr=False)
    labels: Mapping[str, str] = field(default_factory=dict)  # beside those of every container

    @property
    def manifest(self) -> Manifest:
        return self.spec.manifest


def web(spec: InstanceSpec) -> Part:
    """With the spec's record among its variables: labels carry nothing but names, and a file can be lost."""
    env = {**_environment(spec), **({RECORD: spec.record} if spec.record else {})}
    return Part(str(spec.name), WEB, spec, spec.manifest.command, env)


def processes(spec: InstanceSpec) -> list[Part]:
    return [
        Part(part_name(spec.name, name), PROCESS, spec, command, {**_environment(spec), **_own(spec, name)})
        for name, command in spec.manifest.processes.items()
    ]


def _own(spec: InstanceSpec, process: str) -> dict[str, str]:
    door = spec.manifest.doors.get(process)
    return {"DISCODE_PROCESS": process, **({"PORT": str(door.port), DOOR: "yes"} if door else {})}


def once(spec: InstanceSpec, command: Sequence[str]) -> Part:
    return Part(once_name(spec.name), RELEASE, spec, command, _environment(spec))


def run(spec: InstanceSpec, command: Sequence[str], number: str, labels: Mapping[str, str]) -> Part:
    return Part(run_name(spec.name.app, number), RUN, spec, command, _environment(spec), labels)


def port_of(told: dict[str, Any]) -> int:
    """The port of the app that a container was made with; 0 when it has none."""
    return int(variable(told, "PORT") or 0)


def is_door(told: dict[str, Any]) -> bool:
    """Whether requests are taken there. What was never started, or is down, takes none."""
    return bool(variable(told, DOOR)) and bool(told["State"]["Running"] or told["State"]["Restarting"])


def record_of(told: dict[str, Any]) -> str:
    return variable(told, RECORD)


def variable(told: dict[str, Any], name: str) -> str:
    pairs = (text.partition("=") for text in told["Config"]["Env"] or [])
    return next((value for known, _, value in pairs if known == name), "")


def inspect(engine: Engine, container: str, app: str) -> dict[str, Any] | None:
    """None when no such container of the app's."""
    import docker.errors

    try:
        told: dict[str, Any] = engine.api.inspect_container(container)
    except docker.errors.NotFound:
        return None
    return told if is_ours(told, app) else None


def bring_up(engine: Engine, part: Part, network: str, address: str | None) -> dict[str, Any]:
    """Make it when it is not there, start it when it does not run. Raises Refused when somebody else has its name,
    ReleaseFailed when the image cannot be run."""
    import docker.errors

    name, app = part.container, part.spec.name.app
    told = inspect(engine, name, app)
    if told is None:
        create(engine, part, network, address)
    elif told["State"]["Running"]:
        if told["State"]["Paused"]:
            engine.api.unpause(name)
        return told
    elif not _is_made_for(told, part) or app_network.has_lost_one(engine, told):
        # A container's environment cannot be changed, and settings may be new since it was stopped.
        remove(engine, name)
        create(engine, part, network, address)
    try:
        engine.api.start(name)
    except docker.errors.APIError as error:
        raise start_failed(engine, part, error) from error
    return dict(engine.api.inspect_container(name))


def create(engine: Engine, part: Part, network: str, address: str | None = None, **more: bool) -> None:
    """`more`: of the engine's `create_container`."""
    import docker.errors

    api, manifest = engine.api, part.manifest
    attached = api.create_networking_config({network: api.create_endpoint_config(ipv4_address=address)})
    artifact = manifest.artifact
    assert isinstance(artifact, Image)
    try:
        api.create_container(
            artifact.reference,
            name=part.container,
            command=list(part.command) if part.command else None,
            entrypoint=entrypoint_of(manifest.entrypoint),
            environment=part.env,
            labels={**labels(manifest.app, part.role, part.spec.name.key), **part.labels},
            stop_timeout=max(round(manifest.update.stop), 1),
            networking_config=attached,
            # A crashed app comes back, and after a reboot too; what was stopped stays stopped.
            host_config=host_config(
                engine,
                {volume_name(manifest.app, one): path for one, path in manifest.volumes.items()},
                manifest.resources,
                network,
                "no" if part.role in (RELEASE, RUN) else UNLESS_STOPPED,
            ),
            **more,
        )
    except docker.errors.APIError as error:
        raise _create_failed(engine, part, error) from error


def entrypoint_of(entrypoint: list[str] | None) -> list[str] | None:
    """An empty word is the engine's way to say that there is none; then the image's CMD does not count either."""
    return [""] if entrypoint == [] else entrypoint


def _is_made_for(told: dict[str, Any], part: Part) -> bool:
    has = dict(text.partition("=")[::2] for text in told["Config"]["Env"] or [])
    return all(has.get(name) == value for name, value in part.env.items() if name != RECORD)


def stop(engine: Engine, container: str, grace: float) -> None:
    import docker.errors

    try:
        engine.api.stop(container, timeout=round(grace))
    except docker.errors.NotFound:
        return


def remove(engine: Engine, container: str) -> None:
    """With the volumes that its image made for it; those that have a name stay."""
    import docker.errors

    try:
        engine.api.remove_container(container, force=True, v=True)
    except docker.errors.NotFound:
        return
    except docker.errors.APIError as error:
        if error.status_code != 409:  # another command is at it already
            raise


def _environment(spec: InstanceSpec) -> dict[str, str]:
    own = {
        "DISCODE_APP": spec.name.app,
        "DISCODE_VERSION": spec.release.version,
        "DISCODE_INSTANCE": str(spec.name),
    }
    return {**own, **spec.env, "PORT": str(spec.manifest.port)}


def host_config(
    engine: Engine, volumes: Mapping[str, str], resources: Resources, network: str, restart: str
) -> dict[str, Any]:
    """`volumes`: paths in the container, by the volumes' names in the engine."""
    import docker.types

    return dict(
        engine.api.create_host_config(
            network_mode=network,
            mounts=[docker.types.Mount(target=path, source=name, type="volume") for name, path in volumes.items()],
            restart_policy={"Name": restart},
            log_config=docker.types.LogConfig(type="json-file", config=LOG),
            mem_limit=resources.memory,
            memswap_limit=resources.memory,  # both together: no swap on top of it
            # More than the machine has is no limit, and the engine refuses it.
            nano_cpus=round(min(resources.cpus, engine.info["NCPU"]) * 1e9) if resources.cpus else None,
        )
    )


def _create_failed(engine: Engine, part: Part, error: Any) -> DiscodeError:
    import docker.errors

    if isinstance(error, docker.errors.NotFound) and not _has_image(engine, part):
        return NotHere(f"{part.manifest.app} {part.manifest.version} is not on this machine.")
    if is_taken(engine, part.container, part.spec.name.app):
        return name_taken(part.container)
    if error.status_code == BAD_REQUEST:  # it has understood, and what the release asks for is no container
        return unusable(part, _nothing_to_start(engine, part) or f"Docker refuses its settings ({error.explanation})")
    return not_made(part.container, error)


def is_taken(engine: Engine, container: str, app: str) -> bool:
    """Whether somebody else has a container of that name."""
    import docker.errors

    try:
        return not is_ours(engine.api.inspect_container(container), app)
    except docker.errors.NotFound:
        return False


def name_taken(container: str) -> Refused:
    return Refused(
        f"A container named {container} exists and does not belong to Discode.",
        f"Rename or remove it (docker rename {container} other-name), then run the command again.",
        key="name-taken",
    )


def not_made(container: str, error: Any) -> Failed:
    return Failed(
        f"Docker could not create the container {container}: {error.explanation or error}.",
        NEXT,
        key="container-not-made",
    )


def _has_image(engine: Engine, part: Part) -> bool:
    import docker.errors

    assert isinstance(part.manifest.artifact, Image)
    try:
        engine.api.inspect_image(part.manifest.artifact.reference)
    except docker.errors.NotFound:
        return False
    return True


def start_failed(engine: Engine, part: Part, error: Any) -> DiscodeError:
    told = engine.api.inspect_container(part.container)
    if why := no_program(engine, told):
        return unusable(part, why, (str(error.explanation or error),))
    return not_started(part.container, error)


def no_program(engine: Engine, told: dict[str, Any]) -> str:
    """What its image has at fault that the engine could not start an inspected container; empty: nothing."""
    if told["State"]["ExitCode"] in CANNOT_RUN:
        return f"{told['Path']} is not an executable in its image"
    if (stranger := users.unknown(engine, told)) is not None:
        return f"its image says USER {told['Config']['User']}, and has no {stranger}"
    return ""


def not_started(container: str, error: Any) -> Failed:
    return Failed(
        f"Docker could not start the container {container}: {error.explanation or error}.",
        NEXT,
        key="container-not-started",
    )


def unusable(part: Part, why: str, words: tuple[str, ...] = ()) -> ReleaseFailed:
    return ReleaseFailed(
        f"{part.manifest.version} cannot be started: {why}.", "Tell the vendor; a newer release may fix it.", log=words
    )


def _nothing_to_start(engine: Engine, part: Part) -> str | None:
    artifact = part.manifest.artifact
    assert isinstance(artifact, Image)
    image = engine.api.inspect_image(artifact.reference)["Config"] or {}
    if part.command or part.manifest.entrypoint or image.get("Cmd") or image.get("Entrypoint"):
        return None
    return "its image has neither CMD nor ENTRYPOINT, and the release names no command"


def members(engine: Engine, name: InstanceName) -> list[str]:
    """The containers of an instance that are there, whatever their role: the app itself last."""
    told = engine.api.containers(all=True, filters={"label": f"{APP}={name.app}"})
    found = [text.lstrip("/") for one in told for text in one["Names"] if instance_of(text) == name]
    return sorted(found, reverse=True)
