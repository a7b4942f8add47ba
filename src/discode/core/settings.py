"""Settings: the values of an app's environment, from the manifest, from the customer and generated once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from .accessory import PASSWORD
from .accessory_kinds import told
from .errors import UsageError
from .external import of_app, password_setting, wanted_accessories
from .manifest import EnvVar, Manifest, templates
from .rule import held, possible
from .secrecy import has_credentials, is_secret_name
from .template import OWN, expand, is_template, names, order

PASSWORD_DIGITS = 48  # hex: 192 bits, and no character that an address or a configuration would take for its own
Origin = Literal["vendor", "default", "generated", "you"]


@dataclass(frozen=True)
class Setting:
    """One as it is now. `value` is None when there is none; it is kept out of `repr`."""

    name: str
    value: str | None = field(repr=False)
    origin: Origin
    is_secret: bool


def complete(manifest: Manifest, settings: Mapping[str, str], generate: Callable[[int], str]) -> dict[str, str]:
    """The settings with every secret that the manifest wants generated, passwords of its accessories among them.
    `generate(n)` gives n hex digits."""
    made = {
        name: generate(int(variable.generate.removeprefix("hex")))
        for name, variable in manifest.env.items()
        if variable.generate and name not in settings
    }
    passwords = map(password_setting, wanted_accessories(manifest, settings))
    made |= {name: generate(PASSWORD_DIGITS) for name in passwords if name not in settings}
    return {**settings, **made}


def missing(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, str]:
    """Names of required settings that have no value yet, each with the vendor's question."""
    return {
        name: variable.ask
        for name, variable in manifest.env.items()
        if variable.ask and not variable.optional and variable.default is None and name not in settings
    }


def broken(manifest: Manifest, settings: Mapping[str, str]) -> dict[str, str]:
    """Names of settings whose value the vendor does not want, each with the rule."""
    found = {}
    for name, value in settings.items():
        variable = manifest.env.get(name)
        if variable is not None and variable.ask:
            try:
                held(variable, value)
            except ValueError as error:
                found[name] = str(error)
    return found


def needs_address(manifest: Manifest) -> bool:
    """Whether a value is made of the app's own address, the app's or one of what is beside it."""
    texts = [*templates(manifest.env).values()]
    for one in manifest.accessories.values():
        texts += one.env.values()
    return any(part in OWN and part not in manifest.env for text in texts for part in names(text))


def environment(manifest: Manifest, settings: Mapping[str, str], own: Mapping[str, str] = {}) -> dict[str, str]:
    """The environment of an instance. What the vendor says holds unless the customer set something else. `own` has
    what the app's own address is (`template.OWN`), where the manifest needs it.

    What is made of a setting without a value has none. Raises ValueError, with a name, for a value that gets too long.
    """
    values = _values(manifest, settings, own)
    wanted = {**dict.fromkeys(manifest.env), **dict.fromkeys(of_app(settings))}
    return {name: value for name in wanted if (value := values[name]) is not None}


def accessory_environment(
    manifest: Manifest, settings: Mapping[str, str], name: str, own: Mapping[str, str] = {}
) -> dict[str, str]:
    """The environment of one of its accessories, the generated password in it. Raises ValueError as `environment`."""
    values = {**_values(manifest, settings, own), PASSWORD: settings.get(password_setting(name))}
    made = {}
    for variable, text in manifest.accessories[name].env.items():
        try:
            made[variable] = expand(text, values)
        except ValueError as error:
            raise ValueError(f"{variable} of {name} {error}") from None
    return {variable: value for variable, value in made.items() if value is not None}


def _values(manifest: Manifest, settings: Mapping[str, str], own: Mapping[str, str]) -> dict[str, str | None]:
    values: dict[str, str | None] = {**dict.fromkeys(OWN), **own, **dict.fromkeys(manifest.env)}
    values |= {name: variable.value for name, variable in manifest.env.items()}
    values |= {name: _of_accessory(manifest, settings, one) for name, one in manifest.env.items() if one.accessory}
    values |= settings
    made = templates(manifest.env)
    for name in order(made):
        if name not in settings:
            values[name] = _made(name, manifest.env[name], made[name], values)
    return values


def _of_accessory(manifest: Manifest, settings: Mapping[str, str], variable: EnvVar) -> str | None:
    name = variable.accessory or ""
    password = settings.get(password_setting(name))
    if password is None:
        return None
    return told(name, manifest.accessories[name], variable.form, variable.scheme, password)


def change(
    manifest: Manifest,
    settings: Mapping[str, str],
    assignments: Mapping[str, str | None],
    *,
    force: bool = False,
) -> dict[str, str]:
    """The settings after `config set`; None takes a value away. `force`: the vendor's values and generated secrets,
    too.

    Raises UsageError for names that the app does not know, for values that break the vendor's rules, and for what only
    `force` may change.
    """
    _must_be_known(manifest, settings, assignments)
    given = {name: _ruled(manifest, name, value) for name, value in assignments.items() if value is not None}
    taken = {name for name, value in assignments.items() if value is None}
    changed = {name: value for name, value in {**settings, **given}.items() if name not in taken}
    if not force and (unasked := _unasked(manifest, settings, changed)):
        raise UsageError(
            f"{', '.join(unasked)} {_why(manifest, unasked)}. Nothing was changed.",
            f"Leave it alone, or if you must: discode config set {manifest.app} {unasked[0]}=VALUE --force",
            key="not-asked",
        )
    return changed


def warnings(manifest: Manifest, settings: Mapping[str, str], changed: Mapping[str, str]) -> list[str]:
    """What a forced change may do, for the customer."""
    return [
        f"{name} {_why(manifest, [name])}; it is changed because you said --force."
        for name in _unasked(manifest, settings, changed)
    ]


def listed(manifest: Manifest, settings: Mapping[str, str], own: Mapping[str, str] = {}) -> list[Setting]:
    """All of them, by name; those that nobody has set yet, too."""
    values, hidden = environment(manifest, settings, own), secrets(manifest, settings)
    found = {*manifest.env, *of_app(settings)}
    return [
        Setting(name, values.get(name), _origin(manifest, settings, name), name in hidden) for name in sorted(found)
    ]


def secrets(manifest: Manifest, settings: Mapping[str, str]) -> frozenset[str]:
    """The names of those that are not shown: the vendor says so, or their name or value does, or they are made of
    such a one."""
    hidden = {
        name
        for name in {*manifest.env, *of_app(settings)}
        if is_secret(name, manifest.env.get(name))
        or has_credentials(_literal(manifest, settings, name))
        or _tells_password(manifest, name)
    }
    made = {name: text for name, text in templates(manifest.env).items() if name not in settings}
    for name in order(made):
        if has_credentials(made[name]) or hidden.intersection(names(made[name])):
            hidden.add(name)
    return frozenset(hidden)


def is_secret(name: str, variable: EnvVar | None) -> bool:
    """What is generated is, and what sounds so; one of some choices is not, for everybody knows those."""
    if variable is None:
        return is_secret_name(name)
    if variable.secret is not None:
        return variable.secret
    if variable.accessory is not None:
        return variable.form in ("url", "password")
    return bool(variable.generate) or (is_secret_name(name) and not variable.choices and variable.type != "boolean")


def _tells_password(manifest: Manifest, name: str) -> bool:
    """Whatever the vendor says: the address of a known kind has its password in it."""
    variable = manifest.env.get(name)
    if variable is None or variable.accessory is None:
        return False
    has_one = manifest.accessories[variable.accessory].kind is not None
    return variable.form == "password" or (variable.form == "url" and has_one)


def _literal(manifest: Manifest, settings: Mapping[str, str], name: str) -> str:
    variable = manifest.env.get(name)
    return settings.get(name, (variable.value if variable else None) or "")


def _made(name: str, variable: EnvVar, text: str, values: Mapping[str, str | None]) -> str | None:
    try:
        value = expand(text, values)
        if value is not None and variable.ask and not is_template(text):
            return held(variable, value)
    except ValueError as error:
        raise ValueError(f"{name} {error}") from None
    return value


def _must_be_known(manifest: Manifest, settings: Mapping[str, str], assignments: Mapping[str, str | None]) -> None:
    left = {name for name, value in assignments.items() if value is None and name in of_app(settings)}
    if unknown := sorted(set(assignments) - set(manifest.env) - left):
        known = ", ".join(sorted(manifest.env)) or "none"
        raise UsageError(
            f"{manifest.app} has no setting named {', '.join(unknown)}. Nothing was changed.",
            f"Its settings are: {known}.",
            key="unknown-setting",
        )


def _ruled(manifest: Manifest, name: str, value: str) -> str:
    variable = manifest.env[name]
    try:
        possible(name, value)
        return held(variable, value) if variable.ask else value
    except ValueError as error:
        raise UsageError(
            f"{name} {error}. Nothing was changed.", variable.help or "Give another value.", key="invalid-setting"
        ) from None


def _unasked(manifest: Manifest, settings: Mapping[str, str], changed: Mapping[str, str]) -> list[str]:
    """What differs and is not the customer's to say. Taking back one's own value of what the vendor fixed is."""
    differ = {name for name in {*settings, *changed} if settings.get(name) != changed.get(name)}
    env = manifest.env
    return sorted(
        name
        for name in differ
        if name in env and not env[name].ask and not env[name].accessory and (name in changed or env[name].generate)
        and not (env[name].generate and name not in settings)
    )  # fmt: skip


def _why(manifest: Manifest, unasked: list[str]) -> str:
    is_made = any(manifest.env[name].generate for name in unasked)
    verb, has = ("is", "has") if len(unasked) == 1 else ("are", "have")
    if is_made:
        return (
            f"{verb} generated once for this installation: with another value, data that was encrypted or signed with "
            "it may be lost"
        )
    return f"{has} a value that the vendor chose, and other values were not tested"


def _origin(manifest: Manifest, settings: Mapping[str, str], name: str) -> Origin:
    variable = manifest.env.get(name)
    if name in settings:
        return "generated" if variable is not None and variable.generate else "you"
    return "default" if variable is not None and variable.ask else "vendor"
