"""The proxy port over kamal-proxy's commands, which the local edge takes too.

A carrier brings a command to the proxy: `edge_socket` to the edge on this machine, `docker.exec` into a container. A
keeper sees to it that the proxy runs: `edge_process`, `docker.proxy_container`. Everything else is the same wherever
the proxy is.
"""

from .edge_process import EdgeProcess
from .edge_socket import EdgeSocket
from .proxy import KamalProxy

__all__ = ["EdgeProcess", "EdgeSocket", "KamalProxy"]
