"""Images: on this machine by digest, kept by a local name, and dropped when no release or accessory needs them."""

from __future__ import annotations

from typing import Any

from ...core import platform
from ...core.artifact import Image
from ...core.errors import Refused
from ...core.release import Release
from ...ports.releases import Releases
from ...ports.report import Report
from .engine import Engine
from .names import image_name
from .pull import pull_all, wrong_platform


class Images:
    def __init__(self, engine: Engine):
        self._engine = engine

    def fetch(self, release: Release, releases: Releases, report: Report) -> None:
        app, image = release.manifest.app, release.manifest.artifact
        if not isinstance(image, Image):
            raise Refused(f"{app} {release.version} is not an image.", "It runs as a process.", key="wrong-runtime")
        self.bring(image, image_name(app), release.key, releases, report)

    def bring(self, image: Image, name: str, tag: str, releases: Releases, report: Report) -> None:
        """Here it has that local name then."""
        machine = self._engine.platform
        wanted = platform.best(machine, map(platform.of, image.platforms)) if image.platforms else machine
        if wanted is None:
            raise wrong_platform(image, machine, image.platforms)
        with self._engine.errors("pull the image"):
            told = self._inspect(image.reference)
            if told is None:
                pull_all(self._engine, image, lambda: releases.credentials(image.repository), report, wanted)
                told = self._engine.api.inspect_image(image.reference)
            # An image of one platform comes whatever was asked for.
            is_for = platform.made(told["Os"], told["Architecture"], told.get("Variant") or "")
            if not platform.runs(machine, is_for):
                self._forget(image.reference)
                raise wrong_platform(image, machine, {str(is_for)})
            self._engine.api.tag(image.reference, name, tag, force=True)

    def has(self, release: Release) -> bool:
        app, image = release.manifest.app, release.manifest.artifact
        return isinstance(image, Image) and self.is_here(image, image_name(app), release.key)

    def is_here(self, image: Image, name: str, tag: str) -> bool:
        """Under both names: by its digest, and by the one that keeps others from dropping it."""
        with self._engine.errors("look at the images"):
            kept = self._inspect(f"{name}:{tag}")
            return kept is not None and self._inspect(image.reference) is not None

    def prune(self, app: str, keep: frozenset[str]) -> None:
        self.drop(image_name(app), keep)

    def drop(self, name: str, keep: frozenset[str]) -> None:
        """Those that have the local name, but for these tags. What others gave the same image a name for stays, under
        that name."""
        for told in self._engine.api.images(name):
            for whole in told["RepoTags"] or []:
                repository, _, tag = whole.rpartition(":")
                if repository == name and tag not in keep:
                    self._drop(whole)

    def _drop(self, tag: str) -> None:
        told = self._inspect(tag)
        self._forget(tag)
        # A digest is a name too. It goes with our tag, unless somebody gave the image another.
        if told is not None and told["RepoTags"] == [tag]:
            for reference in told["RepoDigests"] or []:
                self._forget(reference)

    def _inspect(self, reference: str) -> dict[str, Any] | None:
        import docker.errors

        try:
            return dict(self._engine.api.inspect_image(reference))
        except docker.errors.ImageNotFound:
            return None

    def _forget(self, reference: str) -> None:
        import docker.errors

        try:
            self._engine.api.remove_image(reference)
        except docker.errors.NotFound:
            return
        except docker.errors.APIError as error:
            if error.status_code != 409:  # a container uses it: the next prune will find it again
                raise
