"""HAProxy's maps: in their files for the next start or reload, and the commands that bring running workers there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..layout import Layout
from ..services.service import Service
from ..text import files
from ..text.maps import MAPS, Entries, all_entries, quoted


class Maps:
    def __init__(self, layout: Layout):
        self._layout = layout
        self._entries: Entries = {name: {} for name in MAPS}  # of the files, and of the workers that run

    def write(self, services: Iterable[Service]) -> None:
        """All of them, before a start or a reload."""
        self._entries = all_entries(services)
        files.write_maps(self._layout, self._entries)

    def change(self, services: Iterable[Service]) -> list[str]:
        """Write what has changed; the commands that change the same in the workers that run."""
        before, after = self._entries, all_entries(services)
        files.write_maps(self._layout, after, before)
        self._entries = after
        return _changes(self._layout, before, after)

    def repeat(self, *names: str) -> list[str]:
        """The commands that set every entry of these maps again."""
        return [
            f"set map {self._layout.map(name)} {quoted(key)} {quoted(value)}"
            for name in names
            for key, value in self._entries[name].items()
        ]


def _changes(layout: Layout, before: Entries, after: Entries) -> list[str]:
    """What is new comes first, the ways to a service last; what goes does so the other way round."""
    commands = []
    for name in MAPS:
        file, old, new = layout.map(name), before[name], after[name]
        for key, value in new.items():
            if old.get(key) != value:
                commands.append(f"{'set' if key in old else 'add'} map {file} {quoted(key)} {quoted(value)}")
    for name in reversed(MAPS):
        commands += _gone(layout, name, before[name], after[name])
    return commands


def _gone(layout: Layout, name: str, old: Iterable[str], new: Mapping[str, str]) -> list[str]:
    return [f"del map {layout.map(name)} {quoted(key)}" for key in old if key not in new]
