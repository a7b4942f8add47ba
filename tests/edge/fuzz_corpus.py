"""Malformed and ambiguous requests, each with the number of its case in it. All of it comes from one seed.

What is smuggled is always `GET /s/<case>`, without any header that the edge adds.
"""

from fuzz_words import CHUNKED, HOST, HOSTS, LENGTHS, METHODS, ODD_HEADERS, OTHER, SIZES, TARGETS, VERSIONS


def smuggled(case):
    return b"GET /s/%d HTTP/1.1\r\nHost: fuzz.test\r\nContent-Length: 0\r\n\r\n" % case


def request(case, headers=(), body=b"", method=b"POST", host=HOST, end=b"\r\n"):
    lines = [b"%s /f/%d HTTP/1.1" % (method, case), b"Host: " + host, b"X-Case: %d" % case, *headers]
    return end.join([*lines, b"", b""]) + body


def filled(template, number):
    """`%d` and `%x` in a template; any other `%` is meant as it stands."""
    return template.replace(b"%d", b"%d" % number).replace(b"%x", b"%x" % number).replace(b"%X", b"%X" % number)


def length_and_chunked(rng, case):
    """Both ways of saying where the body ends, spelled so that two readers may choose differently."""
    inner = smuggled(case)
    body = rng.choice([b"0\r\n\r\n" + inner, b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner), inner])
    length = b"Content-Length: %d" % rng.choice([0, 4, 5, len(body), len(body) - len(inner), len(body) + 7, 1])
    headers = [length, rng.choice(CHUNKED)]
    rng.shuffle(headers)
    return request(case, headers, body)


def two_lengths(rng, case):
    inner = smuggled(case)
    headers = []
    for _ in range(rng.randint(1, 3)):
        headers.append(b"Content-Length: " + filled(rng.choice(LENGTHS), rng.choice([0, 5, len(inner)])))
    headers[0] = rng.choice([headers[0], headers[0].replace(b":", b" :"), headers[0].replace(b": ", b":\r\n ")])
    return request(case, headers, inner)


def two_codings(rng, case):
    inner = smuggled(case)
    headers = rng.sample(CHUNKED, rng.randint(1, 3))
    return request(case, headers, rng.choice([b"0\r\n\r\n" + inner, b"%x\r\n%s\r\n0\r\n\r\n" % (len(inner), inner)]))


def broken_chunks(rng, case):
    end, parts = rng.choice([b"\r\n", b"\r\n", b"\n", b"\r", b"\r\n\r\n", b""]), []
    for _ in range(rng.randint(1, 4)):
        data = rng.choice([smuggled(case), b"x" * rng.randint(1, 40), b"0\r\n\r\n"])
        size = filled(rng.choice(SIZES), max(len(data) + rng.choice([0, 0, 0, -1, 1, 2, 100]), 0))
        parts.append(size + end + data + rng.choice([b"\r\n", end, b"", b"XX"]))
    last = rng.choice(
        [
            b"0\r\n\r\n",
            b"0\n\n",
            b"",
            b"0\r\nContent-Length: 5\r\nHost: other.test\r\n\r\n",
            b"00\r\n\r\n",
            b"0\r\n" + smuggled(case),
        ]
    )
    return request(case, [b"Transfer-Encoding: chunked"], b"".join(parts) + last + rng.choice([b"", smuggled(case)]))


def header_flood(rng, case):
    many = rng.choice([20, 90, 99, 100, 101, 102, 300, 2000])
    size = rng.choice([1, 1, 10, 100, 200])
    name = rng.choice([b"X-%d", b"x", b"Cookie", b"X-Forwarded-For", b"Host", b"Content-Length"])
    headers = [(name % i if b"%" in name else name) + b": " + b"5" * size for i in range(many)]
    big = [b"X-Big: " + b"a" * rng.choice([8000, 15000, 16000, 16384, 40000])] if rng.random() < 0.3 else []
    return request(case, headers + big, rng.choice([b"", smuggled(case)]))


def folded(rng, case):
    name = rng.choice(
        [b"X-Folded", b"Content-Length", b"Transfer-Encoding", b"Host", b"X-Forwarded-For", b"Connection"]
    )
    value = rng.choice([b"5", b"chunked", b"other.test", b"a", b""])
    fold = rng.choice([b"\r\n ", b"\r\n\t", b"\n ", b"\r\n \r\n ", b"\r ", b"\r\n  \t"])
    return request(
        case, [name + b":" + fold + value, b"Content-Length: 5"][: rng.randint(1, 2)], b"hello" + smuggled(case)
    )


def bad_host(rng, case):
    hosts = [b"Host: " + rng.choice(HOSTS) for _ in range(rng.randint(0, 2))]
    if rng.random() < 0.4:
        hosts.append(b"Host: " + rng.choice([HOST, OTHER]))
    hosts = [
        rng.choice([line, line, line.replace(b"Host:", b"host :"), line.replace(b"Host:", b"HOST:")]) for line in hosts
    ]
    rng.shuffle(hosts)
    target = filled(rng.choice(TARGETS), case) if rng.random() < 0.5 else b"/f/%d" % case
    return b"\r\n".join([b"GET %s HTTP/1.1" % target, *hosts, b"X-Case: %d" % case, b"", b""])


def bad_line(rng, case):
    method = rng.choice(
        [
            *METHODS,
            b"CONNECT",
            b"TRACE",
            b"get",
            b"G ET",
            b"G\x00T",
            b"",
            b"PRI",
            b"A" * 300,
            b"G(T",
            b"\xffGET",
            b" GET",
        ]
    )
    space = [rng.choice([b" ", b" ", b" ", b"  ", b"\t", b"\x0b", b""]) for _ in range(2)]
    line = method + space[0] + filled(rng.choice(TARGETS), case) + space[1] + rng.choice(VERSIONS)
    end = rng.choice([b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n"])
    before = rng.choice([b"", b"", b"\r\n", b"\n\n", b" ", b"\x00", b"\xef\xbb\xbf"])
    return (
        before
        + end.join([line, b"Host: fuzz.test", b"X-Case: %d" % case, b"", b""])
        + smuggled(case) * rng.randint(0, 1)
    )


def odd_headers(rng, case):
    headers = rng.sample(ODD_HEADERS, rng.randint(1, 4))
    body = rng.choice([b"", b"hello"])
    if body or rng.random() < 0.5:
        headers.insert(rng.randint(0, len(headers)), b"Content-Length: %d" % len(body))
    return request(
        case, headers, body + rng.choice([b"", smuggled(case)]), rng.choice(METHODS), end=rng.choice([b"\r\n", b"\n"])
    )


def pipelined(rng, case):
    parts = [request(case, [b"Content-Length: 3"], b"abc") for _ in range(rng.randint(1, 3))]
    parts.append(rng.choice([length_and_chunked, two_lengths, broken_chunks, bad_line])(rng, case))
    parts.append(request(case, method=b"GET"))
    return b"".join(parts)


def mutated(rng, case):
    """A good request with bytes changed, dropped, doubled or put in."""
    data = bytearray(rng.choice([length_and_chunked, odd_headers, folded, broken_chunks, pipelined])(rng, case))
    for _ in range(rng.randint(1, 6)):
        at = rng.randrange(len(data) or 1)
        match rng.randint(0, 3):
            case 0:
                data[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del data[at : at + rng.randint(1, 4)]
            case 2:
                data[at:at] = data[at : at + rng.randint(1, 30)]
            case _:
                data[at:at] = rng.choice([b"\r\n", b"\n", b"\r", b"\x00", b" ", b":", b"\xff", b"\t", b"0\r\n\r\n"])
    return bytes(data)


def noise(rng, case):
    return rng.randbytes(rng.randint(1, 400))


KINDS = [
    length_and_chunked,
    two_lengths,
    two_codings,
    broken_chunks,
    header_flood,
    folded,
    bad_host,
    bad_line,
    odd_headers,
    pipelined,
    mutated,
    noise,
]
