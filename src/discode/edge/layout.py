"""The layout of a state folder: which file is where. Imports nothing of the edge."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The files of an edge, in its state folder."""

    folder: Path

    @property
    def config(self) -> Path:
        return self.folder / "haproxy.cfg"

    @property
    def master_socket(self) -> Path:
        return self.folder / "master.sock"

    @property
    def listeners_socket(self) -> Path:
        """Where another HAProxy gets the listening sockets from."""
        return self.folder / "listeners.sock"

    @property
    def control_socket(self) -> Path:
        return self.folder / "edge.sock"

    @property
    def state(self) -> Path:
        return self.folder / "state.json"

    @property
    def authority(self) -> Path:
        """The CA of automatic certificates, written by whoever sets the edge up."""
        return self.folder / "acme.json"

    @property
    def trusted(self) -> Path:
        """Networks of proxies in front, one a line, written by whoever sets the edge up."""
        return self.folder / "trusted.txt"

    @property
    def access_log(self) -> Path:
        return self.folder / "access.log"

    @property
    def haproxy_log(self) -> Path:
        """What HAProxy says of itself."""
        return self.folder / "haproxy.log"

    @property
    def lua(self) -> Path:
        return self.folder / "scripts.lua"

    @property
    def pages(self) -> Path:
        """Whole answers for errors: `<status>.http`, and those of a service in a folder of its name."""
        return self.folder / "pages"

    def map(self, name: str) -> Path:
        return self.folder / f"{name}.map"
