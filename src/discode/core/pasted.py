"""A secret of a hub as people paste it: out of a mail, a document, a settings file. Pure.

What arrives has a label, quotes, a dot at its end, line breaks in the middle, a byte order mark, capitals, characters
that nobody sees. The secret itself is of a fixed form (`dlk_`, 8 characters, `_`, 32 characters, of base 32), so it is
found in all that.
"""

from __future__ import annotations

import codecs
import re
import unicodedata
from typing import Literal

from .errors import UsageError

Kind = Literal["dlk", "dht"]
_FROM = {"dlk": ("license key", "bad-license", " from the vendor"), "dht": ("API token", "bad-token", "")}
_FORM = r"_[a-z2-7]{8}_[a-z2-7]{32}"
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
LONGEST = 1 << 16  # bytes: a mail with its signature, not a book


def pasted(text: str | bytes, kind: Kind) -> str:
    """The one secret of that kind in it. Raises ValueError, which does not repeat it, for none and for several."""
    read = _decoded(text[:LONGEST]) if isinstance(text, bytes) else text[:LONGEST]
    read = unicodedata.normalize("NFKC", read)
    read = "".join(letter for letter in read if unicodedata.category(letter) != "Cf").lower()
    whole: set[str] = set(re.findall(rf"(?<![a-z0-9]){kind}{_FORM}(?![a-z0-9])", read))
    # Broken into lines: by a mail's width, quoted by an answer (`> `), or by quoted-printable (`=` at the end).
    joined: set[str] = set(re.findall(kind + _FORM, re.sub(r"\s", "", re.sub(r"=?\s*\n[>\s]*", "", read))))
    found = whole or joined
    if len(found) > 1:
        raise ValueError("there are several")
    if not found:
        raise ValueError("there is none")
    return found.pop()


def required(text: str | bytes, kind: Kind) -> str:
    """As `pasted`. Raises UsageError, which does not repeat it."""
    try:
        return pasted(text, kind)
    except ValueError as error:
        noun, key, place = _FROM[kind]
        raise UsageError(
            f"This is not a hub's {noun}: {error} in it.",
            f"Copy it once more{place}: {kind}_, 8 characters, _, 32 characters.",
            key=key,
        ) from None


def _decoded(data: bytes) -> str:
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return data.decode(encoding, errors="replace")
    if data[1::2].count(0) * 2 > len(data) // 2:
        return data.decode("utf-16-le", errors="replace")
    if data[::2].count(0) * 2 > len(data) // 2:
        return data.decode("utf-16-be", errors="replace")
    return data.decode(errors="replace")
