"""kamal-proxy's commands as argument lists, without the program's name. Durations are in Go's notation."""

from __future__ import annotations

from collections.abc import Sequence

from ...core.doors import route_of
from ...core.errors import Refused
from ...core.installation import Route
from ...core.manifest import Door, Health
from ...core.quantity import format_duration
from ...ports.proxy import DoorTo, Timing
from ...ports.runtime import Endpoint

HEALTH_INTERVAL = 0.2  # seconds; kamal-proxy's own default of 1 s is a second that every update waits
LIST_TABLE = ["list"]
LIST_JSON = ["list", "--json"]


def deploy(
    service: str, endpoint: Endpoint, route: Route, health: Health, timing: Timing, tls: Sequence[str] = ()
) -> list[str]:
    """`tls`: its options, see `tls`."""
    argv = ["deploy", service, "--target", target(endpoint)]
    for host in route.hosts:
        argv += ["--host", host]
    if route.path_prefix != "/":
        argv += ["--path-prefix", route.path_prefix]
    return [
        *argv,
        *redirects(route),
        # What anybody can write into a request is believed from nobody. An edge believes it from proxies in front that
        # are trusted; kamal-proxy knows all or nobody.
        "--forward-headers=false",
        *tls,
        *("--health-check-path", health.path),
        *("--health-check-host", route.asked_as(health)),
        *("--health-check-timeout", format_duration(health.timeout)),
        *("--health-check-interval", format_duration(HEALTH_INTERVAL)),
        *("--deploy-timeout", format_duration(timing.deploy)),
        *("--drain-timeout", format_duration(timing.drain)),
        *("--target-timeout", format_duration(timing.response)),
    ]


def redirects(route: Route) -> list[str]:
    """All names to one: kamal-proxy has an option for it. Any others: the edge has."""
    if route.canonical:
        return ["--canonical-host", route.canonical]
    return [word for source, to in route.redirects.items() for word in ("--redirect", f"{source}={to}")]


def door(
    to: DoorTo,
    route: Route,
    health: Health,
    timing: Timing,
    tls: Sequence[str] = (),
    *,
    force: bool = False,
    is_edge: bool = False,
) -> list[str]:
    """The deploy of a door of an app with that route, health check and `tls`. What is below a path has the HTTPS of the
    root of its host, in both proxies, and cannot say so again in kamal-proxy; where the app itself is below a path,
    nobody may be at the root."""
    check = health.changed(path=to.door.health.path, timeout=to.door.health.timeout)
    own = tls if route.path_prefix != "/" else ()
    argv = deploy(to.service, to.endpoint, route_of(route, to.door), check, timing, own)
    return [*argv, *kept(to.door, route, is_edge=is_edge), *(["--force"] if force else [])]


def kept(door: Door, route: Route, *, is_edge: bool) -> list[str]:
    """What of its path the target gets to see. Where the app is below a prefix, that alone is taken away. Raises
    Refused."""
    if door.strip_path:
        return []
    if route.path_prefix == "/":
        return ["--strip-path-prefix=false"]
    if not is_edge:
        raise Refused(
            f"kamal-proxy cannot serve {door.path} of this app below {route.path_prefix}: it would take away the whole "
            "path, or nothing of it. Nothing was changed.",
            "Have the app at all paths of a host. Or put the edge in its place, which can (docs/docker.md says how to "
            "get its image): discode proxy update --image IMAGE",
            key="proxy-cannot",
        )
    return ["--strip-prefix", route.path_prefix]


def tls(own: tuple[str, str] | None, *, redirect: bool = True, staging: bool = False) -> list[str]:
    """`own`: where the proxy finds the customer's certificate and its key; None: it gets them from a CA, which
    `staging` is Let's Encrypt's for trying things out."""
    files = ["--tls-certificate-path", own[0], "--tls-private-key-path", own[1]] if own else []
    files += ["--tls-staging"] if staging else []
    return ["--tls", *files, *([] if redirect else ["--tls-redirect=false"])]


def pause(service: str, longest: float, drain: float) -> list[str]:
    durations = ["--max-pause", format_duration(longest), "--drain-timeout", format_duration(drain)]
    return ["pause", service, *durations]


def renew(host: str) -> list[str]:
    """Of the edge alone."""
    return ["renew", host]


def resume(service: str) -> list[str]:
    return ["resume", service]


def stop(service: str, message: str, drain: float) -> list[str]:
    # One word, for a message may begin with a dash.
    return ["stop", service, f"--message={message}", "--drain-timeout", format_duration(drain)]


def remove(service: str) -> list[str]:
    return ["remove", service]


def target(endpoint: Endpoint) -> str:
    return f"[{endpoint.host}]:{endpoint.port}" if ":" in endpoint.host else str(endpoint)


def endpoint_of(text: str) -> Endpoint:
    """The inverse of `target`; a target without a port means 80. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or port.endswith("]"):
        return Endpoint(text.strip("[]"), 80)
    return Endpoint(host.strip("[]"), int(port))
