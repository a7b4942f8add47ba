"""What a request and an answer say to the next hop alone, which is the edge: it is not passed on (RFC 9110, 7.6.1).

HAProxy takes `close` and `keep-alive` out of Connection itself, so what a rule finds there is something else. As in
kamal-proxy `TE: trailers` is passed on, for trailers are, and Trailer in a message that can have some; and so is an
upgrade that both sides have asked for, but to h2c, in which further requests would reach the target unseen.
Text of the configuration, pure.
"""

# Of a request that is not plain; which one is plain, and what of this it has not, says plain.py.
REQUEST_RULES = """\
    http-request lua.hop if { req.hdr(connection) -m found }
    http-request del-header Upgrade if !{ req.hdr(connection) -i -m str upgrade }
    http-request del-header Keep-Alive
    http-request del-header Proxy-Connection
    http-request del-header Proxy-Authorization
    http-request del-header Proxy-Authenticate
    http-request set-header TE trailers if { req.hdr(te) -i -m str trailers }
    http-request del-header TE if !{ req.hdr(te) -m str trailers }
    http-request del-header Trailer if !{ req.fhdr(transfer-encoding) -m found } !{ req.ver -m str 2.0 }
"""

# Of every answer: one look at the names of its headers, and the rest when it finds something.
_OURS = "(?:^|,)(?:connection|keep-alive|proxy-|te(?:,|$)|trailer|upgrade)"
_OTHERS = "^(proxy-connection|proxy-authenticate|proxy-authorization|te|upgrade)$"
RESPONSE_RULES = f"""\
    acl has_hops var(txn.hops) -m found
    http-response set-var(txn.hops) bool(1) if {{ res.hdr_names -m reg -i '{_OURS}' }}
    http-response lua.hop if has_hops {{ res.hdr(connection) -m found }}
    http-response del-header Keep-Alive if has_hops
    http-response del-header '{_OTHERS}' -m reg if has_hops !{{ status 101 }}
    http-response del-header Trailer if has_hops !{{ res.fhdr(transfer-encoding) -m found }}
"""

# What proxies in front have told of the client, as one line each: of several, applications read the first alone or the
# last alone. Hops are joined (RFC 9110, 5.3); of the scheme and the host the first counts, as in kamal-proxy.
JOINING_RULES = """\
    http-request lua.join if { req.fhdr_cnt(x-forwarded-for) gt 1 }
    http-request set-header X-Forwarded-Proto %[req.fhdr(x-forwarded-proto,1)] if { req.fhdr_cnt(x-forwarded-proto) gt 1 }
    http-request set-header X-Forwarded-Host %[req.fhdr(x-forwarded-host,1)] if { req.fhdr_cnt(x-forwarded-host) gt 1 }
"""  # noqa: E501
