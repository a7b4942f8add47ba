"""What a `deploy` asks for in TLS, with kamal-proxy's options and messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from ...core.host_names import is_address
from ...core.lets_encrypt import PRODUCTION, STAGING
from ...core.public_names import is_public
from .options import Command, CommandError


@dataclass(frozen=True)
class Tls:
    """`certificate`: a file in the certificate folder, if one was given; empty: certificates come from a CA.

    `on_demand_url`: asked whether a name may have one; with it the service has no hosts of its own.
    """

    redirect: bool = True
    certificate: str = ""
    on_demand_url: str = ""
    staging: bool = False

    @property
    def is_automatic(self) -> bool:
        return not self.certificate


@dataclass(frozen=True)
class Authority:
    """The CA of automatic certificates, and how it is spoken to.

    `directory`: an address; empty: Let's Encrypt's, `staging` its staging. `eab_kid`, `eab_key`: external account
    binding, base64url. `ca_bundle`: PEM, trusted besides the system's. `problem`: why nothing can be ordered so.
    """

    directory: str = ""
    staging: bool = False
    email: str = ""
    eab_kid: str = ""
    eab_key: str = ""
    ca_bundle: str = ""
    problem: str = ""

    def directory_of(self, tls: Tls) -> str:
        return self.directory or (STAGING if tls.staging or self.staging else PRODUCTION)


@dataclass(frozen=True)
class HttpsSettings:
    """For the whole edge. `authority`: what `run` was given. `retry`: seconds."""

    port: int = 443
    authority: Authority = field(default_factory=Authority)
    retry: float = 60.0


def can_issue(directory: str, host: str) -> bool:
    """Whether to ask this CA for the name at all: Let's Encrypt is for public ones. What another CA does is its own,
    but an address is no name, and only names are ordered here: RFC 8738 has another identifier for addresses."""
    return is_public(host) or (directory not in (PRODUCTION, STAGING) and not is_address(host))


def tls_settings(command: Command, hosts: Sequence[str], prefixes: Sequence[str]) -> Tls | None:
    """None without `--tls`. Raises CommandError for options that contradict each other."""
    url = command.text("tls-on-demand-url")
    own = [flag for flag in ("tls-certificate-path", "tls-private-key-path") if command.text(flag)]
    if len(own) == 1:
        raise CommandError("--tls-certificate-path and --tls-private-key-path go together: one of them is missing")
    if not command.on("tls"):
        if url:
            raise _invalid("TLS must be enabled to use a TLS on-demand URL")
        if own:
            raise _invalid("TLS must be enabled (--tls) to use a certificate")
        return None
    if url and "/" not in prefixes:
        raise _invalid("TLS settings must be specified on the root path service")
    if url:
        _check_on_demand(url, hosts, bool(own), command.text("canonical-host"))
    elif not hosts:
        raise _invalid("host must be set when using TLS")
    return Tls(redirect=command.on("tls-redirect"), on_demand_url=url, staging=command.on("tls-staging"))


def _check_on_demand(url: str, hosts: Sequence[str], own: bool, canonical: str) -> None:
    if hosts:
        raise _invalid("cannot set hosts when using a TLS on-demand URL")
    if own:
        raise _invalid("cannot use a custom TLS certificate with a TLS on-demand URL")
    if canonical:
        raise _invalid("cannot set a canonical host when using a TLS on-demand URL")
    if url.startswith("/") and not url.startswith("//"):
        return
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise _invalid("tls-on-demand-url must be a path or an absolute http(s) URL")


def _invalid(what: str) -> CommandError:
    return CommandError(f"service options invalid: {what}")
