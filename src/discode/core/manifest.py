"""What the vendor says of a release. The release key is computed from it, so it never changes once published."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from typing import Annotated, Any, ClassVar, Literal

from .accessory import PASSWORD, Accessory, AccessoryName, Form
from .artifact import Archive, Image, Resources
from .fields import (
    BackupPath,
    Command,
    DoorPath,
    Entrypoint,
    HostName,
    Part,
    Port,
    Requirement,
    ResponseSeconds,
    Seconds,
    Slug,
    UrlPath,
    Variable,
    VersionText,
    VolumePath,
    check_versions,
    check_volume_path,
)  # fmt: skip
from .model import Meta
from .template import OWN, names, order

# The newest that is read. Raised when an older Discode could misread a manifest; it then refuses the release.
SCHEMA = 4
WITH_ENTRYPOINT = 2  # the first that knows `entrypoint`
WITH_DOORS = 3  # the first that knows `doors`: an earlier one would send their requests to the app
WITH_ACCESSORIES = 4  # the first that starts them


class Health(Part, frozen=True, kw_only=True):
    """GET `path` has to answer 2xx within `timeout`; a new instance has `deadline` to get there. The app is asked as
    `host`; None: as the first host of its route."""

    LATER: ClassVar[frozenset[str]] = frozenset({"host"})

    path: UrlPath = "/up"
    timeout: Seconds = 5.0
    deadline: Seconds = 60.0
    host: HostName | None = None


class EnvVar(Part, frozen=True, kw_only=True):
    """One of: a fixed `value`, a `template` (a value made of others), a secret to `generate` once per installation, a
    question to `ask` the customer, what leads to an `accessory`.

    What follows after `optional` came later. `secret`: whether it is hidden; None: as its name says. `form` is what is
    told of an accessory, and `scheme` what its address begins with; None: as is usual for its kind. The rest is of an
    `ask`: what its value has to be (`rule.held`), and its value until the customer gives one, which is a template too.
    """

    LATER: ClassVar[frozenset[str]] = frozenset(
        {"template", "secret", "accessory", "form", "scheme", "type", "default", "choices", "pattern", "help"}
    )

    value: str | None = None
    generate: Literal["hex32", "hex64", "hex128"] | None = None
    ask: str | None = None
    optional: bool = False
    template: str | None = None
    secret: bool | None = None
    accessory: AccessoryName | None = None
    form: Form = "url"
    scheme: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9+.-]{0,30}\Z")] | None = None
    type: Literal["text", "integer", "number", "boolean", "url", "email"] = "text"
    default: str | None = None
    choices: tuple[str, ...] = ()
    pattern: Annotated[str, Meta(max_length=1000)] | None = None
    help: Annotated[str, Meta(max_length=1000)] = ""

    def __post_init__(self) -> None:
        sources = (self.value, self.template, self.generate, self.ask, self.accessory)
        if sum(part is not None for part in sources) != 1:
            raise ValueError("give exactly one of: a fixed value, generate, ask, accessory")
        if self.accessory is None and (self.form != "url" or self.scheme is not None):
            raise ValueError("form and scheme need accessory")
        if self.scheme is not None and self.form != "url":
            raise ValueError("scheme is what an address begins with: omit it, or form")
        if self.ask is not None:
            return
        if self.optional:
            raise ValueError("optional needs ask")
        if self.type != "text" or self.default is not None or self.choices or self.pattern is not None or self.help:
            raise ValueError("type, default, choices, pattern and help need ask")


def templates(env: Mapping[str, EnvVar]) -> dict[str, str]:
    """What is made of others, or can be, by its name: values and defaults."""
    return {name: text for name, variable in env.items() if (text := _text_of(variable)) is not None}


def _text_of(variable: EnvVar) -> str | None:
    return variable.default if variable.template is None else variable.template


def check_templates(env: Mapping[str, EnvVar]) -> None:
    """Raises ValueError, with the variable's name, for one that is made of an unknown one, or of itself."""
    made = templates(env)
    for name, text in made.items():
        check_template(name, text, env)
    order(made)


def check_template(name: str, text: str, env: Mapping[str, EnvVar], also: Collection[str] = ()) -> None:
    """`also`: names that are known beside `env`. Raises ValueError."""
    try:
        unknown = [part for part in names(text) if part not in env and part not in OWN and part not in also]
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from None
    if unknown:
        raise ValueError(
            f"{name} is made of {unknown[0]}, which is no name under env; $${{ stands for the characters ${{"
        )


class Volume(Part, frozen=True, kw_only=True):
    """Where the app has it, as a vendor's file says it. `share`: several programs may write it at the same time."""

    path: VolumePath
    share: bool = False

    def __post_init__(self) -> None:
        check_volume_path(self.path)


class UpdatePolicy(Part, frozen=True, kw_only=True):
    """Seconds: `confirm` after the switch, `drain` of the old one, `stop` before SIGKILL, longest `hold`.

    `confirm_path`: a page that is asked for, too, while it is confirmed. It may redirect or want a login, but not fail.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"confirm_path"})

    strategy: Literal["overlap", "hold"] = "overlap"
    confirm: Seconds = 10.0
    drain: Seconds = 30.0
    stop: Seconds = 10.0
    hold: Seconds = 30.0
    confirm_path: UrlPath | None = None


class Timeouts(Part, frozen=True, kw_only=True):
    """Seconds: `response`, what the app may take until its answer to a request begins; then the proxy answers 504.

    60 s are nginx's and Apache's default. Heroku's and kamal-proxy's 30 s cut reports and imports that worked wherever
    the vendor tried them; much more, and an app that hangs keeps its users waiting instead of telling them.
    """

    response: ResponseSeconds = 60.0


class DoorHealth(Part, frozen=True, kw_only=True):
    """As `Health`, of a process: GET `path`, as the process itself knows it, has to answer 2xx within `timeout`."""

    path: UrlPath = "/up"
    timeout: Seconds = 5.0


class Door(Part, frozen=True, kw_only=True):
    """What sends requests to a process: all that begin with `path`. `port`: where it listens in its container; None:
    at its own $PORT, as a process of an archive does. `strip_path`: the process does not see `path`."""

    path: DoorPath
    port: Port | None = None
    strip_path: bool = False
    health: DoorHealth = DoorHealth()

    @property
    def shown_path(self) -> str | None:
        """What its health check asks for, as a user of the app would; None where no user gets there."""
        if self.strip_path:
            return self.path + self.health.path
        return self.health.path if self.has(self.health.path) else None

    def has(self, path: str) -> bool:
        """Whether requests for a path of the app's go through it."""
        return f"{path}/".startswith(f"{self.path}/")


class Process(Part, frozen=True, kw_only=True):
    """As a vendor's file says it. With `path` it is behind a door, which the rest but the command is about."""

    command: Command
    path: DoorPath | None = None
    port: Port | None = None
    strip_path: bool = False
    health: DoorHealth | None = None

    def __post_init__(self) -> None:
        if self.path is None and (self.port is not None or self.strip_path or self.health is not None):
            raise ValueError("port, strip_path and health need path: the requests that go to this process")

    @property
    def door(self) -> Door | None:
        if self.path is None:
            return None
        health = self.health or DoorHealth()
        return Door(path=self.path, port=self.port, strip_path=self.strip_path, health=health)


class Backup(Part, frozen=True, kw_only=True):
    """What a vendor says of backups. `exclude`: paths that need none, each with its volume first. The others are
    commands: `before` and `after` run in the app while its volumes are copied, `verify` in what a restore has brought
    up, to prove it."""

    LATER: ClassVar[frozenset[str]] = frozenset()

    exclude: tuple[BackupPath, ...] = ()
    before: Command | None = None
    after: Command | None = None
    verify: Command | None = None


class AppSpec(Part, frozen=True, kw_only=True):
    """What a vendor's file and a manifest have in common.

    `entrypoint` is in place of the image's ENTRYPOINT, and its CMD does not count then; None: the image's own. As in
    Docker, `command` is in place of CMD, and whatever is run in the image is given to its ENTRYPOINT.
    """

    LATER: ClassVar[frozenset[str]] = frozenset({"entrypoint", "release_timeout", "timeouts", "backup"})

    app: Slug
    entrypoint: Entrypoint | None = None
    command: Command | None = None
    port: Port | None = None
    health: Health = Health()
    env: dict[Variable, EnvVar] = {}
    release_command: Command | None = None
    release_timeout: Seconds = 3600.0
    update: UpdatePolicy = UpdatePolicy()
    timeouts: Timeouts = Timeouts()
    requires: Requirement | None = None
    irreversible: bool = False
    resources: Resources = Resources()
    backup: Backup = Backup()

    def __post_init__(self) -> None:
        check_versions(None, self.requires)


class Manifest(AppSpec, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A published release. Fields that a later Discode adds are ignored here; what must not be ignored raises
    `manifest_schema`."""

    LATER: ClassVar[frozenset[str]] = AppSpec.LATER | {"doors", "accessories"}

    manifest_schema: int = 1
    version: VersionText
    artifact: Archive | Image
    volumes: dict[Slug, VolumePath] = {}
    processes: dict[Slug, Command] = {}
    doors: dict[Slug, Door] = {}  # by the process that is behind it
    accessories: dict[AccessoryName, Accessory] = {}

    def __post_init__(self) -> None:
        AppSpec.__post_init__(self)
        check_versions(self.version, None)
        for path in self.volumes.values():
            check_volume_path(path)
        check_templates(self.env)
        self._check_doors()
        self._check_accessories()

    def _check_doors(self) -> None:
        if unknown := set(self.doors) - set(self.processes):
            raise ValueError(f"a door leads to {min(unknown)}, which is no process")
        if len({door.path for door in self.doors.values()}) < len(self.doors):
            raise ValueError("two doors have the same path")
        if any((door.port is None) != (self.artifact.kind == "archive") for door in self.doors.values()):
            raise ValueError("a door of an image has a port, and one of an archive has none")

    def _check_accessories(self) -> None:
        if self.accessories and self.manifest_schema < WITH_ACCESSORIES:
            raise ValueError(f"accessories need manifest_schema {WITH_ACCESSORIES}")
        if twice := {*self.processes, *self.volumes} & set(self.accessories):
            raise ValueError(f"an accessory has the name of a process or a volume, {min(twice)}")
        named = {variable.accessory for variable in self.env.values() if variable.accessory is not None}
        if unknown := named - set(self.accessories):
            raise ValueError(f"a variable leads to {min(unknown)}, which is no accessory")
        for accessory in self.accessories.values():
            for name, text in accessory.env.items():
                check_template(name, text, self.env, (PASSWORD,))

    def canonical(self) -> bytes:
        """The bytes that are hashed and signed: JSON with sorted keys and no blanks."""
        told = self.as_dict()
        _leave_out_later(self, told)
        return json.dumps(told, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _leave_out_later(value: Any, told: Any) -> None:
    """What `Part.LATER` says, in all of `told`, which is what `value` is as a dictionary."""
    if isinstance(value, Part):
        for name in value.__struct_fields__:
            if name in value.LATER and value.is_default(name):
                del told[name]
            else:
                _leave_out_later(getattr(value, name), told[name])
    elif isinstance(value, dict):
        for name, one in value.items():
            _leave_out_later(one, told[name])


def release_key(canonical: bytes) -> str:
    """The first 12 hex digits of the SHA-256 of a manifest's bytes."""
    return hashlib.sha256(canonical).hexdigest()[:12]
