"""The controller's one counterpart for TLS: certificates from a `deploy` to HAProxy, and those that a CA issues."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ...core.public_names import is_wildcard
from ..dns.records import Records
from ..haproxy.listening import obstacle
from ..haproxy.process import Haproxy, HaproxyError
from ..services.options import Command, CommandError
from ..services.service import Service
from ..services.tls import HttpsSettings
from . import pem, schedule
from .authority import Authorities
from .folder import CertificateFolder
from .issuer import check_library
from .keeper import Keeper
from .offer import Offer

FIRST = 20.0  # seconds that a deploy waits for the first certificates of its hosts
RENEWAL = 60.0  # seconds that `renew` waits

_TRIAL = """\
defaults
    mode http
    timeout connect 1s
    timeout client 1s
frontend trial
    bind unix@{folder}/trial.sock ssl crt "{file}" alpn h2,http/1.1
"""


class Certificates:
    def __init__(
        self,
        services: Callable[[], list[Service]],
        haproxy: Haproxy,
        settings: HttpsSettings,
        addresses: Iterable[str],
        reloads: threading.RLock,
    ):
        """`reloads` is held during every reload, from writing the files to `offer.loaded`."""
        self._wanted: list[str] = []  # certificates of deploys that wait for their targets
        self._services, self._haproxy, self._settings, self._addresses = services, haproxy, settings, addresses
        self._folder = CertificateFolder(haproxy.layout.folder / "certificates")
        self._authorities = Authorities(haproxy.layout.authority, settings.authority)
        self.offer = Offer(haproxy.runtime, self._folder, self._authorities, reloads)
        self._records = Records(haproxy.layout.folder, self._folder.dns_records, _say)
        self._keeper = Keeper(
            services, haproxy.runtime, self._folder, self.offer, self._authorities, settings.retry, self._records, _say
        )

    def start(self) -> None:
        self._keeper.start()

    def stop(self) -> None:
        self._keeper.stop()

    def adopt(self, command: Command, service: Service) -> Service:
        """The service with its own certificate kept, if it has one. Raises CommandError; then nothing has changed."""
        if service.tls is None:
            return service
        given = command.text("tls-certificate-path")
        if not given and any(map(is_wildcard, service.hosts)) and not self._records.has_provider():
            raise CommandError("automatic TLS does not support wildcards")
        if not self.offer.is_bound:
            self._refuse_taken_port()
        if not given:
            check_library()
            self._keeper.forget_failures(service.hosts)
            self._go_on_with_own(service)
            return service
        key = command.text("tls-private-key-path")
        text = pem.read_pair(Path(given), Path(key), service.hosts, time.time())
        name = self._folder.keep_own(service.name, text, service.hosts)
        self._try_out(self._folder.own(name))
        return replace(service, tls=replace(service.tls, certificate=name))

    def _go_on_with_own(self, service: Service) -> None:
        """Whoever comes by HTTPS today does so until the CA has answered."""
        before = next((one.tls for one in self._services() if one.name == service.name), None)
        if before and before.certificate and service.tls:
            directory = self._authorities.now().directory_of(service.tls)
            self._folder.keep_until_issued(before.certificate, directory, service.hosts)

    @contextmanager
    def kept_for(self, service: Service) -> Iterator[None]:
        """The certificate that was given with it stays while it is not in the table yet."""
        own = service.tls.certificate if service.tls else ""
        self._wanted.append(own)
        try:
            yield
        finally:
            self._wanted.remove(own)

    def settle(self, services: Iterable[Service]) -> None:
        """After a change of services: HAProxy offers what they have, and files of own ones that are gone go too."""
        services = list(services)
        self.offer.sync(services)
        self._folder.drop_own({*self._wanted, *(service.tls.certificate for service in services if service.tls)})

    def first(self, service: Service | None) -> str:
        """Wait a while for the first certificates of a deployed service; a notice for those that are not there."""
        if service is None or service.tls is None or not service.tls.is_automatic or service.tls.on_demand_url:
            return ""
        missing = self._keeper.wait_for_certificates(service.hosts, service.tls, FIRST)
        return "".join(f"Notice: no certificate for {host} yet: {why}\n" for host, why in missing.items())

    def renew(self, host: str) -> str:
        """Raises CommandError."""
        check_library()
        return self._keeper.renew(host.lower(), RENEWAL)

    def authority(self) -> dict[str, object]:
        """For `list --json`: the CA as it is set, without secrets."""
        return self._authorities.status()

    def status(self, service: Service) -> list[dict[str, Any]]:
        """For `list --json`, for each host: the certificate that is served, and the last try to renew it."""
        return [self._entry(service, host) for host in service.hosts] if service.tls else []

    def _entry(self, service: Service, host: str) -> dict[str, Any]:
        assert service.tls
        own, directory = service.tls.certificate, self._authorities.now().directory_of(service.tls)
        file = self._folder.own(own) if own else self._folder.serving(directory, host)
        leaf, failure = self._folder.leaf(file), None if own else self._keeper.failure(host)
        return {
            "host": host,
            "source": "own" if own else "acme",
            "names": list(leaf.names) if leaf else [],
            "issuer": leaf.issuer if leaf else None,
            "self_made": leaf.is_self_made if leaf else None,
            "begins": _date(leaf.life[0]) if leaf else None,
            "expires": _date(leaf.life[1]) if leaf else None,
            "renewal": _date(schedule.renewal_time(leaf.life)) if leaf and not own else None,
            "directory": None if own else directory,
            "of_this_directory": file == self._folder.issued(directory, host) if leaf and not own else None,
            "under_way": not own and self._keeper.is_under_way(host),
            "error": failure.reason if failure else None,
            "kind": failure.kind if failure else None,
            "count": failure.count if failure else 0,
            "next_try": _date(failure.next_try) if failure else None,
        }

    def _try_out(self, file: Path) -> None:
        """HAProxy is more particular than the format: it also refuses keys that are too short."""
        trial = file.with_suffix(".cfg")
        trial.write_text(_TRIAL.format(folder=self._haproxy.layout.folder, file=file))
        try:
            self._haproxy.check(trial)
        except HaproxyError as error:
            if file.name not in {service.tls.certificate for service in self._services() if service.tls}:
                file.unlink(missing_ok=True)
            raise pem.UnfitCertificate(f"HAProxy rejected it: {error}") from None
        finally:
            trial.unlink()

    def _refuse_taken_port(self) -> None:
        """HAProxy would find out only in a reload, which is too late to say no."""
        for address in self._addresses:
            if (error := obstacle(address, self._settings.port)) is not None:
                why = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be used: {error}"
                family = " on IPv6" if ":" in address else ""
                raise CommandError(
                    f"HTTPS cannot be served: port {self._settings.port} {why}{family}. Nothing was changed. Free it,"
                    " or run the proxy with another --https-port"
                )


def _say(text: str) -> None:
    print(text, flush=True)


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
