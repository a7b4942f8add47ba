"""A vendor's `env` on its way into a release: what is made of others is told apart, and held to its own rules."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from .manifest import EnvVar, check_template, check_templates
from .rule import check_pattern, held, possible
from .template import is_template

Place = tuple[str, ...]  # below `env`: a name, and a field of it


def finished(env: Mapping[str, EnvVar]) -> dict[str, EnvVar]:
    """With `template` for a value that is made of others: an earlier Discode, which would pass it on as it is written,
    does not know that field and refuses the release."""
    return {
        name: one.changed(value=None, template=one.value) if one.value is not None and is_template(one.value) else one
        for name, one in env.items()
    }


def problems(env: Mapping[str, EnvVar]) -> Iterator[tuple[Place, str]]:
    """What a vendor has to mend, each with its place."""
    found = [(place, message) for name, one in env.items() for place, message in _of(name, one, env)]
    yield from found
    if found:
        return
    try:
        check_templates(env)
    except ValueError as error:
        yield (str(error).partition(" ")[0],), str(error)


def _of(name: str, one: EnvVar, env: Mapping[str, EnvVar]) -> Iterator[tuple[Place, str]]:
    if one.pattern is not None:
        try:
            check_pattern(one.pattern)
        except ValueError as error:
            yield (name, "pattern"), str(error)
            return
    for choice in one.choices:
        try:
            held(one.changed(choices=()), choice)
        except ValueError as error:
            yield (name, "choices"), f"{choice} {error}"
    text = one.template if one.template is not None else one.default if one.default is not None else one.value or ""
    try:
        possible(name, text)
        if one.template is not None or is_template(text):
            check_template(name, text, env)
        elif one.default is not None:
            held(one, one.default)
    except ValueError as error:
        yield (name, "default") if one.default is not None else (name,), str(error)
