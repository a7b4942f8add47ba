"""The same vendor and customer with container images: an engine and a registry of their own, one proxy, two apps."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

from customer import APP, HERE, HOST, CommandFailed, Machine, Ran

from rig.engine import DockerEngine, own_networks
from rig.images import Shelf, build_edge
from rig.ports import free_port
from rig.registry import Registry

SECOND, SECOND_HOST = "second", "second.test"
EDGE_IMAGE = "discode-edge:demo"
FILE = """\
app: {app}
version: {version}
image: {repository}
port: 3000
health: {{path: /up, timeout: 2s, deadline: 4s}}
env:
  SECRET_KEY_BASE: {{generate: hex64}}
  GREETING: hello
resources: {{memory: 256MB, cpus: 2}}
update: {{strategy: overlap, confirm: {confirm}, drain: 10s, stop: 5s}}
"""
WITH_DATA = """\
volumes: {storage: {path: /app/storage, share: true}}
processes: {worker: [python3, worker.py]}
"""
OURS = ("discode.app", "discode.role")


class DockerMachine(Machine):
    """`proxy_image`: of the proxy's container, by name or as a file that `docker save` made; when none is given the
    edge's, which is made here."""

    def __init__(self, folder: Path, proxy_image: str = "", confirm: str = "5s"):
        super().__init__(folder, confirm)
        self.engine, self.registry = DockerEngine(), Registry(folder / "registry")
        self.shelf = Shelf(self.registry)
        self.proxy_name = proxy_image or EDGE_IMAGE
        self.env["DOCKER_HOST"] = self.engine.host
        self.downloads: list[str] = []

    def init(self) -> None:
        self.engine.start()
        self.registry.start()
        self.home.mkdir()
        # 443 may be somebody's on this machine.
        (self.home / "config.toml").write_text(f"https_port = {free_port()}\n")
        if self.proxy_name == EDGE_IMAGE:
            build_edge(self.engine.host, EDGE_IMAGE)
        elif Path(self.proxy_name).is_file():
            with Path(self.proxy_name).open("rb") as saved:
                list(self.engine.api().load_image(saved))
            self.proxy_name = self.engine.api().images()[0]["RepoTags"][0]
        super().init()

    def publish(self, version: str, behaviour: str, app: str = APP) -> None:
        files: dict[str, bytes | Path] = {path.name: path for path in (HERE / "app").glob("*.py")}
        files |= {"VERSION": version.encode(), "BEHAVIOUR": behaviour.encode()}
        command = ["python3", "server.py"]
        self.shelf.push_app(f"acme/{app}", version, files, command, volumes=("/app/storage",) if app == APP else ())
        file = self.folder / "discode.yml"
        text = FILE.format(
            app=app, version=version, repository=f"{self.registry.name}/acme/{app}", confirm=self.confirm
        )  # fmt: skip
        file.write_text(text + (WITH_DATA if app == APP else ""))
        self.run("release", "publish", "--file", str(file), *self.vendor_words())

    def install(self) -> Ran:
        ran = self._install(APP, HOST)
        self.publish("1.0.0", "good", SECOND)
        self._install(SECOND, SECOND_HOST)
        return ran

    def run(self, *words: str, code: int | None = 0) -> Ran:
        ran = super().run(*words, code=code)
        notes = [told["text"] for _, told in ran.events if told.get("event") == "note"]
        self.downloads += [text for text in notes if text.startswith("Downloaded")]
        return ran

    def exposed_secrets(self) -> list[str]:
        """Containers in whose labels, command or entrypoint a setting's value stands, and processes that show one."""
        api, found = self.engine.api(), []
        values = self._secrets(api)
        for one in api.containers(all=True):
            told = api.inspect_container(one["Id"])
            told["Config"].pop("Env")
            if any(value in str(told) for value in values):
                found.append(told["Name"])
        return found + processes_that_show(values)

    def beats(self) -> list[str]:
        """Versions whose worker has noted that it lives, each once, in their order."""
        api = self.engine.api()
        worker = next(one["Id"] for one in api.containers(filters={"label": "discode.role=process"}))
        job = api.exec_create(worker, ["cat", "/app/storage/beats"])["Id"]
        return list(dict.fromkeys(line.split()[1] for line in api.exec_start(job).decode().splitlines()))

    def leftovers(self) -> dict[str, list[str]]:
        return {**left_in(self.engine.api()), "journals": self.journals()}

    def uninstall(self) -> None:
        for app in (SECOND, APP):
            self.run("uninstall", app, "--purge", "--yes")

    def close(self) -> None:
        self.registry.stop()
        self.engine.close()

    def _install(self, app: str, host: str) -> Ran:
        where = ("--from", str(self.repo), "--host", host)
        proxy = ("--http-port", str(self.port), "--proxy-image", self.proxy_name)
        return self.run("install", app, *where, *(proxy if app == APP else ()))

    def _secrets(self, api: Any) -> set[str]:
        found = set()
        for one in api.containers(filters={"label": OURS[0]}):
            for text in api.inspect_container(one["Id"])["Config"]["Env"]:
                name, _, value = text.partition("=")
                found |= {value} if name == "SECRET_KEY_BASE" else set()
        if not found:
            raise CommandFailed("no container has the generated secret")
        return found


def left_in(api: Any) -> dict[str, list[str]]:
    """All that an engine has."""
    return {
        "instances": [name for one in api.containers(all=True) for name in one["Names"]],
        "networks": [one["Name"] for one in own_networks(api)],
        "volumes": [one["Name"] for one in api.volumes()["Volumes"] or []],
    }


def secrets_in(api: Any, variables: Collection[str]) -> dict[str, str]:
    """Values of those variables, by where they stand."""
    found = {}
    for container, told in _containers(api).items():
        for text in told["Config"]["Env"]:
            name, _, value = text.partition("=")
            if name in variables:
                found[f"{container} {name}"] = value
    return found


def where_exposed(api: Any, secrets: Collection[str]) -> list[str]:
    """Where a secret stands that should not: labels, commands, logs of containers; arguments of processes; what
    Discode has printed or written for others."""
    found = []
    for name, told in _containers(api).items():
        told["Config"].pop("Env")
        texts = {"container": str(told), "log": api.logs(told["Id"]).decode(errors="replace")}
        found += [f"{what} {name}" for what, text in texts.items() if any(one in text for one in secrets)]
    return found + processes_that_show(secrets)


def _containers(api: Any) -> dict[str, Any]:
    told = [api.inspect_container(one["Id"]) for one in api.containers(all=True)]
    return {one["Name"].lstrip("/"): one for one in told}


def processes_that_show(secrets: Collection[str]) -> list[str]:
    """In their arguments."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            words = (entry / "cmdline").read_text(errors="replace") if entry.name.isdigit() else ""
        except OSError:
            continue
        found += [f"process {entry.name}" for one in secrets if one in words]
    return found
