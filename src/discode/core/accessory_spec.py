"""An accessory as a vendor's file says it: two lines for a kind that is known, any other image by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

from .accessory import PASSWORD, Accessory, AccessoryHealth, Kind, Signal
from .accessory_kinds import KINDS, Known, volume_path
from .artifact import Image, Resources
from .errors import UsageError
from .fields import Command, Entrypoint, Part, Port, Seconds, Slug, Variable, VolumePath
from .manifest import EnvVar, check_template
from .model import Meta, Parse
from .reference import parse
from .rule import possible
from .template import is_template, names

Place = tuple[str, ...]  # below `accessories`: a name, and a field of it
_WORD = r"[a-z_][a-z0-9_]{0,30}"  # of a user and of a database: it stands in addresses and in commands as it is
_TAKEN = ("postgres", "template0", "template1", "root", "mysql", "sys")
_GIVEN = ("port", "entrypoint", "volumes", "stop_signal")  # of a kind that is known


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("put it in quotes: YAML reads it as true or false")
    return value


Text = Annotated[str, Parse(_text)]


class AccessorySpec(Part, frozen=True, kw_only=True):
    """One of the kinds with its version, or an `image` with the `port` that it listens on. With a kind, `image` is in
    place of the official one, and `command` has options for its server."""

    LATER: ClassVar[frozenset[str]] = frozenset()

    postgres: str | None = None
    mariadb: str | None = None
    redis: str | None = None
    valkey: str | None = None
    image: Annotated[str, Meta(min_length=1)] | None = None
    port: Port | None = None
    entrypoint: Entrypoint | None = None
    command: Command | None = None
    volumes: dict[Slug, VolumePath] = {}
    env: dict[Variable, Text] = {}
    health: AccessoryHealth = AccessoryHealth()
    resources: Resources = Resources()
    stop: Seconds = 30.0
    stop_signal: Signal | None = None

    def __post_init__(self) -> None:
        kinds = [name for name in KINDS if getattr(self, name) is not None]
        if len(kinds) > 1:
            raise ValueError(f"an accessory is one thing: choose {' or '.join(kinds)}")
        if not kinds and self.image is None:
            raise ValueError(f'give a kind with its version, such as postgres: "16" ({", ".join(KINDS)}), or image')
        if not kinds and self.port is None:
            raise ValueError("image needs port: the one that it listens on in its container")
        if kinds and (given := [name for name in _GIVEN if getattr(self, name) not in (None, {})]):
            raise ValueError(f"{given[0]} is known of {kinds[0]}: omit it")

    @property
    def kind(self) -> Kind | None:
        return next((one for one in KINDS if getattr(self, one) is not None), None)

    @property
    def version(self) -> str:
        return getattr(self, self.kind) if self.kind else ""

    @property
    def reference(self) -> str:
        """Of its image. Of a known kind the version is the tag, unless the vendor gives one."""
        if self.kind is None:
            return self.image or ""
        image = self.image or KINDS[self.kind].image
        last = image.rpartition("/")[2]
        return image if ":" in last or "@" in last else f"{image}:{self.version}"

    def released(self, image: Image) -> Accessory:
        """Whole, as a manifest has it."""
        fields = {name: getattr(self, name) for name in self.__struct_fields__ if name in Accessory.__struct_fields__}
        if self.kind is not None:
            fields |= self._of_its_kind(self.kind, KINDS[self.kind])
        return Accessory.checked(**{**fields, "image": image})

    def _of_its_kind(self, kind: Kind, known: Known) -> dict[str, object]:
        env = {**known.env, **self.env}
        is_own = self.health.command is not None or self.health.path is not None
        return {
            "kind": kind, "version": self.version, "port": known.port, "entrypoint": known.entrypoint,
            "volumes": {"data": volume_path(kind, self.version)},
            "env": {**env, **{name: env[source] for name, source in known.same.items()}},
            "health": self.health if is_own else self.health.changed(command=list(known.health)),
            "stop_signal": known.stop_signal,
        }  # fmt: skip


def problems(
    specs: Mapping[str, AccessorySpec], env: Mapping[str, EnvVar], taken: Mapping[str, str], *, is_image: bool
) -> Iterator[tuple[Place, str]]:
    """What a vendor has to mend, each with its place. `taken`: names of the app's own, each with what has it."""
    for name, one in specs.items():
        if name == "web":
            yield (name,), "web is the app itself: give the accessory another name"
        if name in taken:
            yield (name,), f"{taken[name]} has this name, too: give the accessory another"
        if not is_image and not any(variable.accessory == name for variable in env.values()):
            yield (
                (name,),
                (
                    "customers of an archive give an address in its place, and no variable takes it: "
                    f"add env: {{NAME: {{accessory: {name}}}}}"
                ),
            )
        for place, message in (*_of_image(one), *_of_env(one, env), *_of_kind(one)):
            yield (name, *place), message


def _of_image(one: AccessorySpec) -> Iterator[tuple[Place, str]]:
    try:
        reference = parse(one.reference)
    except UsageError:
        yield ("image",), f"{one.image!r} is not an image reference, such as registry.example.com/acme/smtp:1.0"
        return
    if one.kind is None and reference.tag is None and reference.digest is None:
        yield ("image",), f"give its tag, such as {one.image}:1.0"
    for volume, path in one.volumes.items():
        if not path.startswith("/"):
            yield ("volumes", volume), "an absolute path in its container"


def _of_env(one: AccessorySpec, env: Mapping[str, EnvVar]) -> Iterator[tuple[Place, str]]:
    for name, text in one.env.items():
        try:
            possible(name, text)
            check_template(name, text, env, (PASSWORD,))
        except ValueError as error:
            yield ("env", name), str(error)
            continue
        loops = [part for part in names(text) if part in env and env[part].accessory is not None and one.kind]
        if loops:
            yield ("env", name), f"{loops[0]} is made of an accessory: a {one.kind} cannot be made of it"


def _of_kind(one: AccessorySpec) -> Iterator[tuple[Place, str]]:
    if one.kind is None:
        return
    known = KINDS[one.kind]
    if not known.has(one.version):
        yield (one.kind,), f"{one.version} is no version of {one.kind} that is known; write it like {known.example}"
    if one.command and not one.command[0].startswith("-"):
        yield ("command",), f"of {one.kind} it has options for the server alone, such as --name value"
    for name, text in one.env.items():
        if name in known.fixed:
            yield ("env", name), "Discode sets it: omit it"
        elif name in (known.user, known.database) and (is_template(text) or not _is_word(text)):
            yield ("env", name), f"lowercase letters, digits and _, and none of: {', '.join(_TAKEN)}"


def _is_word(text: str) -> bool:
    return re.fullmatch(_WORD, text) is not None and text not in _TAKEN


def variable_problems(specs: Mapping[str, AccessorySpec], env: Mapping[str, EnvVar]) -> Iterator[tuple[Place, str]]:
    """Of variables that lead to accessories, each with its place below `env`."""
    for name, variable in env.items():
        if variable.accessory is None:
            continue
        one = specs.get(variable.accessory)
        if one is None:
            known = f"there are: {', '.join(specs)}" if specs else "there is none"
            yield (name, "accessory"), f"no accessory is named {variable.accessory}; {known}"
        elif one.kind is None and variable.form in ("user", "database"):
            yield (name, "form"), f"of an image by hand the {variable.form} is not known: write it down"
        elif one.kind is None and variable.form == "url" and variable.scheme is None:
            yield (name,), "add scheme, what its address begins with, such as smtp; or form: host"
