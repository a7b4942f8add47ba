"""Values of the core that are kept in files, or signed: frozen, read strictly, written whole.

By msgspec, which is there in a tenth of the time that Pydantic takes to be imported: every command reads some of these.
A vendor's file is Pydantic's, for there each problem has to be told (vendor_file.py); it takes the rules from here.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, Self

import msgspec
from msgspec import Meta, ValidationError

__all__ = ["Check", "Meta", "Model", "Parse", "ValidationError", "field_of"]

_PLACE = re.compile(r"`\$\.?([^`]*)`$")  # at the end of msgspec's messages


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong by types, bounds and patterns is refused where something is read; `__post_init__` says the rest, by
    a ValueError."""

    @classmethod
    def read(cls, raw: Any) -> Self:
        """From what JSON has. Raises ValidationError."""
        return msgspec.convert(raw, cls)

    @classmethod
    def read_json(cls, data: bytes | str) -> Self:
        """Raises ValidationError."""
        try:
            return cls.read(json.loads(data))
        except (ValueError, RecursionError) as error:
            raise error if isinstance(error, ValidationError) else ValidationError("It is not JSON.") from None

    @classmethod
    def checked(cls, **fields: Any) -> Self:
        """Made of Python's values, by the same rules as what is read. Raises ValidationError."""
        return cls.read(msgspec.to_builtins(fields))

    def changed(self, **fields: Any) -> Self:
        return msgspec.structs.replace(self, **fields)

    def is_default(self, name: str) -> bool:
        """Whether a field has the value that it has when it is not given."""
        [field] = [one for one in msgspec.structs.fields(self) if one.name == name]
        made = field.default_factory
        return bool(getattr(self, name) == (field.default if made is msgspec.NODEFAULT else made()))

    def as_dict(self) -> dict[str, Any]:
        """Of what JSON knows, and tuples."""
        found: dict[str, Any] = msgspec.to_builtins(self)
        return found

    def as_json(self) -> str:
        """One line, in ASCII: a lone surrogate, from a command line that was no UTF-8, survives it."""
        return json.dumps(self.as_dict(), separators=(",", ":"))


class Check:
    """Metadata of a type: `rule` raises ValueError with a sentence for a vendor. A pattern beside it, or
    `__post_init__`, holds what is read to the same."""

    def __init__(self, rule: Callable[[Any], Any]):
        self.rule = rule


class Parse:
    """Metadata of a type: `read` takes what a vendor may write in its place, `10s` for 10.0."""

    def __init__(self, read: Callable[[Any], Any]):
        self.read = read


def field_of(error: ValidationError) -> str:
    """Where in a document the problem is, `release.key`; empty for the whole."""
    found = _PLACE.search(str(error))
    return found[1] if found else ""
