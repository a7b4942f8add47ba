"""Malformed and ambiguous requests against the edge: never two readings, no crash, nobody gets another's answer.

`bin/test --fuzz` sends 100,000; without it there are a few thousand. `DISCODE_FUZZ_SEED` repeats a run.
"""

import http.client
import os
import random
import re
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor

import fuzz_corpus
import fuzz_http2
import pytest
from fuzz_target import StrictTarget

from rig.load import Users
from rig.web import NO_ANSWER

COUNT = int(os.environ.get("DISCODE_FUZZ", "3000"))
SEED = int(os.environ.get("DISCODE_FUZZ_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 48)
USERS = 12
SHARE_OF_HTTP2 = 0.1


def token(rng, tokens):
    """A number that nobody else has, and that no change of a byte makes of another one."""
    made = rng.randrange(10**15, 10**16)
    tokens.add(made)
    return made


class Victims(Users):
    """Well-behaved clients on kept-alive connections beside the noise: each has to get its own answer."""

    def __init__(self, port, tokens, users=2):
        super().__init__(users)
        self.port, self.tokens = port, tokens

    def ask_on(self, number):
        connection, count = http.client.HTTPConnection("127.0.0.1", self.port, timeout=240), 0
        rng = random.Random(f"{SEED}:victim {number}")
        while self.on:
            count += 1
            wanted = token(rng, self.tokens)
            try:
                connection.request("POST", f"/v/{wanted}", body="x" * (count % 50), headers={"Host": "fuzz.test"})
                answer = connection.getresponse()
                text = answer.read()
                if answer.status != 200 or text != b"seen=%d; body=%d;\n" % (wanted, count % 50):
                    self.bad.append((wanted, answer.status, text))
            except NO_ANSWER as error:
                self.bad.append((wanted, repr(error)))
                connection.close()
            self.count += 1
            self.pause()


class Attack:
    """`tokens` has who is asking, victims too; `strange`: answers with the token of somebody else."""

    def __init__(self, edge, tokens):
        self.edge, self.tokens, self.strange, self.hung, self.statuses = edge, tokens, [], [], {}
        self.secure = ssl._create_unverified_context()
        self.secure.set_alpn_protocols(["h2"])

    def send(self, number):
        """One connection, everything at once, then half-closed; all that comes back."""
        rng = random.Random(f"{SEED}:{number}")
        case = token(rng, self.tokens)
        with_tls = rng.random() < SHARE_OF_HTTP2
        if with_tls:
            data = fuzz_http2.connection(rng, case, fuzz_corpus.smuggled(case))
        else:
            data = rng.choice(fuzz_corpus.KINDS)(rng, case)
        answer = self._exchange(data, with_tls)
        for status in re.findall(rb"HTTP/1\.1 (\d{3})", answer) if not with_tls else ():
            self.statuses[status] = self.statuses.get(status, 0) + 1
        for text in re.findall(rb"seen=([^;]*);", answer):
            if any(found.isdigit() and int(found) != case and int(found) in self.tokens for found in text.split(b",")):
                self.strange.append((number, text))

    def _exchange(self, data, with_tls):
        answer = b""
        try:
            port = self.edge.https_port if with_tls else self.edge.port
            connection = socket.create_connection(("127.0.0.1", port), 3 if with_tls else 90)
            if with_tls:
                connection = self.secure.wrap_socket(connection, server_hostname="fuzz.test")
            with connection:
                connection.sendall(data)
                if not with_tls:
                    connection.shutdown(socket.SHUT_WR)
                while part := connection.recv(65536):
                    answer += part
        except TimeoutError:
            # TLS has no half-closed connection: the edge may wait for the rest of a torn frame, up to its own limit.
            if not with_tls:
                self.hung.append(data)
        except OSError:
            pass  # refused in the middle of what was sent
        return answer


@pytest.mark.timeout(900 + COUNT // 100)
def test_no_request_has_two_readings(https_edge, pair):
    print(f"seed {SEED}, {COUNT} requests")
    edge, target, other = https_edge, StrictTarget(b"fuzz.test"), StrictTarget(b"other.test")
    edge.start()
    flags = ("--tls", "--tls-redirect=false", *pair("p", "fuzz.test", "other.test").flags)
    for name, one in (("fuzz", target), ("other", other)):
        edge.ok("deploy", name, "--target", one.target, "--host", one.host.decode(), *flags)
    tokens = set()
    worker, attack = edge.haproxy_worker(), Attack(edge, tokens)
    with Victims(edge.port, tokens) as victims, ThreadPoolExecutor(USERS) as pool:
        for _ in pool.map(attack.send, range(COUNT)):
            pass
    told = {status.decode(): count for status, count in sorted(attack.statuses.items())}
    print(f"target saw {target.seen}, {target.seen_over_tls} of them over HTTP/2, the other {other.seen};")
    print(f"victims sent {victims.count}; answers over HTTP/1: {told}")
    assert not target.complaints and not other.complaints, (SEED, target.complaints[:3], other.complaints[:3])
    assert not attack.strange, (SEED, attack.strange[:5])
    assert not attack.hung, (SEED, attack.hung[:3])
    assert not victims.bad, (SEED, victims.bad[:5])
    assert edge.haproxy_worker() == worker, "HAProxy's worker has died"
    assert target.seen_over_tls, "HTTP/2 gets through, too"
    assert target.seen > COUNT / 10 and told.get("400", 0) > COUNT / 10, "some get through, and some are refused"
    target.close()
    other.close()
