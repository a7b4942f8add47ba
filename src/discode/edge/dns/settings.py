"""Which DNS provider an edge proves names by: `dns.json` in its state folder. It is read anew for each certificate, so
that a change takes no restart. No file: no provider, and no DNS-01.

    {"provider": "powerdns", "credentials": "/etc/discode/dns",
     "wait": 120, "timeout": 60, "resolvers": [], "names": "all"}

`credentials` is the path of a file; a relative one is in the state folder, too. All but these two may be left out.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.public_names import is_wildcard
from ...core.resolvers import address_and_port
from .failure import DnsFailure

NAMES = ("all", "wildcards")
LONGEST = 3600.0  # seconds, of either wait


@dataclass(frozen=True)
class DnsSettings:
    """Seconds: `wait`, until the zone's servers have a record; `timeout`, for one request to the provider. `names`:
    those that are proved so; wildcards always are. `resolvers`: IP addresses, with a port where it is not 53; empty:
    the system's."""

    provider: str
    credentials: Path
    wait: float = 120.0
    timeout: float = 60.0
    resolvers: tuple[str, ...] = ()
    names: str = "all"

    def proves(self, host: str) -> bool:
        return self.names == "all" or is_wildcard(host)


def read_settings(folder: Path) -> DnsSettings | None:
    """Raises DnsFailure for a file that cannot be used."""
    path = folder / "dns.json"
    try:
        raw = json.loads(path.read_bytes())
        return _settings(raw, folder) if raw else None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DnsFailure("provider", f"{path} cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DnsFailure("provider", f"{path} makes no sense: {error}") from None


def _settings(raw: Mapping[str, Any], folder: Path) -> DnsSettings:
    """Raises ValueError, TypeError, KeyError or AttributeError."""
    wait, timeout = float(raw.get("wait", DnsSettings.wait)), float(raw.get("timeout", DnsSettings.timeout))
    if not (0 <= wait <= LONGEST and 0 < timeout <= LONGEST):
        raise ValueError(f"wait and timeout are seconds up to {LONGEST:.0f}")
    if (names := str(raw.get("names", "all"))) not in NAMES:
        raise ValueError(f"names is {' or '.join(NAMES)}")
    resolvers = tuple(raw.get("resolvers", ()))
    for text in resolvers:
        address_and_port(text)
    return DnsSettings(str(raw["provider"]), folder / raw["credentials"], wait, timeout, resolvers, names)
