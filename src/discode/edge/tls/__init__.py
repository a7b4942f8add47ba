"""HTTPS for the edge: own certificates, those issued by a CA, and their way into HAProxy. Part of `edge`: `core` alone.

folder     files, mode 0600                pem        is a certificate fit for its hosts, and until when
issuer     ACME                            schedule   when to try: renewals, retries after failures (pure)
keeper     the thread that keeps           approval   may an unknown name have a certificate
           every name supplied             offer      certificates into the running HAProxy

What a deploy asks for is in `services/tls.py`, HAProxy's configuration for TLS in `text/tls.py`.
"""
