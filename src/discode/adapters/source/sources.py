"""FileSources and the releases of one app: what comes out has been verified, whatever the source is.

apps/<app>/trust/<source>/root.json      the root that is trusted, from the first use on
apps/<app>/trust/<source>/metadata/      python-tuf's cache
apps/<app>/trust/<source>/floor.json     the highest versions seen, see `floor`
downloads/<sha256>                       archives on their way
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ...core.artifact import Archive
from ...core.errors import NoSuchApp, SourceUnreachable, TrustError, UsageError
from ...core.login import split_login
from ...core.release import HELD, Index, IndexEntry, Release, index_path, manifest_path, read_index, read_manifest
from ...ports.releases import Credentials, Releases
from ...ports.report import Report
from ..files.access import Accesses
from ..files.belongings import TRUST
from ..files.disk import write_whole, writing
from .floor import Floor
from .given import floor_of, later_roots, root_of
from .license import Licenses

if TYPE_CHECKING:
    from tuf.api.metadata import TargetFile
    from tuf.ngclient import Updater

    from .fetcher import FolderFetcher, WebFetcher

LONGEST_ROOT = 512_000  # bytes, as python-tuf's own bound


class FileSources:
    """`pin`: the only root to trust, as the SHA-256 of its first version. `note` tells the user of a first use."""

    def __init__(self, home: Path, pin: str | None = None, note: Callable[[str], None] = lambda text: None):
        self._home, self._pin, self._note = home, pin, note

    def open(self, app: str, source: str, product: str = "") -> Releases:
        source, _ = split_login(source)
        base = _base(source)
        return SignedReleases(self._home, app, source.rstrip("/") or "/", base, self._pin, self._note, product)


class SignedReleases:
    """The releases of one app at one source, where it may have another name (`product`). The metadata is refreshed
    once, at the first call that needs it: what is on this machine already can be used while the source is away."""

    def __init__(
        self,
        home: Path,
        app: str,
        source: str,
        base: str,
        pin: str | None,
        note: Callable[[str], None],
        product: str = "",
    ):
        self._home, self._app, self._source, self._base = home, app, source, base
        self._product = product or app
        self._pin, self._note, self._licenses = pin, note, Licenses(home)
        self._access = Accesses(home).of(app, base)
        self._trust = home / "apps" / app / TRUST / hashlib.sha256(base.encode()).hexdigest()[:16]
        self._updater: Updater | None = None
        self._fetcher: FolderFetcher | WebFetcher | None = None

    def index(self) -> Index:
        if self._licenses.of(self._app) and (trouble := self._licenses.renew_when_due(self._app)):
            self._note(trouble)
        index = read_index(self._product, self._target(index_path(self._product), "index"))
        return index.changed(app=self._app, held=self._held())

    def _held(self) -> frozenset[str]:
        """What the hub holds back, by the timestamp that python-tuf has verified; it can do nothing else."""
        try:
            signed = json.loads((self._trust / "metadata" / "timestamp.json").read_bytes())["signed"]
            return frozenset(str(key) for key in signed.get(HELD, {}).get(self._product, ()))
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return frozenset()

    def release(self, entry: IndexEntry) -> Release:
        signed = self._target(manifest_path(self._product, entry.key), "manifest")
        return read_manifest(self._product, entry, signed).named(self._app)

    def archive(self, release: Release, report: Report) -> Path:
        artifact = release.manifest.artifact
        assert isinstance(artifact, Archive)
        info = self._info(artifact.path, "archive")
        if (info.length, info.hashes.get("sha256")) != (artifact.length, artifact.sha256):
            raise TrustError(
                f"The archive of {self._app} {release.version} is not the one named in its manifest. "
                "Nothing was changed; your app was not touched.",
                "Tell the vendor.",
                key="content-altered",
            )
        path = self._home / "downloads" / artifact.sha256
        done = 0

        def on_bytes(count: int) -> None:
            nonlocal done
            done += count
            report.progress(done, artifact.length, "downloaded")

        return self._download(info, path, "archive", on_bytes)

    def credentials(self, repository: str) -> Credentials | None:
        """Of a hub, by the license, for one pull; None where the hub has nothing to do with the image."""
        license = self._licenses.of(self._app)
        if license is None or license.hub != self._base:
            return None
        return self._licenses.pull_credentials(self._app, license, repository)

    def fingerprint(self) -> str:
        """SHA-256 of the root that this source is trusted by."""
        return hashlib.sha256(self._root()).hexdigest()

    def _target(self, name: str, what: str) -> bytes:
        info = self._info(name, what)
        path = self._trust / "targets" / info.hashes["sha256"]
        return self._download(info, path, what, None).read_bytes()

    def _info(self, name: str, what: str) -> TargetFile:
        from .translate import translated

        with writing(self._trust), translated(self._app, self._source, what):
            info = self._refreshed().get_targetinfo(name)
        if info is None:
            kind = NoSuchApp if what == "index" else SourceUnreachable
            raise kind(
                f"{self._source} has no {what} of {self._app}. Nothing was changed.",
                "Check the app's name and the address; the vendor may not have published it here.",
                key="not-offered",
            )
        return info

    def _download(self, info: TargetFile, path: Path, what: str, on_bytes: Callable[[int], None] | None) -> Path:
        from .translate import translated

        updater = self._refreshed()
        assert self._fetcher is not None
        with writing(path), translated(self._app, self._source, what):
            path.parent.mkdir(parents=True, exist_ok=True)
            if updater.find_cached_target(info, str(path)) is None:
                self._fetcher.on_bytes = on_bytes
                updater.download_target(info, str(path))
        return path

    def _refreshed(self) -> Updater:
        if self._updater is None:
            from .translate import translated

            with writing(self._trust), translated(self._app, self._source, "metadata"):
                updater = self._make_updater()
                updater.refresh()
            self._hold_the_floor()
            self._updater = updater
            self._sweep_targets(updater)
        return self._updater

    def _make_updater(self) -> Updater:
        from tuf.ngclient import Updater

        from .fetcher import FolderFetcher, WebFetcher

        _must_be_there(self._source)
        timestamp = self._trust / "metadata" / "timestamp.json"
        self._fetcher = (
            FolderFetcher()
            if self._base.startswith("file:")
            else WebFetcher(self._base, timestamp, self._authorization(), plain_http=self._access.plain_http)
        )
        root = self._root()
        (self._trust / "metadata").mkdir(parents=True, exist_ok=True)
        self._seed_roots()
        return Updater(
            metadata_dir=str(self._trust / "metadata"),
            metadata_base_url=f"{self._base}/metadata/",
            target_base_url=f"{self._base}/targets/",
            fetcher=self._fetcher,
            bootstrap=root,
        )

    def _seed_roots(self) -> None:
        """The roots that an installer brought, into python-tuf's cache: it verifies them from there, one after another,
        before it asks for the next one."""
        for number, root in enumerate(later_roots(self._home, self._base), 2):
            path = self._trust / "metadata" / "root_history" / f"{number}.root.json"
            if not path.exists():
                write_whole(path, root)

    def _authorization(self) -> str | None:
        """With the license of this app, when it is one of this source's, or with the login that the customer gave."""
        license = self._licenses.of(self._app)
        if license and license.hub == self._base:
            return license.authorization
        return self._access.login.authorization if self._access.login else None

    def _root(self) -> bytes:
        """The trusted root; at the first use the source's first one, which `pin` may have named."""
        path = self._trust / "root.json"
        if path.exists():
            data = path.read_bytes()
            self._check_pin(data)
            return data
        given = root_of(self._home, self._base)
        data = self._first_root() if given is None else given
        self._check_pin(data)
        write_whole(path, data)
        if self._pin is None and given is None:
            fingerprint = hashlib.sha256(data).hexdigest()
            self._note(f"Trusting this vendor from now on. Root fingerprint: {fingerprint}")
        return data

    def _first_root(self) -> bytes:
        from .fetcher import FolderFetcher, WebFetcher
        from .translate import translated

        # A hub shows its root to everybody: the license stays here until it is known whose hub it is.
        login = self._access.login.authorization if self._access.login else None
        fetcher = (
            FolderFetcher()
            if self._base.startswith("file:")
            else WebFetcher(self._base, None, login, plain_http=self._access.plain_http)
        )
        with translated(self._app, self._source, "metadata"):
            return fetcher.download_bytes(f"{self._base}/metadata/1.root.json", LONGEST_ROOT)

    def _check_pin(self, root: bytes) -> None:
        fingerprint = hashlib.sha256(root).hexdigest()
        if self._pin is not None and self._pin.lower().replace(":", "") != fingerprint:
            raise TrustError(
                f"{self._source} does not have the root you gave: its root is {fingerprint}. Nothing was changed.",
                "Check the address, and ask the vendor for the fingerprint.",
                key="root-mismatch",
            )

    def _hold_the_floor(self) -> None:
        """python-tuf compares with its cache; the floor holds when that was lost. Raises TrustError."""
        newest = [root_of(self._home, self._base), *later_roots(self._home, self._base)][-1]
        if not Floor(self._trust).hold(floor_of(self._home, self._base), newest):
            shutil.rmtree(self._trust / "metadata", ignore_errors=True)
            raise TrustError(
                f"{self._source} offers older releases of {self._app} than this machine has seen. "
                "Nothing was changed; your app was not touched.",
                "Try again later. If it persists, tell the vendor: somebody may be replaying old files.",
                key="metadata-rollback",
            )

    def _sweep_targets(self, updater: Updater) -> None:
        """Earlier indexes, of which there is one for each publish."""
        current = updater.get_targetinfo(index_path(self._product))
        keep = current.hashes["sha256"] if current else ""
        folder = self._trust / "targets"
        for path in folder.iterdir() if folder.is_dir() else ():
            if path.name != keep:
                path.unlink(missing_ok=True)


def _base(source: str) -> str:
    """The address without its last slash. Raises UsageError."""
    address = urlsplit(source)
    if address.scheme in ("http", "https") and address.hostname:
        return source.rstrip("/")
    if "://" in source:
        raise UsageError(
            f"{source} is neither a folder nor a web address.", "For example: --from https://releases.example.com"
        )
    return Path(source).absolute().as_uri()


def _must_be_there(source: str) -> None:
    """Raises SourceUnreachable for a folder that is not there, or none of releases."""
    folder = Path(source).absolute()
    if "://" not in source and not (folder / "metadata").is_dir():
        raise SourceUnreachable(
            f"{source} has no releases: there is no folder {folder / 'metadata'}. Nothing was changed.",
            "Give the folder that `discode release init` made, or a web address.",
        )
