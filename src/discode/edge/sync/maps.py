"""HAProxy's maps: their files, for the next start or reload, and the commands that update running workers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..layout import Layout
from ..services.service import Service
from ..text import files
from ..text.maps import MAPS, Entries, all_entries, quoted


class Maps:
    def __init__(self, layout: Layout):
        self._layout = layout
        self._entries: Entries = {name: {} for name in MAPS}  # in the files and in running workers

    def write(self, services: Iterable[Service]) -> None:
        """Write all of them, before a start or a reload."""
        self._entries = all_entries(services)
        files.write_maps(self._layout, self._entries)

    def change(self, services: Iterable[Service]) -> list[str]:
        """Write the maps that have changed. Returns the commands that make the same changes in running workers."""
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
    """New entries are added before the routes that lead to them; entries are deleted in the opposite order."""
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
