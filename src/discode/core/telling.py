"""A model of ours for Pydantic: the same fields and rules, but every problem is told, each with its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

import msgspec
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, create_model, model_validator

from .manifest import EnvVar, Process, Volume
from .model import Check, Meta, Model, Parse


@cache
def telling(model: type[Model]) -> type[BaseModel]:
    """Strict about unknown fields, as a vendor's file is."""
    hints = get_type_hints(model, include_extras=True)
    fields: dict[str, Any] = {field.name: (_type(hints[field.name]), _default(field)) for field in _fields(model)}
    rules: dict[str, Any] = {"rules": model_validator(mode="after")(_rules_of(model))}
    if model in _PLAIN:
        rules["plain"] = model_validator(mode="before")(_PLAIN[model])
    return create_model(model.__name__, __config__=ConfigDict(extra="forbid"), __validators__=rules, **fields)


def _fields(model: type[Model]) -> tuple[msgspec.structs.FieldInfo, ...]:
    return msgspec.structs.fields(model)


def _default(field: msgspec.structs.FieldInfo) -> Any:
    return ... if field.required else field.default if field.default is not msgspec.NODEFAULT else {}


def _rules_of(model: type[Model]) -> Callable[[Any], Any]:
    rule: Callable[[Any], None] = getattr(model, "__post_init__", lambda value: None)

    def check(value: Any) -> Any:
        rule(value)
        return value

    return check


def _type(hint: Any) -> Any:
    """The type as Pydantic takes it; models inside it by `telling`."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is Annotated:
        inner, *metadata = parts
        return Annotated[(_type(inner), *_metadata(metadata))]
    if origin in (Union, UnionType):
        return Union[tuple(_type(part) for part in parts)]  # noqa: UP007 - of parts that are not known here
    if origin in (dict, list, tuple):
        return origin[tuple(part if part is ... else _type(part) for part in parts)]
    is_model = isinstance(hint, type) and hint is not NoneType and issubclass(hint, Model)
    return telling(hint) if is_model else hint


def _metadata(metadata: list[Any]) -> list[Any]:
    """A rule has a sentence for people, which the pattern beside it has not."""
    found: list[Any] = [AfterValidator(one.rule) for one in metadata if isinstance(one, Check)]
    found += [BeforeValidator(one.read) for one in metadata if isinstance(one, Parse)]
    has_rule = any(isinstance(one, Check) for one in metadata)
    return found + [_bounds(one, has_rule) for one in metadata if isinstance(one, Meta)]


def _bounds(meta: Meta, has_rule: bool) -> Any:
    bounds = {name: getattr(meta, name) for name in ("gt", "ge", "lt", "le", "min_length", "max_length")}
    pattern = None if has_rule or meta.pattern is None else meta.pattern.replace(r"\Z", "$")
    return Field(pattern=pattern, **{name: bound for name, bound in bounds.items() if bound is not None})


def _plain_value(given: Any) -> Any:
    """Of a variable: a fixed value may be written without its name."""
    if isinstance(given, bool):
        raise ValueError("put it in quotes: YAML reads it as true or false")
    return {"value": str(given)} if isinstance(given, str | int | float) else given


def _plain_path(given: Any) -> Any:
    """Of a volume: its path may be written without its name."""
    return {"path": given} if isinstance(given, str) else given


def _plain_command(given: Any) -> Any:
    """Of a process: its command may be written without its name."""
    return given if isinstance(given, dict) else {"command": given}


_PLAIN: dict[type[Model], Callable[[Any], Any]] = {
    EnvVar: _plain_value,
    Volume: _plain_path,
    Process: _plain_command,
}
