"""Commands that cost nothing until they are named: the module of one is imported for its line in the help, and its
options are read when it is run, completed, or asked for its own help. Reading all of them took longer than the help.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand


class Later(TyperCommand):
    """Stands for the command `place`: `customer.install` is a function, `settings.app` a group of commands."""

    def __init__(self, name: str, place: str, *, hidden: bool = False):
        super().__init__(name, hidden=hidden)
        self._place = place

    def get_short_help_str(self, limit: int = 45) -> str:
        target = self._target()
        text = target.info.help if isinstance(target, typer.Typer) else inspect.getdoc(target)
        return TyperCommand(self.name, help=text).get_short_help_str(limit)

    def make_context(self, *words: Any, **more: Any) -> Any:
        """The context is that of the whole command, and whoever runs a command goes on with its context's."""
        return self._whole().make_context(*words, **more)

    def _whole(self) -> Any:
        target = self._target()
        if not isinstance(target, typer.Typer):
            alone = typer.Typer(rich_markup_mode=None, add_completion=False)
            alone.command(self.name)(target)
            target = alone
        return lean(typer.main.get_command(target))

    def _target(self) -> Any:
        module, _, attribute = self._place.partition(".")
        return getattr(import_module(f".{module}", __package__), attribute)


def lean(command: Any) -> Any:
    """The same command, that converts values by Pydantic only where there is something to convert: Typer builds a
    Pydantic type even for text and for what was not given, and to import Pydantic takes longer than `discode list`.
    """
    command.get_params = partial(_lean_parameters, command.get_params)
    for inner in getattr(command, "commands", {}).values():
        lean(inner)
    return command


def _lean_parameters(parameters: Callable[[Any], list[Any]], context: Any) -> list[Any]:
    """All of a command's, `--help` among them."""
    found = parameters(context)
    for parameter in found:
        make = getattr(parameter, "get_runtime_param", None)  # older ones have none, and no need of this
        if make is not None and not isinstance(make, partial):
            parameter.get_runtime_param = partial(Conversion, parameter, make)
    return found


class Conversion:
    """Stands for what Typer converts a parameter's values with, which `make` makes."""

    def __init__(self, parameter: Any, make: Callable[[], Any]):
        self._is_text = parameter.type_descriptor.annotation in (str, list[str])
        self._make = make

    def coerce(self, value: Any, param: Any, ctx: Any) -> Any:
        if value is None:
            return () if param.multiple or param.nargs == -1 else None
        return value if self._is_text else self._make().coerce(value, param=param, ctx=ctx)
