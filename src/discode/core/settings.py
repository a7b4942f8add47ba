"""Settings: the values of an app's environment, from the manifest, from the customer and generated once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .errors import UsageError
from .manifest import Manifest


def complete(manifest: Manifest, settings: Mapping[str, str], generate: Callable[[int], str]) -> dict[str, str]:
    """The settings with every secret that the manifest wants generated. `generate(n)` gives n hex digits."""
    made = {
        name: generate(int(variable.generate.removeprefix("hex")))
        for name, variable in manifest.env.items()
        if variable.generate and name not in settings
    }
    return {**settings, **made}


def missing(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, str]:
    """Names of required settings that have no value yet, each with the vendor's question."""
    return {
        name: variable.ask
        for name, variable in manifest.env.items()
        if variable.ask and not variable.optional and name not in settings
    }


def environment(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, str]:
    """The environment of an instance. Fixed values of the vendor hold unless the customer set another."""
    fixed = {name: variable.value for name, variable in manifest.env.items() if variable.value is not None}
    return {**fixed, **settings}


def change(manifest: Manifest, settings: Mapping[str, str], assignments: Mapping[str, str | None]) -> dict[str, str]:
    """The settings after `config set`; None takes a value away. Raises UsageError for names the app does not know."""
    unknown = sorted(set(assignments) - set(manifest.env))
    if unknown:
        known = ", ".join(sorted(manifest.env)) or "none"
        raise UsageError(
            f"{manifest.app} has no setting named {', '.join(unknown)}. Nothing was changed.",
            f"Its settings are: {known}.",
            key="unknown-setting",
        )
    changed = {**settings, **{name: value for name, value in assignments.items() if value is not None}}
    return {name: value for name, value in changed.items() if assignments.get(name, value) is not None}


def visible(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, str | None]:
    """What may be shown: the vendor's fixed values; None stands for a value that is set and stays hidden."""
    shown: dict[str, str | None] = {name: v.value for name, v in manifest.env.items() if v.value is not None}
    return {**shown, **dict.fromkeys(settings)}
