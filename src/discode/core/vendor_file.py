"""The vendor's file, `discode.yml`: read field by field, so that each problem is told with its line."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Annotated, Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from .accessory import AccessoryName
from .accessory_kinds import KINDS
from .accessory_spec import AccessorySpec, variable_problems
from .accessory_spec import problems as accessory_problems
from .doors import problems as door_problems
from .errors import ManifestError
from .fields import Command, Platform, Slug, VersionText
from .manifest import AppSpec, Door, EnvVar, Process, Volume
from .model import Meta, Model
from .telling import telling
from .variables import finished, problems

LONGEST = 256 * 1024  # bytes
_NAMED: dict[str, type[Model]] = {"env": EnvVar, "volumes": Volume, "processes": Process, "accessories": AccessorySpec}
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float", "tag:yaml.org,2002:timestamp")
_WORDS = (*_NUMBERS, "tag:yaml.org,2002:bool")


class VendorFile(AppSpec, frozen=True, kw_only=True):
    """`archive` is a folder or a tar archive, `image` a reference; a release is one of them. `platforms` are those
    that an image promises to have."""

    version: VersionText | None = None
    archive: Annotated[str, Meta(min_length=1)] | None = None
    image: Annotated[str, Meta(min_length=1)] | None = None
    platforms: tuple[Platform, ...] = ()
    volumes: dict[Slug, Volume] = {}
    processes: dict[Slug, Process] = {}
    accessories: dict[AccessoryName, AccessorySpec] = {}

    @property
    def commands(self) -> dict[str, Command]:
        return {name: process.command for name, process in self.processes.items()}

    @property
    def doors(self) -> dict[str, Door]:
        """By the process that is behind it."""
        return {name: process.door for name, process in self.processes.items() if process.door}

    @property
    def volume_paths(self) -> dict[str, str]:
        return {name: volume.path for name, volume in self.volumes.items()}

    def __post_init__(self) -> None:
        AppSpec.__post_init__(self)
        if (self.archive is None) == (self.image is None):
            raise ValueError("give exactly one of: archive (a folder or a tar archive), image")
        if self.archive and not self.command:
            raise ValueError("an archive needs a command to start it")
        if self.archive and any(volume.path.startswith("/") for volume in self.volumes.values()):
            raise ValueError("the volumes of an archive are folders inside it: omit the leading /")
        if self.image and self.port is None:
            raise ValueError("an image needs port: the one that the app listens on in the container")
        if self.archive and self.entrypoint is not None:
            raise ValueError("entrypoint needs image; an archive's commands run as they are")
        if self.entrypoint == [] and not self.command:
            raise ValueError("entrypoint: [] leaves nothing to start: give command, too")
        if self.archive and "web" in self.processes:
            raise ValueError("web is the app itself: give its process another name")
        if self.archive and self.platforms:
            raise ValueError("platforms needs image")
        if self.image and any(not volume.path.startswith("/") for volume in self.volumes.values()):
            raise ValueError("the volumes of an image are absolute paths in the container")


def parse_vendor_file(text: str, name: str = "discode.yml") -> VendorFile:
    """Raises ManifestError with a line for each problem."""
    if len(text.encode(errors="replace")) > LONGEST:
        raise ManifestError(f"{name} is longer than {LONGEST // 1024} KB.", ())
    node = _composed(text, name)
    disorder = list(_structure(node)) if node else ["it is empty"]
    if disorder:
        raise ManifestError(f"{name} is invalid. Nothing was published.", tuple(disorder))
    try:
        assert node is not None
        given = telling(VendorFile).model_validate(_constructed(node))
        spec = VendorFile.read(given.model_dump(exclude_unset=True))
    except ValidationError as error:
        told = tuple(_told(problem, node) for problem in error.errors(include_url=False, include_context=False))
        raise ManifestError(f"{name} is invalid. Nothing was published.", told) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"{name} cannot be read. Nothing was published.", (str(error),)) from None
    spec = spec.changed(env=finished(spec.env))
    if found := [_place([part, *path], node) + message for part, path, message in _problems(spec)]:
        raise ManifestError(f"{name} is invalid. Nothing was published.", tuple(found))
    return spec


def _problems(spec: VendorFile) -> Iterator[tuple[str, tuple[str, ...], str]]:
    """What its parts say together: the part, the place in it, and what has to be mended."""
    is_image = spec.image is not None
    for volume, why in twice_written(spec).items():
        yield "volumes", (volume,), why
    own = {"health check": spec.health.path, "confirm_path": spec.update.confirm_path}
    found = [("processes", *one) for one in door_problems(spec.doors, own, is_image=is_image)]
    found += [("env", *one) for one in problems(spec.env)]
    found += [("env", *one) for one in variable_problems(spec.accessories, spec.env)]
    taken = {**dict.fromkeys(spec.volumes, "a volume"), **dict.fromkeys(spec.processes, "a process")}
    found += [("accessories", *one) for one in accessory_problems(spec.accessories, spec.env, taken, is_image=is_image)]
    yield from found
    for number, path in enumerate(spec.backup.exclude):
        if (volume := path.partition("/")[0]) not in spec.volumes:
            yield "backup", ("exclude", str(number)), f"no volume is named {volume}; what is in none is in no backup"


def twice_written(spec: VendorFile) -> dict[str, str]:
    """Volumes that two programs would write at once in an update, each with what the vendor can do.

    An app that is one program may run twice on its volume, as for its users' uploads; of a database beside it nobody
    can know that but the vendor.
    """
    if not spec.processes or spec.update.strategy == "hold":
        return {}
    names = " and ".join([", ".join(["the app", *spec.processes][:-1]), list(spec.processes)[-1]])
    return {
        name: f"{names} have this volume, and each of them runs twice in an update, the old one beside the new one. "
        "For a database, or a file that one program writes (SQLite), stop the old ones first: "
        "update: {strategy: hold}. If they may all write it at once (uploads), say so: "
        f"{name}: {{path: {volume.path}, share: true}}"
        for name, volume in spec.volumes.items()
        if not volume.share
    }


def _composed(text: str, name: str) -> yaml.Node | None:
    try:
        # An alias can stand for more than the whole file, over and over: none is needed here.
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent):
                raise ManifestError(
                    f"{name} is invalid. Nothing was published.",
                    (f"line {_line_of(event)}: aliases (*{event.anchor}) are not allowed",),
                )
        return yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise ManifestError(f"{name} is not YAML. Nothing was published.", (f"{line}{error.problem}",)) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"{name} is not YAML. Nothing was published.", (str(error),)) from None


def _constructed(node: yaml.Node) -> Any:
    """The file's values. Versions and the values of env stay as they were written: `1.10` is not the number 1.1."""
    for key, value in node.value:
        if key.value == "version":
            _keep_as_text(value)
        elif key.value == "env" and isinstance(value, yaml.MappingNode):
            for _, variable in value.value:
                _keep_variable(variable)
        elif key.value == "accessories" and isinstance(value, yaml.MappingNode):
            for _, accessory in value.value:
                _keep_accessory(accessory)
    return yaml.SafeLoader("").construct_document(node)


def _keep_variable(node: yaml.Node) -> None:
    if not isinstance(node, yaml.MappingNode):
        _keep_as_text(node)
        return
    for key, value in node.value:
        if key.value == "value":
            _keep_as_text(value)
        elif key.value in ("default", "choices"):
            for one in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                _keep_as_text(one, _WORDS)


def _keep_accessory(node: yaml.Node) -> None:
    for key, value in node.value if isinstance(node, yaml.MappingNode) else []:
        if key.value in KINDS:
            _keep_as_text(value)
        elif key.value == "env" and isinstance(value, yaml.MappingNode):
            for _, text in value.value:
                _keep_as_text(text)


def _keep_as_text(node: yaml.Node, tags: tuple[str, ...] = _NUMBERS) -> None:
    if isinstance(node, yaml.ScalarNode) and node.tag in tags:
        node.tag = "tag:yaml.org,2002:str"


def _line_of(event: yaml.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 0


def _structure(node: yaml.Node) -> Iterator[str]:
    """What YAML lets pass and a person does not mean."""
    if not isinstance(node, yaml.MappingNode):
        yield f"line {node.start_mark.line + 1}: expected names and values, like app: myapp"
        return
    yield from _doubles(node)


def _doubles(node: yaml.Node) -> Iterator[str]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _doubles(item)
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        if key.value in seen if isinstance(key, yaml.ScalarNode) else False:
            yield f"line {key.start_mark.line + 1}: {key.value} appears twice"
        seen.add(str(key.value))
        yield from _doubles(value)


def _told(problem: Any, node: yaml.Node | None) -> str:
    path = [str(part) for part in problem["loc"] if part != "[key]"]  # a name itself, not what it stands for
    message = str(problem["msg"]).removeprefix("Value error, ")
    if problem["type"] == "extra_forbidden":
        message = _unknown(path)
    elif message.startswith("Input should be a valid dictionary"):
        message = "expected names and values, as in {name: value}"
    return f"{_place(path, node)}{message}"


def _place(path: list[str], node: yaml.Node | None) -> str:
    line, field = _line(path, node), ".".join(path)
    return f"{f'line {line}: ' if line else ''}{f'{field}: ' if field else ''}"


def _unknown(path: list[str]) -> str:
    fields = _fields(telling(VendorFile), path[:-1])
    near = difflib.get_close_matches(path[-1], fields, n=1)
    return f"unknown field; did you mean {near[0]}?" if near else f"unknown field; valid are: {', '.join(fields)}"


def _fields(model: type[BaseModel], path: list[str]) -> list[str]:
    for number, part in enumerate(path):
        field = model.model_fields.get(part)
        inner = _model_of(field.annotation) if field else None
        # Below these come names of the vendor's own, and below those the fields of one.
        named = telling(_NAMED.get(path[number - 1], EnvVar))
        model = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else named
    return sorted(model.model_fields)


def _model_of(annotation: Any) -> Any:
    """Of one that may be left out as well."""
    return next((part for part in get_args(annotation) if part is not type(None)), annotation)


def _line(path: list[str], node: yaml.Node | None) -> int | None:
    """The line of the deepest part of the path that stands in the file."""
    line = None
    for part in path:
        if isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
            continue
        pairs = node.value if isinstance(node, yaml.MappingNode) else []
        found = next(((key, value) for key, value in pairs if key.value == part), None)
        if found is None:
            return line
        line, node = found[0].start_mark.line + 1, found[1]
    return line
