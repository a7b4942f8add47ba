"""A container for one command that asks a server elsewhere. Its own program reads what this process holds open: when
that dies, it ends, and the engine removes it. One that was made and not started is left to the next `runs.sweep`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from ...ports.accessories import AccessorySpec, Executed
from . import containers, executed, runs
from .engine import Engine
from .names import OWNER, RUN, client_name, labels
from .network import Network
from .stream import Hijacked


def ask(
    engine: Engine, spec: AccessorySpec, network: Network, command: Sequence[str], stdout: Path, timeout: float
) -> Executed:
    """As the port's. Raises docker.errors.APIError."""
    with _container(engine, spec, network) as name:
        return executed.execute(engine, name, command, None, stdout, timeout)


@contextmanager
def _container(engine: Engine, spec: AccessorySpec, network: Network) -> Iterator[str]:
    name, api = client_name(spec.app, spec.name), engine.api
    host_config = containers.host_config(engine, {}, spec.accessory.resources, network.name, "no")
    made = api.create_container(
        spec.accessory.image.reference, name=name, entrypoint=["cat"], command=[], environment=spec.env,
        labels={**labels(spec.app, RUN), OWNER: runs.owner()}, stdin_open=True, detach=False,
        host_config={**host_config, "AutoRemove": True},
    )["Id"]  # fmt: skip
    try:
        with closing(Hijacked(api.attach_socket(made, {"stdin": 1, "stream": 1}), is_terminal=False)):
            api.start(made)
            yield name
    finally:
        _remove(engine, name, spec.app)


def _remove(engine: Engine, name: str, app: str) -> None:
    if (told := containers.inspect(engine, name, app)) is not None:
        containers.remove(engine, told["Id"])
