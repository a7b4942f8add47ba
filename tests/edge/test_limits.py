"""Headers as large as browsers and proxies in front send them get through; larger ones get an answer that says so."""

import socketserver
import threading

import pytest
from conftest_edge import Edge
from test_plain import THE_LONG_WAY, asked


class Counting:
    """A target without limits: it answers how many headers of ours it was sent, and how many bytes they have."""

    class Handler(socketserver.StreamRequestHandler):
        disable_nagle_algorithm = True

        def handle(self):
            while line := self.rfile.readline():
                size = count = 0
                address = line.split()[1]
                while (header := self.rfile.readline()) not in (b"\r\n", b""):
                    count += header.lower().startswith(b"x-big")
                    size += len(header.partition(b": ")[2].strip()) * header.lower().startswith(b"x-big")
                body = f"{len(address)} {count} {size}".encode()
                self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = allow_reuse_address = True

    def __init__(self):
        self.server = self.Server(("127.0.0.1", 0), self.Handler)
        self.target = f"127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def limited(edge: Edge):
    counting = Counting()
    edge.ok("deploy", "a", "--target", counting.target, "--host", "a.test")
    yield edge
    counting.close()


def request(address=b"/", count=0, size=0, more=b""):
    """`count` headers that have `size` bytes together."""
    each = [size // max(count, 1)] * count
    headers = b"".join(b"X-Big-%d: %s\r\n" % (number, b"x" * length) for number, length in enumerate(each))
    return b"GET %s HTTP/1.1\r\nHost: a.test\r\n%s%s\r\n" % (address, more, headers)


@pytest.mark.parametrize("more", [b"", THE_LONG_WAY], ids=["plain", "the long way"])
def test_what_is_large_gets_through(limited, more):
    for address, count, size in ((1, 1, 60_000), (1, 4, 62_000), (1, 190, 38_000), (32_000, 0, 0), (32_000, 8, 60_000)):
        answer = asked(limited, request(b"/" + b"a" * (address - 1), count, size // max(count, 1) * count, more))
        assert answer == (200, f"{address} {count} {size // max(count, 1) * count}".encode())


@pytest.mark.parametrize("more", [b"", THE_LONG_WAY], ids=["plain", "the long way"])
@pytest.mark.parametrize(
    ("status", "words", "address", "count", "size"),
    [
        (414, b"An address may have 32 KB.", 33_000, 0, 0),
        (414, b"An address may have 32 KB.", 90_000, 0, 0),
        (431, b"Headers may have 64 KB together", 1, 1, 66_000),
        (431, b"Headers may have 64 KB together", 1, 10, 100_000),
        (431, b"there may be 200 of them", 1, 201, 201),
        (431, b"there may be 200 of them", 1, 900, 900),
    ],
)
def test_what_is_too_large_is_told(limited, more, status, words, address, count, size):
    answer = asked(limited, request(b"/" + b"a" * (address - 1), count, size, more))
    assert answer[0] == status and words in answer[1]


def test_what_no_buffer_holds_is_a_bad_request(limited):
    assert asked(limited, request(count=1, size=120_000))[0] == 400
    assert asked(limited, request())[0] == 200
