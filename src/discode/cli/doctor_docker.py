"""What `discode doctor` looks at where apps are containers: the engine, a trial container, the proxy's container."""

from __future__ import annotations

from collections.abc import Iterator

from ..core.errors import DiscodeError, Unreachable
from .finding import Finding
from .wiring_host import Host


def examine_docker(host: Host, *, needed: bool) -> Iterator[Finding]:
    """`needed`: an app of this machine is a container, or none is there yet. Else it is only said what is there."""
    try:
        engine = host.docker()
        told = engine.api.version()
    except Unreachable as error:
        yield _absent(host, error, needed)
        return
    except DiscodeError as error:
        yield Finding("docker", not needed, error.sentence, error.next_step)
        return
    yield Finding("docker", True, f"{told.get('Version', '')} at {engine.host}, {engine.platform}")
    if needed:
        yield _trial(host)
        yield _network(host)
    if host.config.proxy == "docker":
        yield _proxy(host)


def _absent(host: Host, error: Unreachable, needed: bool) -> Finding:
    from .wiring_host import docker_is_installed

    if not needed:
        return Finding("docker", True, "not running; no app on this machine needs it")
    if error.name == "docker-missing":
        question = "Install Docker from the distribution (apt-get install docker.io), start it, and run a container?"
        return Finding("docker", False, error.sentence, error.next_step, lambda: _install(host), question)
    if error.name == "docker-stopped" and docker_is_installed():
        return Finding("docker", False, error.sentence, error.next_step, lambda: _start(host), "Start Docker?")
    return Finding("docker", False, error.sentence, error.next_step)


def _trial(host: Host) -> Finding:
    from .wiring_host import run_a_container

    try:
        return Finding("containers", True, run_a_container(host))
    except DiscodeError as error:
        return Finding("containers", False, error.sentence, error.next_step)


def _network(host: Host) -> Finding:
    """What the next install would meet, and `settle` after somebody's `docker network prune`."""
    from .wiring_host import look_at_network

    try:
        return Finding("network", True, look_at_network(host))
    except DiscodeError as error:
        return Finding("network", False, error.sentence, error.next_step)


def _proxy(host: Host) -> Finding:
    told, port = host.container().state(), host.config.http_port
    if not told["running"]:
        detail = f"not running; it will listen on HTTP port {port}"
        return Finding("proxy", False, detail, "discode proxy start", lambda: _start_proxy(host), "Start the proxy?")
    if told["differs"]:
        return Finding("proxy", True, f"runs, but its settings differ from config.toml ({told['differs']})")
    return Finding("proxy", True, f"runs ({told['image']}), HTTP port {port}")


def _install(host: Host) -> str:
    from .progress import report_for
    from .wiring_host import install_docker

    install_docker(report_for(False).note)
    return _start(host)


def _start(host: Host) -> str:
    from .progress import report_for
    from .wiring_host import start_docker

    start_docker(host, report_for(False).note)
    return f"Docker is running; {_trial(host).detail}."


def _start_proxy(host: Host) -> str:
    host.container().ensure()
    return "The proxy is running."
