"""The `acme` library's connection to a CA, with more patience for nonces.

A CA may refuse a nonce at any time; the client then asks again with the one that came with the refusal (RFC 8555,
6.5). The library does so once. A CA behind several addresses, or a busy one, refuses more than one in a row.
"""

from __future__ import annotations

from typing import Any

import requests
from acme import messages
from acme.client import ClientNetwork

TRIES = 4  # each of them two of the library's


class Network(ClientNetwork):
    def post(self, *args: Any, **kwargs: Any) -> requests.Response:
        for _ in range(TRIES - 1):
            try:
                return super().post(*args, **kwargs)
            except messages.Error as error:
                if error.code != "badNonce":
                    raise
        return super().post(*args, **kwargs)
