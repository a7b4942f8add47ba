"""The environment of a process that outlives the command which starts it. Pure.

A command may have secrets in its environment: $DISCODE_LICENSE, API tokens, passphrases. What it starts would hold them
for months, for whoever can read /proc or a core dump. So such a process gets what tells it where it is and how to reach
the network, and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping

_PLACE = frozenset({
    "PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "TZ", "LANG", "LANGUAGE", "XDG_STATE_HOME", "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR", "DISCODE_HOME", "DOCKER_HOST", "RES_OPTIONS",
})  # fmt: skip
_NETWORK = frozenset({
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
})  # fmt: skip
# Python's own, and of the edge, whose options may stand in its environment as kamal-proxy's do.
_PREFIXES = ("LC_", "PYTHON", "COVERAGE_", "KAMAL_PROXY_", "DISCODE_EDGE_")


def lasting(environment: Mapping[str, str], *, has_network: bool = True) -> dict[str, str]:
    """`has_network`: it asks other machines for something, and may need the proxy for that, whose address can hold a
    password."""
    return {
        name: value
        for name, value in environment.items()
        if name in _PLACE or name.startswith(_PREFIXES) or (has_network and name.upper() in _NETWORK)
    }
