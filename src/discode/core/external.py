"""Accessories that are run here, and those in whose place the customer gives an address of their own.

Whoever sets a variable that leads to an accessory has such a thing elsewhere: nothing is started for it then.
"""

from __future__ import annotations

from collections.abc import Mapping

from .accessory import Accessory
from .errors import PreflightError
from .manifest import Manifest

_RESERVED = "DISCODE_PASSWORD_"  # no variable of an app may begin so: see `fields.Variable`


def password_setting(accessory: str) -> str:
    """Under which name its generated password is among an installation's settings."""
    return f"{_RESERVED}{accessory}"


def of_app(settings: Mapping[str, str]) -> dict[str, str]:
    """Those that the app gets, and that a customer sees: without the passwords of its accessories."""
    return {name: value for name, value in settings.items() if not name.startswith(_RESERVED)}


def variables_of(manifest: Manifest, accessory: str) -> list[str]:
    """The variables by which the app is told of it."""
    return [name for name, variable in manifest.env.items() if variable.accessory == accessory]


def wanted_accessories(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, Accessory]:
    """Those that are to be run, by their names: of one that is elsewhere, every variable has a value of the
    customer's."""
    return {name: one for name, one in manifest.accessories.items() if not _is_elsewhere(manifest, settings, name)}


def _is_elsewhere(manifest: Manifest, settings: Mapping[str, str], accessory: str) -> bool:
    variables = variables_of(manifest, accessory)
    return bool(variables) and all(name in settings for name in variables)


def check_accessories_run(manifest: Manifest, settings: Mapping[str, str]) -> None:
    """Raises PreflightError for one that is half elsewhere, and where there is no engine to run one."""
    app, version = manifest.app, manifest.version
    for accessory in wanted_accessories(manifest, settings):
        variables = variables_of(manifest, accessory)
        left = [name for name in variables if name not in settings]
        if len(left) < len(variables):
            given = ", ".join(name for name in variables if name in settings)
            raise PreflightError(
                f"{app} {version} is told of {accessory} by {', '.join(variables)}, and only {given} of these has a "
                "value of yours: it would be led to two places at once. Nothing was changed.",
                f"Give {', '.join(left)} a value of your own, too, or none of them.",
                key="accessory-half-external",
            )
    if manifest.artifact.kind == "archive" and (wanted := wanted_accessories(manifest, settings)):
        name = next(iter(wanted))
        what = f"{name} ({wanted[name].kind} {wanted[name].version})" if wanted[name].kind else name
        raise PreflightError(
            f"{app} {version} needs {what} beside it, which is a container, and this release is an archive (plain "
            "processes): Discode runs none for it. Nothing was changed.",
            f"Give the address of your own: {options(variables_of(manifest, name))}",
            key="accessory-needs-docker",
        )


def told_of_moves(manifest: Manifest, before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """What other settings mean for the data of accessories, a sentence each."""
    here, there = wanted_accessories(manifest, before), wanted_accessories(manifest, after)
    left = [name for name in here if name not in there]
    taken = [name for name in there if name not in here]
    return [
        *(f"{manifest.app} uses the {name} at your address from now on. The data of the one beside it is kept."
          for name in left),
        *(f"{manifest.app} uses the {name} beside it from now on, not the one at your address. Data is not taken along."
          for name in taken),
    ]  # fmt: skip


def options(variables: list[str]) -> str:
    """How a customer gives them."""
    return " ".join(f"--set {name}=…" for name in variables)
