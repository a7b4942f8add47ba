"""HAProxy's maps: what a request asks, and what can be changed while it runs. Pure.

| map | from | to |
|---|---|---|
| sites | a host, or `*.` and its domain | the same, so that a host that is known has no other's routes |
| routes | `site/prefix/` | the service |
| active | a service, or `service:rollout` | the backend that has its targets now |
| modes | a service | `running`, `stopped`, or `paused:<milliseconds>` |
| messages | a service | what it says while it is stopped, as HTML |
| health | `service:path` | is there for the health path, which answers while the service does not |
| checks | a service | the path of the checks that go on after a switch |
| traits | a service | what else a request of it needs: `:redirects:rollout:readers:` and so on |
| redirects | `service=site` | the host that its requests are sent to |
| hosts | a host with one service, for plain requests (see `plain`) | the service |
| plain | `service:`, or `service:https` | the backend for its plain requests |
| rollouts | a service, or `service=value` | the highest hash of the rollout, or who is in it by name |
| rates | a service | how many requests a second are let go after a pause |
| cut | a backend, or `backend/server` | `yes` while the last requests of some of its servers are cut; those servers |
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping

from ..services.service import READ, Service
from . import plain

# In this order entries are set: a request that finds its service in the last four has to find the rest, too.
MAPS = (
    *("active", "rates", "modes", "messages", "health", "checks", "traits", "redirects", "rollouts", "cut"),
    *("routes", "sites", "plain", "hosts"),
)
Entries = dict[str, dict[str, str]]


def mode_text(service: Service) -> str:
    return f"paused:{round(service.max_pause * 1000)}" if service.mode == "paused" else service.mode


def message_text(service: Service) -> str:
    """A map's value is one line."""
    return html.escape(" ".join(service.message.split()), quote=False) or "This service is stopped for now."


def map_entries(service: Service) -> Entries:
    """The entries of a service in every map but those that say which requests are plain."""
    name, traits = service.name, sorted(service.traits())
    rollout = {f"{name}:rollout": service.backend(service.rollout.slot, "r")} if service.rollout else {}
    return {
        "active": {name: service.backend(service.active.slot), **rollout},
        "modes": {name: mode_text(service)},
        "messages": {name: message_text(service)},
        "health": {f"{name}:{path}": "yes" for path in health_paths(service)},
        "checks": {name: service.health.path},
        "traits": {name: f":{':'.join(traits)}:"} if traits else {},
        "redirects": {f"{name}={site}": to for site, to in service.sent_on().items()},
        "rollouts": _rollout_entries(service),
        "rates": {name: str(service.rate)},
        "cut": dict.fromkeys(cut_names(service), "no"),
        "routes": dict.fromkeys(service.routes(), name),
        "sites": {site: site for site in service.sites() if site != "-"},
    }


def cut_names(service: Service) -> list[str]:
    letters = ["", *["r"] * service.shape.has_rollout]
    roles = ["", *[READ] * service.shape.has_readers]
    return [service.backend(slot, letter) + role for slot in (0, 1) for letter in letters for role in roles]


def health_paths(service: Service) -> list[str]:
    """As clients see them: below each prefix that is stripped."""
    if not service.shape.strip_path_prefix:
        return [service.health.path]
    if service.shape.strip_prefix:
        return [service.shape.strip_prefix + service.health.path]
    return [prefix.rstrip("/") + service.health.path for prefix in service.shape.path_prefixes]


def _rollout_entries(service: Service) -> dict[str, str]:
    if service.split is None or service.rollout is None:
        return {}
    named = {f"{service.name}={value}": "in" for value in service.split.allowed}
    return {service.name: str(service.split.highest_hash()), **named}


def all_entries(services: Iterable[Service]) -> Entries:
    services = list(services)
    merged: Entries = {name: {} for name in MAPS}
    for service in services:
        for name, entries in map_entries(service).items():
            merged[name].update(entries)
    merged["hosts"], merged["plain"] = plain.host_entries(services), plain.backend_entries(services)
    return merged


def map_text(entries: Mapping[str, str]) -> str:
    return "".join(f"{key} {value}\n" for key, value in entries.items())


def quoted(value: str) -> str:
    """A value for a command on the runtime socket, where blanks end a word and `;` ends a command."""
    return "".join(f"\\{c}" if c in " ;\\" else c for c in value)
