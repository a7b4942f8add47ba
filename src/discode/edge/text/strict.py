"""What of a request HAProxy lets pass, and a target could read otherwise: refused with 400, as HAProxy's own refusals.

Found by tests/edge/test_fuzz.py on HAProxy 2.6. By itself it refuses bad chunks, two lengths, folded lines, control
characters in a name, and an address and a Host that differ.
"""

# Each with what could be read in it. Patterns are PCRE, in single quotes: HAProxy leaves them as they are.
RULES = r"""
    # A tunnel: what follows would reach the target unseen.
    http-request return status 405 content-type text/plain string "Method Not Allowed" if METH_CONNECT
    # "a.test/b.test" is found below a.test, "a.test, b.test" below b.test.
    http-request deny deny_status 400 if { req.fhdr(host) -m found } !{ req.fhdr(host) -m reg '^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{0,5})?$' }
    # Without a host it is anybody's (RFC 9112, 3.2).
    http-request deny deny_status 400 if { req.ver -m str 1.1 } !{ req.fhdr(host) -m found }
    # An address without its host, or with a name and a password before it, and control characters in one.
    http-request deny deny_status 400 if !{ url -m reg '^(/|\*$|https?://[A-Za-z0-9._:[\]-]+([/?]|$))[^\x00-\x20\x7f]*$' }
    # A target that reads C strings ends the value at the NUL.
    http-request deny deny_status 400 if { req.hdrs -m reg '[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]' }
    # HTTP/0.9 has no headers, and no word on where an answer ends.
    http-request deny deny_status 400 if !{ req.ver -m str 1.0 1.1 2.0 3.0 }
    # The first says nothing, the second `chunked`. And a length that is over what 64 bits hold.
    http-request deny deny_status 400 if { req.fhdr_cnt(transfer-encoding) gt 1 }
    http-request deny deny_status 400 if { req.fhdr(content-length),length gt 18 }
"""[1:]  # noqa: E501
