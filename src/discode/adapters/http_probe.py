"""One health check, straight at the instance."""

from __future__ import annotations

import http.client

from ..ports.runtime import Probe


def probe(host: str, port: int, path: str, timeout: float) -> Probe:
    connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", path, headers={"User-Agent": "discode"})
        reply = connection.getresponse()
        where = reply.getheader("Location")
        detail = f"{reply.status} at {path}" + (f", a redirect to {where}" if where else "")
        return Probe(200 <= reply.status < 300, detail)
    except TimeoutError:
        return Probe(False, f"no answer at {path} within {timeout:g} s")
    except ConnectionRefusedError:
        return Probe(False, f"connection refused at port {port}", connected=False)
    except (OSError, http.client.HTTPException) as error:
        return Probe(False, getattr(error, "strerror", None) or type(error).__name__)
    finally:
        connection.close()
