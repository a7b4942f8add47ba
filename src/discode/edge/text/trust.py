"""Whose word counts about a client: that of the proxies in front that the machine's owner has named, and nobody else's.

Anybody can write `X-Forwarded-For: 10.0.0.1` into a request. A service that was deployed with `--forward-headers=false`
believes it from the networks in the file `trusted.txt` of the state folder alone, one a line; without the file from
nobody. What was forged is taken out before a target sees it. A proxy in front that has ended TLS says so by
`X-Forwarded-Proto: https`: such a request is not sent to HTTPS once more. Text of the configuration, pure.
"""

from __future__ import annotations

from collections.abc import Sequence

# Headers by which proxies and content networks tell the client's address or scheme, and which frameworks believe; with
# `_` for `-`, too, which applications of the CGI kind do not tell apart. X-Forwarded-… and Forwarded are beside them.
_NAMES = (
    *("x-real-ip", "x-client-ip", "x-cluster-client-ip", "client-ip", "true-client-ip", "cf-connecting-ip"),
    *("fastly-client-ip", "x-original-host", "x-url-scheme", "front-end-https"),
)
_OTHERS = f"^({'|'.join(name.replace('-', '[-_]') for name in _NAMES)})$"
_OF_X, _NOT = ([name for name in _NAMES if name.startswith("x-") is is_x] for is_x in (True, False))
# The same, for the pattern of a plain request, which has none of them (see plain.py): most headers are told from all of
# them by their first sign.
_FIRST = "".join(sorted({name[0] for name in _NAMES}))
PLAIN = rf"(?=[{_FIRST}])(?:x-(?:{'|'.join(name[2:] for name in _OF_X)})|{'|'.join(_NOT)}):"


def source_rules(networks: Sequence[str]) -> str:
    """For the frontend, before any redirect. `networks`: where the proxies in front are."""
    source = f"src {' '.join(networks)}" if networks else "always_false"
    return f"""\
    acl is_trusted {source}
    http-request set-var(txn.ended) bool(1) if is_trusted {{ req.fhdr(x-forwarded-proto,1) -i -m str https }}
"""


# In place, once the service is known.
RULES = f"""\
    acl is_forged var(txn.forged) -m found
    http-request del-header Forwarded
    http-request set-var(txn.forged) bool(1) if {{ var(txn.traits) -m sub :untrusted: }} !is_trusted
    http-request del-header X-Forwarded- -m beg if is_forged
    http-request del-header '{_OTHERS}' -m reg if is_forged
    http-request set-var(txn.remote) var(sess.client) if is_forged
    # Of the scheme there are two, whatever a proxy in front passes on.
    http-request del-header X-Forwarded-Proto if is_trusted !{{ req.fhdr(x-forwarded-proto) -i -m str http https }}
"""
