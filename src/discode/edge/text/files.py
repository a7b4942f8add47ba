"""The files that HAProxy reads, in the state folder: each is written whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from ...disk.whole import write_derived, write_whole
from ..layout import Layout
from ..services.service import Service
from . import pages
from .maps import MAPS, Entries, map_text

SCRIPTS = Path(__file__).with_name("scripts.lua")


def write(path: Path, text: str) -> None:
    """Raises OSError; then the file is as it was. All of it is written anew, from the state, before HAProxy starts."""
    write_derived(path, text.encode())


def write_maps(layout: Layout, entries: Entries, before: Entries | None = None) -> None:
    """Write those that have changed since `before`, for the next start or reload. Running workers get commands."""
    for name in MAPS:
        if before is None or before.get(name) != entries[name]:
            write(layout.map(name), map_text(entries[name]))


def write_own_pages(layout: Layout) -> None:
    layout.pages.mkdir(exist_ok=True)
    for status in pages.REASONS:
        write(layout.pages / f"{status}.http", pages.answer(status, pages.plain(status)))


def write_templates(layout: Layout, service: Service, templates: Mapping[int, str]) -> None:
    """Keep a service's templates: their folder may be gone when they are needed again."""
    folder = layout.pages / service.name
    if folder.exists():
        shutil.rmtree(folder)
    if templates:
        folder.mkdir(parents=True)
    for status, text in templates.items():
        write_whole(folder / f"{status}.html", text.encode())


def write_pages(layout: Layout, services: Iterable[Service]) -> None:
    """Write the error responses of services that have templates, from those that were kept."""
    for service in services:
        if service.shape.error_pages:
            _write_pages_of(layout.pages / service.name, service)


def _write_pages_of(folder: Path, service: Service) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    templates = {int(path.stem): path.read_text() for path in folder.glob("[0-9][0-9][0-9].html")}
    for status in pages.REASONS:
        page = pages.render(templates[status], "") if status in templates else pages.plain(status)
        write(folder / f"{status}.http", pages.answer(status, page))
    if 503 in templates:
        write(folder / "stopped.html", pages.render(templates[503], service.message))
