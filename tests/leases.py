"""A hub of which there are only its leases, and whose clock, which its `Date` shows too, may be another than ours."""

import base64
import json
import time
from email.utils import formatdate

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from discode.core.lease import ALGORITHM, TYPE, Lease, claims
from rig.web import Handler, Web

KEY = f"dlk_{'a' * 8}_{'b' * 32}"
DAY = 86400.0


class LeaseHub:
    """`ahead`: seconds that its clock is ahead of ours. `asked` are methods and paths, `made` the leases; `broken`: it
    answers 500."""

    def __init__(self, app, tls=None):
        self.app, self.ahead, self.asked, self.made, self.broken, outer = app, 0.0, [], [], False, self
        self._key = Ed25519PrivateKey.generate()

        class Hub(Handler):
            def do_POST(self):
                outer.asked.append((self.command, self.path))
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                login = base64.b64decode(self.headers["Authorization"].split()[1]).decode()
                told = outer.answer(login.partition(":")[0])
                self.reply(500 if outer.broken else 200, json.dumps(told).encode())

            def date_time_string(self, timestamp=None):
                return formatdate(outer.now(), usegmt=True)

        self.web = Web(Hub, tls)
        self.url = f"https://localhost:{self.web.port}" if tls else f"http://{self.web.target}"

    def now(self):
        return time.time() + self.ahead

    def answer(self, installation, issued=None):
        issued = issued or self.now()
        lease = Lease(self.app, installation, "aaaaaaaa", "Example", (), issued, issued + 14 * DAY)
        signed = jwt.encode(claims(lease, self.url, "1"), self._key, ALGORITHM, headers={"typ": TYPE})
        self.made.append(signed)
        public = self._key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
        return {"license": "aaaaaaaa", "customer": "Example", "lease": signed, "lease_key": public}

    def license_file(self, issued):
        """What a customer has whose lease is from then."""
        installation = "0" * 32
        kept = {"hub": self.url, "app": self.app, "key": KEY, "installation": installation}
        return json.dumps({**kept, **self.answer(installation, issued)})

    def close(self):
        self.web.close()
