"""What the vendor wants of the value of a setting: its type, its choices, a pattern.

A pattern is the vendor's and a value the customer's, so it is matched by an engine whose time grows with the value's
length alone: Rust's `regex`, which Pydantic brings along. It has no look-around and no back-references.
<https://docs.rs/regex/latest/regex/#syntax>
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from .manifest import EnvVar
from .template import LONGEST

_INTEGER = re.compile(r"[+-]?[0-9]{1,30}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,30}(?:\.[0-9]{0,30})?|\.[0-9]{1,30})(?:[eE][+-]?[0-9]{1,4})?")
_EMAIL = re.compile(r"[^@\s]{1,64}@[^@\s]{1,255}")
_TRUE, _FALSE = frozenset({"true", "yes", "on", "1"}), frozenset({"false", "no", "off", "0"})
_WANTED = {
    "integer": "a whole number, such as 8080",
    "number": "a number, such as 2.5",
    "boolean": "true or false",
    "url": "an address with its scheme, such as https://example.com",
    "email": "an email address",
}


def held(variable: EnvVar, value: str) -> str:
    """The value as the app gets it: `yes` of a boolean is `true`. Raises ValueError, which names the rule and never
    repeats the value."""
    value = _typed(variable.type, value)
    if variable.choices and value not in variable.choices:
        raise ValueError(f"has to be one of: {', '.join(variable.choices)}")
    if variable.pattern is not None and not _matches(variable.pattern, value):
        raise ValueError(f"has to match the pattern {variable.pattern}")
    return value


def possible(name: str, value: str) -> None:
    """What no program can be given. Raises ValueError."""
    if "\0" in value:
        raise ValueError("has a NUL character, which no setting can have")
    try:
        size = len(name) + 1 + len(value.encode())
    except UnicodeEncodeError:
        raise ValueError("is not UTF-8 text") from None
    if size > LONGEST:
        raise ValueError("is longer than 128 KB, which no program can be given")


def check_pattern(pattern: str) -> None:
    """Raises ValueError for one that the engine does not take."""
    from pydantic_core import SchemaError

    try:
        _compiled(pattern)  # alone: inside the brackets `a)|(b` would pass
        _engine(pattern)
    except SchemaError as error:
        reason = str(error).strip().splitlines()[-1].removeprefix("error: ")
        raise ValueError(f"is no pattern that can be used: {reason}") from None


def words(variable: EnvVar) -> str:
    """What is wanted, for a question: empty when any text will do."""
    if variable.choices:
        return f"one of: {', '.join(variable.choices)}"
    return _WANTED.get(variable.type, "")


def _typed(kind: str, value: str) -> str:
    """Raises ValueError."""
    if kind == "text":
        return value
    value = value.strip()
    if kind == "boolean" and value.lower() in _TRUE | _FALSE:
        return "true" if value.lower() in _TRUE else "false"
    if kind == "url" and _is_address(value):
        return value
    pattern = {"integer": _INTEGER, "number": _NUMBER, "email": _EMAIL}.get(kind)
    if pattern is not None and pattern.fullmatch(value):
        return value
    raise ValueError(f"has to be {_WANTED[kind]}")


def _is_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
        parts.port  # noqa: B018 - raises ValueError for a port that is none
    except ValueError:
        return False
    return bool(parts.scheme and parts.netloc) and not any(sign.isspace() for sign in value)


def _matches(pattern: str, value: str) -> bool:
    from pydantic_core import ValidationError

    try:
        _engine(pattern).validate_python(value)
    except ValidationError:
        return False
    return True


@cache
def _engine(pattern: str) -> Any:
    """It has to match the whole value, as in a web form."""
    return _compiled(rf"\A(?:{pattern})\z")


def _compiled(pattern: str) -> Any:
    from pydantic_core import SchemaValidator, core_schema

    return SchemaValidator(core_schema.str_schema(pattern=pattern, regex_engine="rust-regex"))
