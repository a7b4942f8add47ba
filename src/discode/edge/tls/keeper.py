"""Keeps every name supplied with a certificate: a thread that looks what is due and has it issued.

    missing or two thirds through its life  ->  ordered  ->  kept in a file, offered by HAProxy
                                                        ->  failed: the old one stays; again later, see `schedule`

A name on demand begins as wanted: a handshake asked for it. The app is asked first; what it refuses is let go.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ..haproxy.process import HaproxyError
from ..haproxy.runtime import Runtime
from ..services.options import CommandError
from ..services.service import Service
from ..services.tls import HttpsSettings, Tls
from ..text import tls as tls_text
from . import approval, schedule
from .folder import CertificateFolder, write
from .issuer import Issuer, NoCertificate
from .offer import Offer

LOOK = 1.0  # seconds between two looks at what is due
LOOK_ON_DEMAND = 0.1  # and at the names that handshakes wait for
AT_ONCE = 4  # orders
REFUSED_FOR = 60.0  # seconds until the app is asked again about a name


@dataclass(frozen=True)
class Wanted:
    """A name that is to have a certificate, from which CA; `service` where it has to be approved first."""

    host: str
    directory: str
    approver: Service | None = None


class Keeper:
    def __init__(
        self,
        services: Callable[[], list[Service]],
        runtime: Runtime,
        folder: CertificateFolder,
        offer: Offer,
        settings: HttpsSettings,
        say: Callable[[str], None],
    ):
        self._services, self._runtime, self._folder, self._offer = services, runtime, folder, offer
        self._settings, self._say = settings, say
        self._issuer = Issuer(folder, offer.challenges)
        self._change = threading.Condition()  # guards the three below
        self._failures = folder.failures()
        self._under_way: set[str] = set()
        self._refused_until: dict[str, float] = {}
        self._is_stopped = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="certificate")

    def start(self) -> None:
        threading.Thread(target=self._run, name="certificates", daemon=True).start()

    def stop(self) -> None:
        with self._change:
            self._is_stopped = True
            self._change.notify_all()
        self._pool.shutdown(wait=False, cancel_futures=True)

    def forget_failures(self, hosts: Iterable[str]) -> None:
        """These names are tried at once: something may have been mended."""
        with self._change:
            for host in hosts:
                self._failures.pop(host, None)
            self._change.notify_all()

    def wait_for_certificates(self, hosts: Iterable[str], tls: Tls, seconds: float) -> dict[str, str]:
        """Until each has a certificate or has failed; the names without one, and why."""
        directory, deadline = self._settings.directory_of(tls), time.monotonic() + seconds
        hosts = list(hosts)
        with self._change:
            while True:
                missing = [host for host in hosts if self._is_missing(host, directory)]
                left = deadline - time.monotonic()
                if left <= 0 or all(host in self._failures for host in missing):
                    break
                self._change.wait(min(left, 0.2))
            return {host: self._why(host) for host in missing}

    def _is_missing(self, host: str, directory: str) -> bool:
        """Also while its certificate is on its way into HAProxy."""
        return host in self._under_way or self._folder.life(self._folder.issued(directory, host)) is None

    def failure(self, host: str) -> schedule.Failure | None:
        with self._change:
            return self._failures.get(host)

    def _why(self, host: str) -> str:
        failure = self._failures.get(host)
        if failure is None:
            return "the CA is still working on it"
        return f"{failure.reason}; it is tried again in {_seconds_until(failure.next_try):.0f} s"

    def _run(self) -> None:
        while not self._is_stopped:
            on_demand = tls_text.is_on_demand(self._services())
            try:
                for wanted in [*self._hosts(), *(self._names() if on_demand else ())]:
                    self._begin(wanted)
            except (OSError, HaproxyError) as error:
                self._say(f"certificates: {error}")
            with self._change:
                if not self._is_stopped:
                    self._change.wait(LOOK_ON_DEMAND if on_demand else LOOK)

    def _hosts(self) -> Iterable[Wanted]:
        """Names of services, and names that were issued on demand."""
        for service in self._services():
            if service.tls is None or not service.tls.is_automatic:
                continue
            directory = self._settings.directory_of(service.tls)
            if not service.tls.on_demand_url:
                yield from (Wanted(host, directory) for host in service.hosts)
                continue
            taken = {host for other in self._services() for host in other.hosts}
            names = self._folder.issued_hosts(directory)
            yield from (Wanted(name, directory, service) for name in names if name not in taken)

    def _names(self) -> Iterable[Wanted]:
        """Those for which handshakes wait right now."""
        approving = (service for service in self._services() if service.tls and service.tls.on_demand_url)
        service = next(approving, None)
        if service is None or service.tls is None:
            return
        directory, now = self._settings.directory_of(service.tls), time.time()
        for _, text in self._runtime.send_to_each(f"show table {tls_text.WANTED}"):
            for name in re.findall(r"^0x\S+ key=(\S+) ", text, re.MULTILINE):
                if self._folder.life(self._folder.issued(directory, name)) is None:
                    yield from self._newcomer(Wanted(name, directory, service), now)

    def _newcomer(self, wanted: Wanted, now: float) -> Iterable[Wanted]:
        with self._change:
            until = self._refused_until.get(wanted.host, 0.0)
            failure = self._failures.get(wanted.host)
        if not approval.NAME.fullmatch(wanted.host):
            if not until:
                self._refuse(wanted.host)
        elif now >= until and (failure is None or now >= failure.next_try):
            yield wanted

    def _begin(self, wanted: Wanted) -> None:
        life = self._folder.life(self._folder.issued(wanted.directory, wanted.host))
        with self._change:
            due = schedule.is_due(life, self._failures.get(wanted.host), time.time())
            if not due or wanted.host in self._under_way or self._is_stopped:
                return
            if time.time() < self._refused_until.get(wanted.host, 0.0):
                return
            self._under_way.add(wanted.host)
        self._pool.submit(self._supply, wanted)

    def _supply(self, wanted: Wanted) -> None:
        try:
            if self._is_approved(wanted):
                self._order(wanted)
        except (OSError, HaproxyError, CommandError) as error:
            self._fail(wanted.host, NoCertificate("unreachable", str(error)))
        finally:
            with self._change:
                self._under_way.discard(wanted.host)
                self._change.notify_all()

    def _is_approved(self, wanted: Wanted) -> bool:
        service = wanted.approver
        if service is None or service.tls is None:
            return True
        why = approval.refusal(service.tls.on_demand_url, wanted.host, service.targets[0])
        if why:
            self._say(f"certificates: {wanted.host} was refused: {why}")
            self._refuse(wanted.host)
        return not why

    def _order(self, wanted: Wanted) -> None:
        try:
            pem = self._issuer.issue(wanted.host, wanted.directory)
        except NoCertificate as error:
            self._fail(wanted.host, error)
            return
        write(self._folder.issued(wanted.directory, wanted.host), pem)
        self._offer.allow(wanted.host)
        self._offer.sync(self._services())
        with self._change:
            self._refused_until.pop(wanted.host, None)
            if self._failures.pop(wanted.host, None) is not None:
                self._folder.keep_failures(self._failures)
        self._say(f"certificates: {wanted.host} was renewed")

    def _refuse(self, host: str) -> None:
        with self._change:
            self._refused_until[host] = time.time() + REFUSED_FOR
            while len(self._refused_until) > 1000:
                del self._refused_until[next(iter(self._refused_until))]
        self._offer.refuse(host)
        self._offer.sync(self._services())

    def _fail(self, host: str, error: NoCertificate) -> None:
        with self._change:
            failure = schedule.after_failure(
                self._failures.get(host), error.kind, error.reason, error.retry_after, self._settings.retry, time.time()
            )
            self._failures[host] = failure
            self._folder.keep_failures(self._failures)
        pause = _seconds_until(failure.next_try)
        self._say(f"certificates: none for {host} ({error.kind}): {error.reason}; again in {pause:.0f} s")


def _seconds_until(moment: float) -> float:
    return max(moment - time.time(), 0)
