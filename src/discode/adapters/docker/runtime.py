"""DockerRuntime: the runtime port over containers. An instance is the app's and one for each extra process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Literal

from ...core.names import InstanceName
from ...core.release import Release
from ...core.room import Disk
from ...ports.console import Console
from ...ports.releases import Releases
from ...ports.report import Report
from ...ports.runtime import WEB, Completed, Endpoint, InstanceSpec, InstanceState, Phase, Probe, ProcessState
from .. import http_probe
from . import app_network, containers, inside, listening, logs, once, programs, unrunnable, volumes
from .asking import asking
from .containers import Part
from .ended import end_of
from .engine import Engine
from .images import Images
from .names import APP, instance_of, part_name, process_of
from .network import Network, address_of
from .pull import free_disk
from .swaps import Swaps

LOOKED_AT = 20  # lines of a log: a starter's words are all that is in it
Addressing = Literal["name", "address"]


class DockerRuntime:
    """`network` is the proxy's; each app has one beside it (`app_network`). Instances of earlier versions, which are in
    the proxy's own, stay there until they are replaced. `addressing`: how the proxy finds an instance; by its
    container's name inside Docker's networks, or by its address when the proxy runs on the machine itself. `through`:
    the proxy's container."""

    def __init__(self, engine: Engine, network: str, addressing: Addressing = "name", through: str = "discode-proxy"):
        self._engine, self._addressing, self._through = engine, addressing, through
        self._shared = Network(engine, network)
        self._images = Images(engine)

    def fetch(self, release: Release, releases: Releases, report: Report) -> None:
        with self._asking("fetch the image"):
            self._images.fetch(release, releases, report)

    def has(self, release: Release) -> bool:
        with self._asking("look at the images"):
            return self._images.has(release)

    def free_disk(self) -> Disk:
        return free_disk(self._engine)

    def start(self, spec: InstanceSpec) -> Endpoint:
        with self._asking(f"start {spec.name}"):
            self._prepare(spec)
            told = self._bring_up(containers.web(spec))
            for part in containers.processes(spec):
                self._bring_up(part)
        return self._endpoint(told)

    def run_once(
        self, spec: InstanceSpec, command: Sequence[str], timeout: float, say: Callable[[str], None]
    ) -> Completed:
        part = containers.once(spec, command)
        with self._asking("run the command"):
            self._prepare(spec)
            containers.remove(self._engine, part.container)  # of a command that was killed at this
            try:
                self._bring_up(part)
                code = once.until_its_end(self._engine, part.container, timeout, say)
                if code is None:
                    containers.stop(self._engine, part.container, spec.manifest.update.stop)
                output = once.last_lines(self._engine, part.container)
                if why := unrunnable.why_not_run(command[0], code, output):
                    raise containers.unusable(part, why, output)
                return Completed(code, output)
            except BaseException:
                containers.stop(self._engine, part.container, spec.manifest.update.stop)
                raise
            finally:
                containers.remove(self._engine, part.container)

    def exec(self, name: InstanceName, command: Sequence[str], console: Console, process: str = WEB) -> int:
        from . import console as consoles  # late, as in `run` and `sweep`: few commands run a program

        container = _container(name, process)
        with self._asking("run the command"):
            if containers.inspect(self._engine, container, name.app) is None:
                raise consoles.not_running(container)
            return consoles.execute(self._engine, container, command, console)

    def execute(self, name: InstanceName, command: Sequence[str], timeout: float) -> Completed:
        from . import console as consoles
        from . import executed

        with self._asking("run the command"):
            if containers.inspect(self._engine, str(name), name.app) is None:
                raise consoles.not_running(str(name))
            done = executed.execute(self._engine, str(name), command, None, None, timeout)
        return Completed(done.exit_code, (*done.output.splitlines()[-executed.LINES :], *done.errors))

    def run(self, spec: InstanceSpec, command: Sequence[str], console: Console) -> int:
        from . import runs

        with self._asking("run the command"):
            self._prepare(spec)
            app = spec.name.app
            return runs.run(self._engine, spec, command, console, self._network(app).name, self._address(app))

    def sweep(self, app: str, *, living: bool = False) -> None:
        from . import runs

        with self._asking(f"remove what was run in {app}"):
            runs.sweep(self._engine, app, living=living)

    def inspect(self, name: InstanceName) -> InstanceState | None:
        with self._asking(f"inspect {name}"):
            return self._state(name, containers.members(self._engine, name))

    def probe(
        self, name: InstanceName, path: str, timeout: float, host: str = "localhost", process: str = WEB
    ) -> Probe:
        container = _container(name, process)
        with self._asking(f"inspect {name}"):
            told = containers.inspect(self._engine, container, name.app)
            if told is None:
                return Probe(False, "no such instance")
            if not told["State"]["Running"]:
                return Probe(False, f"its container is {told['State']['Status']}")
            found = self._probe(told, path, timeout, host)
            if found.connected:
                return found
            instead = listening.words(self._engine, told, containers.port_of(told))
            return Probe(False, f"{found.detail}{f': {instead}' if instead else ''}", connected=False)

    def stop(self, name: InstanceName, grace: float) -> None:
        with self._asking(f"stop {name}"):
            self._for_each_member(name, lambda container: containers.stop(self._engine, container, grace))

    def remove(self, name: InstanceName) -> None:
        with self._asking(f"remove {name}"):
            self._for_each_member(name, lambda container: containers.remove(self._engine, container))

    def instances(self, app: str) -> list[InstanceState]:
        with self._asking(f"list the instances of {app}"):
            grouped: dict[InstanceName, list[str]] = {}
            for one in self._engine.api.containers(all=True, filters={"label": f"{APP}={app}"}):
                for text in one["Names"]:
                    if (name := instance_of(text)) is not None and name.app == app:
                        grouped.setdefault(name, []).append(text.lstrip("/"))
            found = [self._state(name, members) for name, members in sorted(grouped.items())]
        return [state for state in found if state is not None]

    def processes(self, name: InstanceName) -> list[ProcessState]:
        with self._asking(f"inspect {name}"):
            members = [one for one in containers.members(self._engine, name) if not process_of(one).startswith(".")]
            with ThreadPoolExecutor(8) as pool:
                found = pool.map(lambda one: programs.state_of(self._engine, one, name.app), reversed(members))
            return sorted((one for one in found if one), key=lambda one: one.name != WEB)

    def data(self, app: str) -> list[str]:
        with self._asking(f"look for the volumes of {app}"):
            return volumes.found(self._engine, app)

    def volume_paths(self, app: str) -> Mapping[str, Path]:
        with self._asking(f"look for the volumes of {app}"):
            return volumes.places(self._engine, app)

    def logs(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str]:
        with self._asking(f"read the log of {name}"):
            return iter(logs.last_lines(self._engine, self._members(name, process), tail, since))

    def follow(
        self, name: InstanceName, tail: int | None = 100, *, since: float | None = None, process: str = ""
    ) -> Iterator[str | None]:
        with self._asking(f"read the log of {name}"):
            members = self._members(name, process)
        return logs.follow(self._engine, members, tail, since)

    def prune(self, app: str, keep: frozenset[str]) -> None:
        with self._asking(f"drop images of {app}"):
            self._images.prune(app, keep)

    def check_swap(self, app: str) -> None:
        with self._asking(f"look for the volumes of {app}"):
            Swaps(self._engine).check(app)

    def make_volumes(self, app: str, names: Sequence[str]) -> Mapping[str, Path]:
        with self._asking(f"make the volumes of {app}"):
            volumes.ensure(self._engine, app, names)
            there = volumes.places(self._engine, app)
        return {name: there[name] for name in names}

    def incoming(self, app: str, swap: str) -> Path:
        with self._asking(f"look for the volumes of {app}"):
            return Swaps(self._engine).incoming(app, swap)

    def swap_data(self, app: str, swap: str) -> None:
        with self._asking(f"swap the volumes of {app}"):
            Swaps(self._engine).swap(app, swap)

    def swap_data_back(self, app: str, swap: str) -> None:
        with self._asking(f"swap the volumes of {app}"):
            Swaps(self._engine).swap_back(app, swap)

    def is_swapped(self, app: str, swap: str) -> bool:
        with self._asking(f"look for the volumes of {app}"):
            return Swaps(self._engine).is_swapped(app, swap)

    def keep_swap(self, app: str, swap: str) -> None:
        with self._asking(f"look for the volumes of {app}"):
            Swaps(self._engine).keep(app, swap)

    def open_swap(self, app: str) -> str:
        with self._asking(f"look for the volumes of {app}"):
            return Swaps(self._engine).open_swap(app)

    def drop_swaps(self, app: str, *, replaced: bool = False) -> bool:
        with self._asking(f"look for the volumes of {app}"):
            return Swaps(self._engine).drop(app, replaced=replaced)

    def drop_data(self, app: str) -> None:
        with self._asking(f"delete the volumes of {app}"):
            volumes.drop(self._engine, app)

    def forget(self, app: str) -> None:
        with self._asking(f"remove the network of {app}"):
            app_network.give_up(self._engine, self._network(app), self._through)
            if self._addressing == "address" and not self._shared.members():
                self._shared.remove()  # of an earlier version: there is no container of a proxy that it goes with

    def _network(self, app: str) -> Network:
        return app_network.of_app(self._engine, self._shared.name, app)

    def _prepare(self, spec: InstanceSpec) -> None:
        network = self._network(spec.name.app)
        app_network.ensure(self._engine, network, self._through if self._addressing == "name" else "")
        volumes.ensure(self._engine, spec.name.app, spec.manifest.volumes)

    def _bring_up(self, part: Part) -> dict[str, Any]:
        app = part.spec.name.app
        return containers.bring_up(self._engine, part, self._network(app).name, self._address(app))

    def _address(self, app: str) -> str | None:
        return None if self._addressing == "name" else self._network(app).free_address()

    def _address_of(self, told: dict[str, Any]) -> str:
        app = told["Config"]["Labels"][APP]
        return address_of(told, self._network(app).name, self._shared.name)

    def _probe(self, told: dict[str, Any], path: str, timeout: float, host: str) -> Probe:
        port = containers.port_of(told)
        if self._engine.reaches_containers:
            return http_probe.probe(self._address_of(told), port, path, timeout, host)
        return inside.probe(self._engine, self._through, told["Name"].lstrip("/"), port, path, timeout, host)

    def _for_each_member(self, name: InstanceName, act: Callable[[str], None]) -> None:
        """At the same time: each may take its whole grace."""
        members = containers.members(self._engine, name)
        if len(members) < 2:
            for container in members:
                act(container)
            return
        with ThreadPoolExecutor(len(members)) as pool:
            list(pool.map(act, members))

    def _members(self, name: InstanceName, process: str) -> list[str]:
        members = containers.members(self._engine, name)
        wanted = "" if process == WEB else process
        return [one for one in members if not process or process_of(one) == wanted]

    def _state(self, name: InstanceName, members: list[str]) -> InstanceState | None:
        told = {text: one for text in members if (one := containers.inspect(self._engine, text, name.app))}
        if not told:
            return None
        web = told.get(str(name))
        if web is None or web["State"]["Status"] == "created":
            return InstanceState(name, Phase.EXITED, self._endpoint(web, name), reason="it never became ready")
        worst_name = max(told, key=lambda text: (told[text]["RestartCount"], text == str(name)))
        worst = told[worst_name] if told[worst_name]["RestartCount"] else web
        end = end_of(self._engine, worst)
        process = process_of(worst_name) if worst is not web else ""
        why = end.reason or self._why_not_run(worst, worst_name, end.code)
        reason = f"its process {process}{f': {why}' if why else ' ended'}" if process else why
        running = web["State"]["Running"] or web["State"]["Restarting"]
        phase = Phase.RUNNING if running else Phase.STOPPED
        count, record = int(worst["RestartCount"]), containers.record_of(web)
        doors = {process_of(text): self._endpoint(one) for text, one in told.items() if containers.is_door(one)}
        return InstanceState(name, phase, self._endpoint(web), count, end.code, reason, record, doors)

    def _why_not_run(self, told: dict[str, Any], container: str, code: int | None) -> str:
        if code not in unrunnable.CODES:
            return ""
        return unrunnable.why_not_run(told["Path"], code, logs.last_lines(self._engine, [container], LOOKED_AT))

    def _endpoint(self, told: dict[str, Any] | None, name: InstanceName | None = None) -> Endpoint:
        if told is None:
            return Endpoint(str(name), 0)
        if self._addressing == "name":
            return Endpoint(told["Name"].lstrip("/"), containers.port_of(told))
        return Endpoint(self._address_of(told), containers.port_of(told))

    def _asking(self, doing: str) -> AbstractContextManager[None]:
        return asking(self._engine, doing)


def _container(name: InstanceName, process: str) -> str:
    return str(name) if process == WEB else part_name(name, process)
