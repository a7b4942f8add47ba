"""HTTPS for the edge: own certificates, those issued by a CA, and their way into HAProxy. Part of `edge`: `core` alone.

settings   what a deploy asks for          pem        is a certificate fit for its hosts, and until when
folder     files, mode 0600                schedule   when to try: renewals, retries after failures (pure)
issuer     ACME                            approval   may an unknown name have a certificate
config     HAProxy's configuration         offer      certificates into the running HAProxy
keeper     the thread that keeps every name supplied
"""
