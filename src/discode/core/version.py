"""Versions and requirements, in the notation and order of PEP 440, which takes `1.2.0-rc.1` too.

Where PEP 440 and Semantic Versioning read the same text as two things, it is Semantic Versioning's: `1.2.0-0` comes
before 1.2.0, as npm has it, and before `1.2.0-alpha`. (PEP 440 takes it for the first post-release; write that as
`1.2.0.post0`.)
"""

from __future__ import annotations

import re
from functools import lru_cache

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

# Versions become parts of file names and of commands: no epoch (`1!`), no space, nothing that a shell reads.
_NUMBERED = re.compile(r"([0-9]+(?:\.[0-9]+)*)-([0-9]+)((?:\+.*)?)")
_SAFE = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,63}")


@lru_cache(maxsize=1024)
def parse_version(text: str) -> Version:
    """Raises ValueError with a sentence for people."""
    try:
        if not _SAFE.fullmatch(text):
            raise InvalidVersion(text)
        numbered = _NUMBERED.fullmatch(text)
        return Version("{}.dev{}{}".format(*numbered.groups()) if numbered else text)
    except InvalidVersion:
        raise ValueError(f"{text!r} is not a version; write it like 1.2.0 or 2.0.0-rc.1") from None


def parse_requirement(text: str) -> SpecifierSet:
    """`>=1.2`, `>=1.2,<3`. Raises ValueError with a sentence for people."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        raise ValueError(f"{text!r} is not a requirement; write it like >=1.2 or >=1.2,<3") from None


def satisfies(version: str, requirement: str | None) -> bool:
    """Whether an installation at `version` may go to a release that requires `requirement`."""
    return requirement is None or parse_requirement(requirement).contains(parse_version(version), prereleases=True)
