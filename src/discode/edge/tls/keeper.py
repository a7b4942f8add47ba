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
from datetime import UTC, datetime

from ...core.lets_encrypt import PRODUCTION
from ...core.public_names import is_wildcard
from ..dns.records import Records
from ..haproxy.process import HaproxyError
from ..haproxy.runtime import Runtime
from ..services.options import CommandError
from ..services.service import Service
from ..services.tls import Tls, can_issue
from ..text import tls as tls_text
from . import approval, schedule
from .account import Accounts
from .authority import Authorities
from .folder import CertificateFolder, write
from .issuer import Issuer, NoCertificate
from .offer import Offer
from .pem import Lifetime
from .unwanted import Unwanted

LOOK = 1.0  # seconds between two looks at what is due
LOOK_ON_DEMAND = 0.1  # and at the names that handshakes wait for
AT_ONCE = 4  # orders
SOON = 600.0  # seconds that are told as such
REFUSED_FOR = 60.0  # seconds until the app is asked again about a name


@dataclass(frozen=True)
class Wanted:
    """A name that is to have a certificate, from which CA; `approver` where it has to be approved first."""

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
        authorities: Authorities,
        first_wait: float,
        records: Records,
        say: Callable[[str], None],
    ):
        """`first_wait`: seconds after the first failure of a name."""
        self._services, self._runtime, self._folder, self._offer = services, runtime, folder, offer
        self._authorities, self._first_wait, self._records, self._say = authorities, first_wait, records, say
        self._authority = authorities.now()
        self._sound = None if self._authority.problem else self._authority  # the last one that could be read
        self._issuer = Issuer(Accounts(folder, say), offer.challenges, records)
        self._change = threading.Condition()  # guards the four below
        self._failures = folder.failures()
        self._under_way: set[str] = set()
        self._forced: set[str] = set()
        self._refused_until: dict[str, float] = {}
        self._unwanted = Unwanted(folder)
        self._is_stopped = False
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="certificate")
        # Records take minutes, or a provider hangs: nobody else waits for that.
        self._slow_pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="certificate by DNS")

    def start(self) -> None:
        threading.Thread(target=self._run, name="certificates", daemon=True).start()

    def stop(self) -> None:
        with self._change:
            self._is_stopped = True
            self._change.notify_all()
        self._records.stop()
        for pool in (self._pool, self._slow_pool):
            pool.shutdown(wait=False, cancel_futures=True)

    def forget_failures(self, hosts: Iterable[str]) -> None:
        """These names are tried at once: something may have been mended. Not while a CA's limit lasts."""
        now = time.time()
        with self._change:
            for host in hosts:
                if host in self._failures and schedule.is_over_with_a_deploy(self._failures[host], now):
                    del self._failures[host]
            self._change.notify_all()

    def wait_for_certificates(self, hosts: Iterable[str], tls: Tls, seconds: float) -> dict[str, str]:
        """Until each has a certificate or has failed; the names without one, and why."""
        directory = self._authorities.now().directory_of(tls)
        hosts = [host for host in hosts if can_issue(directory, host)]
        with self._change:
            missing = self._wait(seconds, lambda: [host for host in hosts if self._is_missing(host, directory)])
            return {host: self._why(host) for host in missing}

    def renew(self, host: str, seconds: float) -> str:
        """Order a certificate now, whenever the last one ends, and wait for it; the answer says what it is. The one
        before it is served until then. Raises CommandError."""
        wanted = next((wanted for wanted in self._hosts() if wanted.host == host), None)
        if wanted is None:
            raise CommandError(self._why_not_renewed(host))
        with self._change:
            self._failures.pop(host, None)
            if host not in self._under_way:
                self._forced.add(host)
            self._change.notify_all()
            unfinished = self._wait(seconds, lambda: [host] if host in self._forced | self._under_way else [])
            if host in self._failures and not unfinished:
                raise CommandError(f"no certificate for {host}: {self._why(host)}. {self._left(wanted)}")
        if unfinished:
            return f"The CA is still working on {host}. It goes on by itself: list --json\n"
        found = self._folder.leaf(self._folder.issued(wanted.directory, host))
        until = datetime.fromtimestamp(found.life[1], UTC) if found else None
        return f"{host} has a new certificate{f' by {found.issuer} until {until:%Y-%m-%d}' if found else ''}.\n"

    def is_under_way(self, host: str) -> bool:
        with self._change:
            return host in self._under_way

    def _wait(self, seconds: float, missing: Callable[[], list[str]]) -> list[str]:
        """Until each name has what it waits for, or has failed; those that have not. `_change` is held."""
        deadline = time.monotonic() + seconds
        while True:
            names, left = missing(), deadline - time.monotonic()
            if left <= 0 or all(name in self._failures and name not in self._under_way for name in names):
                return names
            self._change.wait(min(left, 0.2))

    def _why_not_renewed(self, host: str) -> str:
        for service in self._services():
            if host in service.hosts:
                if service.tls is None:
                    return f"{service.name} has no TLS. Nothing was changed"
                if service.tls.is_automatic:
                    return f"no public CA has certificates for {host}. Nothing was changed"
                return f"{host} has a certificate of its own, which is renewed by another deploy with it"
        return f"no service has an automatic certificate for {host}. Nothing was changed"

    def _left(self, wanted: Wanted) -> str:
        life = self._folder.life(self._folder.serving(wanted.directory, wanted.host))
        return "The one before it is served" if life else "There is no HTTPS for it yet"

    def _is_missing(self, host: str, directory: str) -> bool:
        """Also while its certificate is on its way into HAProxy."""
        return host in self._under_way or self._folder.life(self._folder.issued(directory, host)) is None

    def failure(self, host: str) -> schedule.Failure | None:
        with self._change:
            return self._failures.get(host)

    def _why(self, host: str) -> str:
        failure = self._failures.get(host)
        if failure is None:
            if self._records.proves(host):
                return "its DNS record is on its way to all servers of its zone, which may take minutes"
            return "the CA is still working on it"
        return f"{failure.reason}; it is tried again {_when(failure.next_try)}"

    def _run(self) -> None:
        while not self._is_stopped:
            on_demand = tls_text.is_on_demand(self._services())
            try:
                self._follow_settings()
                hosts = list(self._hosts())
                for group in self._groups([*hosts, *(self._names() if on_demand else ())]):
                    self._begin(group)
                self._clear_up({wanted.host for wanted in hosts})
            except (OSError, HaproxyError) as error:
                self._say(f"certificates: {error}")
            with self._change:
                if not self._is_stopped:
                    self._change.wait(LOOK_ON_DEMAND if on_demand else LOOK)

    def _follow_settings(self) -> None:
        """With another CA, account or trust, what failed with the one before says nothing. Settings that cannot be read
        for a while are no other CA: a limit of its is remembered."""
        now = self._authorities.now()
        if now == self._authority:
            return
        self._authority = now
        if now.problem:
            self._say(f"certificates: {now.problem}")
            return
        is_another = self._sound not in (None, now)
        self._sound = now
        self._say(f"certificates: the CA is {'now ' if is_another else ''}{now.directory or PRODUCTION}")
        with self._change:
            for host in [host for host, one in self._failures.items() if is_another or one.kind == "settings"]:
                del self._failures[host]
            self._folder.keep_failures(self._failures)
        self._offer.sync(self._services())

    def _hosts(self) -> Iterable[Wanted]:
        """Names of services, and names that were issued on demand."""
        for service in self._services():
            if service.tls is None or not service.tls.is_automatic:
                continue
            directory = self._authority.directory_of(service.tls)
            if not service.tls.on_demand_url:
                yield from (Wanted(host, directory) for host in service.hosts if can_issue(directory, host))
                continue
            taken = {host for other in self._services() for host in other.hosts}
            names = self._folder.issued_hosts()
            yield from (Wanted(name, directory, service) for name in names if name not in taken)

    def _names(self) -> Iterable[Wanted]:
        """Those for which handshakes wait right now."""
        approving = (service for service in self._services() if service.tls and service.tls.on_demand_url)
        service = next(approving, None)
        if service is None or service.tls is None:
            return
        directory, now = self._authority.directory_of(service.tls), time.time()
        for _, text in self._runtime.send_to_each(f"show table {tls_text.WANTED}"):
            for name in re.findall(r"^0x\S+ key=(\S+) ", text, re.MULTILINE):
                if self._folder.life(self._folder.serving(directory, name)) is None:
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

    def _groups(self, wanted: Iterable[Wanted]) -> Iterable[list[Wanted]]:
        """Names that are ordered together: a wildcard and the name below which it is have their records in one place,
        and a CA that has just looked there for one may remember that for a while."""
        groups = {(one.host, one.directory): [one] for one in wanted}
        for host, directory in list(groups):
            base = groups.get((host[2:], directory)) if is_wildcard(host) else None
            if base and not base[0].approver and self._records.proves(host[2:]) and not self._fail_together(host):
                groups[host, directory] += groups.pop((host[2:], directory))
        return groups.values()

    def _fail_together(self, wildcard: str) -> bool:
        """Then each is tried alone: only one of them may be at fault."""
        failure = self.failure(wildcard)
        return failure is not None and failure.count > 1

    def _clear_up(self, wanted: set[str]) -> None:
        for host in self._unwanted.look(wanted, time.monotonic()):
            self._say(f"certificates: {host} is gone, and so is its certificate")
        if left := self._records.left_over():
            self._slow_pool.submit(self._records.remove, left)

    def _begin(self, group: list[Wanted]) -> None:
        with self._change:
            due = [wanted for wanted in group if self._is_due(wanted)]
            if not due or self._is_stopped:
                return
            hosts = {wanted.host for wanted in due}
            self._under_way |= hosts
            self._forced -= hosts
        is_slow = due[0].approver is None and self._records.proves(due[0].host)
        (self._slow_pool if is_slow else self._pool).submit(self._supply, due)

    def _is_due(self, wanted: Wanted) -> bool:
        life, now = self._life(wanted), time.time()
        if wanted.host in self._under_way or now < self._refused_until.get(wanted.host, 0.0):
            return False
        return wanted.host in self._forced or schedule.is_due(life, self._failures.get(wanted.host), now)

    def _life(self, wanted: Wanted) -> Lifetime | None:
        """Of what counts as this name's certificate. After a change of the CA that of the one before does not; of names
        on demand, which may be many, it does until its time has come."""
        file = self._folder.issued if wanted.approver is None else self._folder.serving
        return self._folder.life(file(wanted.directory, wanted.host))

    def _supply(self, group: list[Wanted]) -> None:
        try:
            if self._is_approved(group[0]):
                self._order(group)
        except Exception as error:  # noqa: BLE001 - what is no failure would be tried again at once, for ever
            self._fail(group, NoCertificate("unreachable", str(error)))
        finally:
            with self._change:
                self._under_way.difference_update(wanted.host for wanted in group)
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

    def _order(self, group: list[Wanted]) -> None:
        hosts, first = [wanted.host for wanted in group], group[0]
        try:
            pem = self._issuer.issue(hosts, first.directory, self._authority, is_awaited=first.approver is not None)
        except NoCertificate as error:
            self._fail(group, error)
            return
        for host in hosts:
            write(self._folder.issued(first.directory, host), pem)
            self._offer.allow(host)
        self._offer.sync(self._services())
        for host in hosts:
            self._folder.is_issued(host)
        with self._change:
            for host in hosts:
                self._refused_until.pop(host, None)
            if [host for host in hosts if self._failures.pop(host, None) is not None]:
                self._folder.keep_failures(self._failures)
        self._say(f"certificates: {', '.join(hosts)} has a new one")

    def _refuse(self, host: str) -> None:
        with self._change:
            self._refused_until[host] = time.time() + REFUSED_FOR
            while len(self._refused_until) > 1000:
                del self._refused_until[next(iter(self._refused_until))]
        self._offer.refuse(host)
        self._offer.sync(self._services())

    def _fail(self, group: list[Wanted], error: NoCertificate) -> None:
        with self._change:
            for wanted in group:
                self._failures[wanted.host] = failure = schedule.after_failure(
                    self._failures.get(wanted.host), error.kind, error.reason, error.retry_after,
                    self._first_wait, time.time(),
                )  # fmt: skip
            self._folder.keep_failures(self._failures)
        hosts = ", ".join(wanted.host for wanted in group)
        self._say(f"certificates: none for {hosts} ({error.kind}): {error.reason}; again {_when(failure.next_try)}")


def _when(moment: float) -> str:
    """Soon in seconds, later as a date: a limit of a CA may be days away."""
    seconds = max(moment - time.time(), 0)
    return f"in {seconds:.0f} s" if seconds < SOON else f"at {datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M} UTC"
