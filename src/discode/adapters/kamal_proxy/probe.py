"""A user's request through the proxy: plain HTTP on this machine, with the app's host name."""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException

from ...core.installation import Route
from ...core.listening import reached_at
from ...core.quantity import format_duration
from ...ports.runtime import Probe


def probe(address: str, port: int, route: Route, path: str, timeout: float, host: str = "localhost") -> Probe:
    """GET `path` of the app that has the route. `address` is what the proxy is bound to; 2xx is ok. A route
    without hosts is asked for as `host`."""
    connection = HTTPConnection(reached_at(address), port, timeout=timeout)
    try:
        headers = {"Host": route.some_host or host, "User-Agent": "discode", "Connection": "close"}
        connection.request("GET", route.path_prefix.rstrip("/") + path, headers=headers)
        status = connection.getresponse().status
    except TimeoutError:
        return Probe(False, f"no answer within {format_duration(timeout)} at {path}")
    except ConnectionRefusedError:
        return Probe(False, f"connection refused at port {port}")
    except (OSError, HTTPException) as error:
        return Probe(False, f"{str(error) or type(error).__name__} at {path}")
    finally:
        connection.close()
    return Probe(200 <= status < 300, f"{status} at {path}")
