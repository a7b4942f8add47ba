"""What the edge is to know of the DNS provider, from this machine's settings, in the form of the edge's `dns.json`."""

from __future__ import annotations

import json
from pathlib import Path

from ..core.errors import UsageError
from ..disk.given_secret import NotPrivate, read_private
from .hostconfig import HostConfig

SETTINGS, CREDENTIALS = "dns.json", "dns-credentials"


def dns_files(config: HostConfig) -> dict[str, bytes]:
    """By name, empty ones to be absent. An edge on this machine reads the user's own file of credentials; a container
    has a copy. Raises UsageError, key `dns-credentials`."""
    if config.proxy != "docker":
        return {SETTINGS: _settings(config, config.dns_credentials)}
    return {CREDENTIALS: credentials(config), SETTINGS: _settings(config, CREDENTIALS)}


def _settings(config: HostConfig, place: str) -> bytes:
    if not config.dns_provider:
        return b""
    told = {
        "provider": config.dns_provider,
        "credentials": place,
        "names": config.dns_names,
        "wait": config.dns_wait,
        "timeout": config.dns_timeout,
        "resolvers": [one.strip() for one in config.dns_resolvers.split(",") if one.strip()],
    }
    return json.dumps(told, indent=1).encode()


def credentials(config: HostConfig) -> bytes:
    """What the file holds; empty when none is set. Raises UsageError, key `dns-credentials`, when others could have
    read or replaced it."""
    if not config.dns_credentials:
        return b""
    try:
        return read_private(Path(config.dns_credentials))
    except NotPrivate as error:
        raise _unfit(config, str(error.strerror), f"{error.remedy}. Then run the command again.") from None
    except OSError as error:
        raise _unfit(config, f"it cannot be read: {error.strerror}", "Give another file.") from None


def _unfit(config: HostConfig, why: str, next_step: str) -> UsageError:
    return UsageError(
        f"{config.dns_credentials} is to hold the DNS provider's credentials, and {why}. Nothing was changed.",
        next_step,
        key="dns-credentials",
    )
