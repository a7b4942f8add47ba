"""The certificate folder of an edge: files of mode 0600 in folders of mode 0700, each written whole.

    own/<service>-<digest>.pem      certificates that were given, chain and key in one
    issued/<ca>/<host>.pem          certificates that a CA issued, the same way; `@.example.com` is a wildcard
    issued/own/<host>.pem           the one that was given before, until a CA has issued one
    accounts/<ca>.json              the account at a CA: its key, and its address there; with an external account
                                    binding, one for each
    failures.json                   what went wrong with which name, and when it is tried again
    dns-records.json                records for challenges that may be at the DNS provider
    offered.list                    what HAProxy serves: file, then names (its crt-list)

`<ca>` is a digest of the directory's address: staging certificates are never taken for real ones.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ...core.own_certificate import covers
from ...disk.whole import write_whole
from .pem import Leaf, Lifetime, leaf
from .schedule import Failure


class CertificateFolder:
    def __init__(self, folder: Path):
        self.folder = folder
        self._leaves: dict[tuple[Path, int], Leaf] = {}  # by modification time: a renewal is a new file

    @property
    def offered(self) -> Path:
        return self.folder / "offered.list"

    def own(self, name: str) -> Path:
        return self.folder / "own" / name

    def keep_own(self, service: str, pem: bytes, hosts: Sequence[str]) -> str:
        """The name under which it is kept, another one for other hosts: the new one is offered before the old one goes.

        The one before it stays until `drop_own`.
        """
        text = hashlib.sha256(pem + " ".join(hosts).encode()).hexdigest()
        name = f"{service}-{text[:12]}.pem"
        write(self.own(name), pem)
        return name

    def drop_own(self, keep: set[str]) -> None:
        for path in (self.folder / "own").glob("*.pem"):
            if path.name not in keep:
                path.unlink(missing_ok=True)

    def issued(self, directory: str, host: str) -> Path:
        return self.folder / "issued" / digest(directory) / _file_of(host)

    def keep_until_issued(self, own: str, directory: str, hosts: Sequence[str]) -> None:
        """Those of the hosts that the given certificate is for are `serving` it until that CA has issued one."""
        if (given := self.leaf(self.own(own))) is None:
            return
        for host in hosts:
            is_covered = any(covers(name, host) for name in given.names)
            if is_covered and self.life(self.issued(directory, host)) is None:
                write(self._until_issued(host), self.own(own).read_bytes())

    def is_issued(self, host: str) -> None:
        """And is offered: what was kept until then goes, with its key."""
        self._until_issued(host).unlink(missing_ok=True)

    def _until_issued(self, host: str) -> Path:
        return self.folder / "issued" / "own" / _file_of(host)

    def issued_hosts(self) -> list[str]:
        """Of all CAs."""
        names = {path.name.removesuffix(".pem") for path in (self.folder / "issued").glob("*/*.pem")}
        return sorted(name.replace("@", "*") for name in names)

    def drop_issued(self, host: str) -> None:
        """Those of all CAs."""
        for path in (self.folder / "issued").glob(f"*/{_file_of(host)}"):
            path.unlink(missing_ok=True)

    def leaf(self, path: Path) -> Leaf | None:
        """None when there is no certificate, or none that can be read."""
        try:
            key = (path, path.stat().st_mtime_ns)
            if key not in self._leaves:
                self._leaves[key] = leaf(path.read_bytes())
            return self._leaves[key]
        except (OSError, ValueError):
            return None

    def life(self, path: Path) -> Lifetime | None:
        """As `leaf`."""
        found = self.leaf(path)
        return found.life if found else None

    def serving(self, directory: str, host: str) -> Path:
        """The file that a name is served with: that of this CA; until there is one, that of another which lasts
        longest. So a host whose CA was changed keeps its certificate until it has the new one."""
        wanted = self.issued(directory, host)
        if self.life(wanted) is not None:
            return wanted
        by_any = (folder / wanted.name for folder in (self.folder / "issued").glob("*"))
        others = [(life[1], path) for path in by_any if (life := self.life(path))]
        return max(others)[1] if others else wanted

    @property
    def dns_records(self) -> Path:
        return self.folder / "dns-records.json"

    def account(self, directory: str, eab_kid: str = "") -> Path:
        name = digest(f"{directory}\n{eab_kid}" if eab_kid else directory)
        return self.folder / "accounts" / f"{name}.json"

    def failures(self) -> dict[str, Failure]:
        """Those that can be read: a lost one costs a try."""
        try:
            raw = json.loads((self.folder / "failures.json").read_text())
            return {name: Failure(**failure) for name, failure in raw.items()}
        except (OSError, ValueError, TypeError, AttributeError):
            return {}

    def keep_failures(self, failures: dict[str, Failure]) -> None:
        data = json.dumps({name: asdict(failure) for name, failure in failures.items()}, indent=1)
        write(self.folder / "failures.json", data.encode())


def _file_of(host: str) -> str:
    """A name that is no pattern for whoever looks for files."""
    return f"{host.replace('*', '@')}.pem"


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def write(path: Path, data: bytes) -> None:
    """As in discode.disk, for the owner alone. Raises OSError."""
    write_whole(path, data, mode=0o600, folder_mode=0o700)
