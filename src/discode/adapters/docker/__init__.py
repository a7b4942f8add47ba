"""The Docker runtime: releases that are container images, run by the engine that $DOCKER_HOST names.

Everything of ours carries the label `discode.app`, `discode.key` or `discode.role`; what does not is never touched.
"""

from .accessories import DockerAccessories
from .engine import Engine
from .proxy_container import ContainerSettings, ProxyContainer
from .runtime import DockerRuntime

__all__ = ["ContainerSettings", "DockerAccessories", "DockerRuntime", "Engine", "ProxyContainer"]
