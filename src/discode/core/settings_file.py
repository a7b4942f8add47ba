r"""A file of settings: `NAME=VALUE` lines, as `.env` files have them. What could be read in two ways is refused.

A value may be in quotes, and then over several lines. In single quotes all is as it stands; in double quotes a
backslash makes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` what they are elsewhere. Without quotes the value is the rest of
the line, but for blanks around it. Nothing is expanded: `$` is a dollar. A line that begins with `#` is a comment, and
so is `#` after a closing quote; ` #` in a value without quotes may be both, so it has to be put into quotes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from .errors import UsageError

LONGEST = 4 * 1024 * 1024  # bytes of a file
_ENCODINGS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_NAME = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_SINGLE = re.compile(r"'([^']*)'")
_AFTER = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\n|\Z)")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_MEANING = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\", "$": "$"}


def parse_settings(data: bytes, file: str) -> dict[str, str]:
    """Raises UsageError with the file and the line; never repeats a value."""
    found: dict[str, str] = {}
    lines: dict[str, int] = {}
    for line, name, value in _pairs(_text(data, file), file):
        if name in found:
            raise _wrong(file, line, f"{name} is in the file twice, first in line {lines[name]}", "Keep one of them.")
        found[name], lines[name] = value, line
    return found


def _text(data: bytes, file: str) -> str:
    if len(data) > LONGEST:
        raise UsageError(
            f"{file} is longer than {LONGEST >> 20} MB. Nothing was changed.", "Give a file of settings.",
            key="invalid-setting",
        )  # fmt: skip
    mark, encoding = next(((mark, name) for mark, name in _ENCODINGS if data.startswith(mark)), (b"", "utf-8"))
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(encoding, "replace")
        raise _wrong(
            file, before.count("\n") + 1, "it is not UTF-8 text", "Save the file as UTF-8, then run the command again."
        ) from None
    text = text.replace("\r\n", "\n")
    for sign, what in (("\0", "a NUL character"), ("\r", "a carriage return within a line")):
        if (at := text.find(sign)) >= 0:
            raise _wrong(file, text.count("\n", 0, at) + 1, f"it has {what}", "Save the file as plain UTF-8 text.")
    return text


def _pairs(text: str, file: str) -> Iterator[tuple[int, str, str]]:
    """Each setting with its line. Lines end with a line feed alone: a value may have U+2028 and its like."""
    at, line = 0, 1
    while at < len(text):
        end = text.find("\n", at)
        end = len(text) if end < 0 else end
        if not text[at:end].strip() or text[at:end].lstrip().startswith("#"):
            at, line = end + 1, line + 1
            continue
        match = _NAME.match(text, at, end)
        if match is None:
            raise _wrong(file, line, "it must look like NAME=value", "For example: SMTP_ADDRESS=mail.example.com")
        value, after = _value(text, match.end(), end, file, line)
        yield line, match[1], value
        line, at = line + text.count("\n", at, after), after


def _value(text: str, at: int, end: int, file: str, line: int) -> tuple[str, int]:
    """The value that begins there, and where the next line does."""
    quote = text[at : at + 1]
    if quote in ("'", '"') and at < end:
        return _quoted(text, at, quote, file, line)
    value = text[at:end].strip()
    if re.search(r"\s#", text[at:end]):
        raise _wrong(
            file, line, "a # after a blank may be part of the value or begin a comment",
            "Put the value in quotes, and a comment on a line of its own.",
        )  # fmt: skip
    return value, end + 1


def _quoted(text: str, at: int, quote: str, file: str, line: int) -> tuple[str, int]:
    match = (_DOUBLE if quote == '"' else _SINGLE).match(text, at)
    if match is None:
        raise _wrong(
            file, line, f"the value begins with {quote} and nothing closes it",
            f"Close it with {quote}. A value that begins with a quote has to be put in quotes itself.",
        )  # fmt: skip
    after = _AFTER.match(text, match.end())
    if after is None:
        raise _wrong(
            file, line + text.count("\n", at, match.end()), f"there is more after the closing {quote}",
            "Put the whole value in quotes, and \\ before each of its own quotes.",
        )  # fmt: skip
    value = _ESCAPE.sub(_unescaped, match[1]) if quote == '"' else match[1]
    return value, max(after.end(), match.end() + 1)


def _unescaped(match: re.Match[str]) -> str:
    """What is no escape stays as it is written: a Windows path, a pattern."""
    return _MEANING.get(match[1], match[0])


def _wrong(file: str, line: int, what: str, next_step: str) -> UsageError:
    return UsageError(f"{file}, line {line}: {what}. Nothing was changed.", next_step, key="invalid-setting")
