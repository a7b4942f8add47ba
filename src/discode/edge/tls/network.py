"""The `acme` library's connection to a CA: more patience for nonces, and certificates trusted besides the system's.

A CA may refuse a nonce at any time; the client then asks again with the one that came with the refusal (RFC 8555,
6.5). The library does so once. A CA behind several addresses, or a busy one, refuses more than one in a row.
"""

from __future__ import annotations

from typing import Any

import requests
from acme import messages
from acme.client import ClientNetwork
from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context

TRIES = 4  # each of them two of the library's


class Network(ClientNetwork):
    """`trusted`: certificates as PEM, or nothing."""

    def __init__(self, key: Any, trusted: str, **options: Any):
        super().__init__(key, **options)
        if trusted:
            self.session.mount("https://", _Trusting(trusted))

    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(TRIES - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)


class _Trusting(HTTPAdapter):
    """The session's `verify` would replace the system's authorities, and the library gives its own with each request.
    What requests loads into a context of ours comes on top. The context is urllib3's, which knows how its version looks
    at names: that of Debian 12 with one of Python's own reaches no CA at an IP address."""

    def __init__(self, pem: str):
        self._context = create_urllib3_context()
        self._context.load_verify_locations(cadata=pem)
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, ssl_context=self._context)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, **kwargs, ssl_context=self._context)
