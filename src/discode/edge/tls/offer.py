"""Certificates into HAProxy: into its files for the next start or reload, and into the running one by its socket.

A certificate that is new, renewed or gone takes no reload. Files first, then the running HAProxy: whoever starts it
in between starts it with the same certificates.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..haproxy.process import HaproxyError
from ..haproxy.runtime import Runtime
from ..services.service import Service
from ..text import tls as tls_text
from .authority import Authorities
from .folder import CertificateFolder, write
from .token import entry, kept_token

MOST_REFUSED = 1000  # names that are remembered as refused


@dataclass(frozen=True)
class Offered:
    """A line of the crt-list: the names that a file is for, and what was in it."""

    names: tuple[str, ...]
    digest: str


class Offer:
    """`services` is what each call is about: the caller knows whether they serve already or are about to."""

    def __init__(self, runtime: Runtime, folder: CertificateFolder, authorities: Authorities, reloads: threading.RLock):
        self._runtime, self._folder, self._authorities = runtime, folder, authorities
        self._lock = reloads  # what is set in a worker that is about to be replaced would be lost
        self._is_bound = self._is_on_demand = False  # of the running configuration
        self._running: dict[Path, Offered] = {}
        self._maps: dict[str, dict[str, str]] = {name: {} for name in tls_text.MAPS}
        self._left = self._running, self._maps  # as `write_files` has left them last
        self._token = ""
        self._refused: dict[str, None] = {}
        self._written: dict[Path, str] = {}

    @property
    def token(self) -> str:
        """It is answered to whoever asks for it, beside the CA's questions. Read late: the folder may not be there yet,
        and who only checks a configuration makes none."""
        if not self._token:
            self._token = kept_token(self._runtime.layout.folder)
            self._maps["challenges"].update(entry(self._token))
        return self._token

    @property
    def is_bound(self) -> bool:
        """Does the running HAProxy listen for TLS?"""
        return self._is_bound

    def is_ready_for(self, service: Service) -> bool:
        """Does the running configuration have all that this service's TLS needs?"""
        on_demand = service.tls is not None and bool(service.tls.on_demand_url)
        return (self._is_bound or service.tls is None) and (self._is_on_demand or not on_demand)

    def write_files(self, services: Iterable[Service]) -> None:
        """All that the configuration names."""
        services = list(services)
        with self._lock:
            assert self.token
            lines = self._lines(services)
            self._left = lines, self._wanted_maps(services, lines)
            self._write(*self._left)
            tls_text.lua_path(self._runtime.layout.folder).write_text(tls_text.LUA)

    def loaded(self, services: Iterable[Service]) -> None:
        """HAProxy has just started or reloaded with the files as `write_files(services)` left them. What has come since
        then is not in it: `sync` brings that."""
        services = list(services)
        with self._lock:
            self._running, self._maps = self._left
            self._is_bound, self._is_on_demand = tls_text.is_wanted(services), tls_text.is_on_demand(services)

    def sync(self, services: Iterable[Service]) -> None:
        """The running HAProxy offers what these services have. Raises HaproxyError and OSError."""
        services = list(services)
        with self._lock:
            lines = self._lines(services)
            maps = self._wanted_maps(services, lines)
            self._write(lines, maps)
            if self._is_bound:
                self._bring_certificates(lines)
            self._bring_maps(maps)
            if self._is_bound:
                self._withdraw_others(lines)

    def refuse(self, name: str) -> None:
        """Handshakes for this name are not held any more. `sync` tells HAProxy."""
        with self._lock:
            self._refused[name] = None
            while len(self._refused) > MOST_REFUSED:
                del self._refused[next(iter(self._refused))]

    def allow(self, name: str) -> None:
        with self._lock:
            self._refused.pop(name, None)

    @contextmanager
    def challenges(self, answers: Mapping[str, str]) -> Iterator[None]:
        """Answer the CA's questions while the context lasts, over reloads too."""
        file = self._runtime.layout.map("challenges")
        with self._lock:
            self._maps["challenges"].update(answers)
            self._write_map("challenges", self._maps["challenges"])
            self._send(*(f"add map {file} {path} {answer}" for path, answer in answers.items()))
        try:
            yield
        finally:
            with self._lock:
                for path in answers:
                    self._maps["challenges"].pop(path, None)
                self._write_map("challenges", self._maps["challenges"])
                self._send(*(f"del map {file} {path}" for path in answers))

    def _lines(self, services: Iterable[Service]) -> dict[Path, Offered]:
        found: dict[Path, Offered] = {}
        for path, names in self._files(services):
            if self._folder.life(path) is not None:
                found[path] = Offered(names, hashlib.sha256(path.read_bytes()).hexdigest())
        return found

    def _files(self, services: Iterable[Service]) -> Iterator[tuple[Path, tuple[str, ...]]]:
        services = [service for service in services if service.tls]
        taken = {host for service in services for host in service.hosts}
        for service in services:
            assert service.tls
            if service.tls.certificate:
                yield self._folder.own(service.tls.certificate), service.hosts
                continue
            directory = self._authorities.now().directory_of(service.tls)
            hosts = service.hosts
            if service.tls.on_demand_url:
                hosts = tuple(name for name in self._folder.issued_hosts() if name not in taken)
            yield from ((self._folder.serving(directory, host), (host,)) for host in hosts)

    def _wanted_maps(self, services: Iterable[Service], lines: Mapping[Path, Offered]) -> dict[str, dict[str, str]]:
        services = list(services)
        names = {name: "yes" for line in lines.values() for name in line.names}
        refused = dict.fromkeys(self._refused, "no") if tls_text.is_on_demand(services) else {}
        return {
            "tls": tls_text.tls_entries(services),
            "challenges": dict(self._maps["challenges"]),
            "names": {**refused, **names},
        }

    def _write(self, lines: Mapping[Path, Offered], maps: Mapping[str, Mapping[str, str]]) -> None:
        text = "".join(f"{path} {' '.join(line.names)}\n" for path, line in lines.items())
        self._write_file(self._folder.offered, text)
        for name, entries in maps.items():
            self._write_map(name, entries)

    def _write_map(self, name: str, entries: Mapping[str, str]) -> None:
        self._write_file(self._runtime.layout.map(name), "".join(f"{key} {value}\n" for key, value in entries.items()))

    def _write_file(self, path: Path, text: str) -> None:
        if self._written.get(path) != text:
            write(path, text.encode())
            self._written[path] = text

    def _bring_certificates(self, lines: dict[Path, Offered]) -> None:
        """New ones before old ones go, and before anybody is sent to them: no name is without one in between."""
        for path, line in lines.items():
            before = self._running.get(path)
            if before == line:
                continue
            if before is None or before.names != line.names:
                self._withdraw(path)  # also what an earlier try left behind
                self._succeed(f"new ssl cert {path}", "New empty")
                self._load(path)
                self._succeed(f"add ssl crt-list {self._folder.offered} <<\n{path} {' '.join(line.names)}\n", "Success")
            else:
                self._load(path)
            self._running[path] = line

    def _withdraw_others(self, lines: dict[Path, Offered]) -> None:
        for path in [path for path in self._running if path not in lines]:
            self._withdraw(path)

    def _load(self, path: Path) -> None:
        pem = "\n".join(line for line in path.read_text().splitlines() if line)  # an empty line ends what is sent
        self._succeed(f"set ssl cert {path} <<\n{pem}\n", "Transaction")
        self._succeed(f"commit ssl cert {path}", "Success")

    def _withdraw(self, path: Path) -> None:
        self._send(f"del ssl crt-list {self._folder.offered} {path}", f"del ssl cert {path}")
        self._running.pop(path, None)

    def _bring_maps(self, wanted: dict[str, dict[str, str]]) -> None:
        for name in ("tls", "names"):
            file, now, then = self._runtime.layout.map(name), self._maps[name], wanted[name]
            self._send(
                *(f"add map {file} {key} {value}" for key, value in then.items() if key not in now),
                *(f"set map {file} {key} {value}" for key, value in then.items() if now.get(key, value) != value),
                *(f"del map {file} {key}" for key in now if key not in then),
            )
            self._maps[name] = then

    def _succeed(self, command: str, sign: str) -> None:
        """HAProxy answers in sentences; `sign` is the one of success."""
        answer = self._send(command)
        if sign not in answer:
            first = command.partition("\n")[0]
            raise HaproxyError(f"`{first}`: {' '.join(answer.split()) or 'no answer'}")

    def _send(self, *commands: str) -> str:
        return self._runtime.send(*commands) if commands else ""
