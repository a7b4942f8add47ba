"""A whole world in memory: a vendor that publishes, a host that installs, and a clock that costs nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Literal

from ..core.artifact import Archive
from ..core.errors import SourceUnreachable
from ..core.external import wanted_accessories
from ..core.installation import Installation
from ..core.manifest import Health, Manifest, UpdatePolicy, release_key
from ..core.release import Index, IndexEntry, Release
from ..flows.world import Platform, World
from ..ports.accessories import Accessories
from ..ports.proxy import Mode, Proxy
from ..ports.releases import Credentials, Releases
from ..ports.report import Report, Silence
from ..ports.runtime import Phase, Runtime
from ..ports.store import Store
from .faults import Crash
from .memory_accessories import MemoryAccessories
from .memory_backups import MemoryRepositories
from .memory_names import MemoryNames
from .memory_proxy import MemoryProxy
from .memory_reports import MemoryReports
from .memory_runtime import Behaviour, MemoryRuntime
from .memory_store import MemoryStore


class MemorySystem:
    """A machine with room, whose secrets are numbered and whose time only passes in `sleep`."""

    def __init__(self) -> None:
        self.memory = 10**12
        self.time = 1_700_000_000.0
        self._secrets = 0
        self.guards: set[str] = set()  # apps whose command has one now
        self.left_alone: set[str] = set()  # apps whose command died under a guard: it would settle them now

    def now(self) -> float:
        return self.time

    def monotonic(self) -> float:
        return self.time

    def sleep(self, seconds: float) -> None:
        self.time += seconds

    def free_memory(self) -> int:
        return self.memory

    @contextmanager
    def guarded(self, app: str) -> Iterator[None]:
        """Nobody dies here: a crash is an exception that comes through."""
        self.guards.add(app)
        try:
            yield
        except Crash:
            self.left_alone.add(app)
            raise
        finally:
            self.guards.discard(app)

    def secret(self, digits: int) -> str:
        self._secrets += 1
        return f"{self._secrets:0{digits}x}"


class MemoryReleases:
    """A vendor's releases, published in memory."""

    def __init__(self, app: str):
        self.app = app
        self.entries: list[IndexEntry] = []
        self.releases: dict[str, Release] = {}
        self.away = False

    def publish(
        self, version: str, *, irreversible: bool = False, entry: Mapping[str, Any] = {}, **fields: Any
    ) -> Release:
        """Publish a release; `fields` are the manifest's, `entry` more of what the index says of it. Short times, so
        that flows end soon."""
        manifest = Manifest.checked(
            **{
                "app": self.app,
                "version": version,
                "artifact": Archive(path=f"{self.app}/{version}", sha256="0" * 64, length=1, unpacked=1),
                "command": ["serve"],
                "health": Health(deadline=0.1),
                "update": UpdatePolicy(confirm=0.5),
                "irreversible": irreversible,
                **fields,
            }
        )
        release = Release(key=release_key(manifest.canonical()), manifest=manifest)
        self.releases[release.key] = release
        told = {"requires": manifest.requires, "irreversible": irreversible, **entry}
        self.entries.append(IndexEntry(version=version, key=release.key, **told))
        return release

    def index(self) -> Index:
        self._answer()
        return Index(app=self.app, releases=tuple(self.entries))

    def release(self, entry: IndexEntry) -> Release:
        self._answer()
        return self.releases[entry.key]

    def archive(self, release: Release, report: Report) -> Path:
        self._answer()
        return Path("/memory") / release.manifest.app / release.key

    def credentials(self, repository: str) -> Credentials | None:
        return None

    def _answer(self) -> None:
        if self.away:
            raise SourceUnreachable("The releases cannot be reached.", "Try again later.")


class MemoryWorld:
    """The ports of a host, and the vendor whose app it installs."""

    def __init__(self, app: str = "myapp"):
        self.app = app
        self.vendor = MemoryReleases(app)
        self.system, self.store, self.runtime = MemorySystem(), MemoryStore(), MemoryRuntime()
        self.accessories, self.repositories = MemoryAccessories(), MemoryRepositories()
        self.runtime.files = self.repositories.files
        self.names, self.reports = MemoryNames(), MemoryReports()
        self.proxy = MemoryProxy(self.runtime.answer)
        self.runtime.served = self.proxy.has_traffic
        self.runtime.has_requests = self.proxy.has_requests
        self.accessories.is_used, self.accessories.is_led_to = self.is_used, self._is_led_to
        self.accessories.now, self.accessories.files = self.system.now, self.repositories.files
        self.runtime.beside, self.runtime.data_beside = self.accessories.volumes, self.accessories.data
        self.runtime.runs_beside = self.accessories.runs_with_data
        self.proxy.is_unseen = self.runtime.is_unseen
        self.proxy.lacks_certificate = lambda app, revision: self.store.certificate(app, revision) is None

    def publish(self, version: str, behaviour: Behaviour = Behaviour.GOOD, **fields: Any) -> Release:
        release = self.vendor.publish(version, **fields)
        self.runtime.behaviours[release.key] = behaviour
        return release

    def is_used(self, app: str, accessory: str) -> bool:
        """Whether requests reach an instance that has the accessory: none that are held, or answered for the app."""
        service = self.proxy.services.get(app)
        return service is not None and service.mode is Mode.RUNNING and self._is_led_to(app, accessory)

    def _is_led_to(self, app: str, accessory: str) -> bool:
        """Whether they would, held or not."""
        service = self.proxy.services.get(app)
        if service is None:
            return False
        for one in self.runtime.live.values():
            if one.phase is Phase.RUNNING and service.endpoint == one.endpoint:
                revision = _settings_of(one.spec.record)
                return accessory in wanted_accessories(one.spec.manifest, self.store.settings(app, revision))
        return False

    def world(
        self,
        *,
        store: Store | None = None,
        runtime: Runtime | None = None,
        proxy: Proxy | None = None,
        accessories: Accessories | None = None,
        releases: Releases | None = None,
        report: Report | None = None,
    ) -> World:
        """The world for the flows; a port can be given wrapped, to inject faults."""
        platform = Platform(runtime or self.runtime, proxy or self.proxy, accessories or self.accessories)
        sources = _OneSource(releases or self.vendor)
        return World(
            store or self.store, sources, _OnePlatform(platform), self.system, self.system, report or Silence(),
            self.names, self.repositories, self.reports,
        )  # fmt: skip


@cache
def _settings_of(record: str) -> int:
    """The revision of the settings with which an instance runs."""
    return Installation.read_json(record).settings


class _OneSource:
    def __init__(self, releases: Releases):
        self.releases = releases

    def open(self, app: str, source: str, product: str = "") -> Releases:
        return self.releases


class _OnePlatform:
    def __init__(self, platform: Platform):
        self._platform = platform

    def platform(self, kind: Literal["archive", "image"]) -> Platform:
        return self._platform

    def choose(self, kind: Literal["archive", "image"]) -> None:
        """There is but one."""
