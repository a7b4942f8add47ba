"""Commands that cost nothing until they are named: the module of one is imported for its line in the help, and its
options are read when it is run, completed, or asked for its own help. Reading all of them took longer than the help.
"""

from __future__ import annotations

import inspect
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
        return typer.main.get_command(target)

    def _target(self) -> Any:
        module, _, attribute = self._place.partition(".")
        return getattr(import_module(f".{module}", __package__), attribute)
