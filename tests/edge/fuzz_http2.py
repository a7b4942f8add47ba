"""HTTP/2 by hand: requests that a translation to HTTP/1.1 could turn into something else. RFC 9113 and RFC 7541."""


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def _number(value, bits, first=0):
    most = (1 << bits) - 1
    if value < most:
        return bytes([first | value])
    data, value = bytearray([first | most]), value - most
    while value >= 128:
        data.append(value % 128 + 128)
        value //= 128
    return bytes([*data, value])


def literal(name, value):
    """A header as it stands, without compression: any byte goes."""
    return b"\x00" + _number(len(name), 7) + name + _number(len(value), 7) + value


def connection(rng, case, smuggled):
    """All bytes of a connection with one request."""
    pseudo = [[b":method", b"POST"], [b":scheme", b"https"], [b":path", b"/f/%d" % case], [b":authority", b"fuzz.test"]]
    if rng.random() < 0.5:
        _spoil(rng, case, pseudo)
    body = rng.choice([b"", smuggled, b"0\r\n\r\n" + smuggled])
    odd = [
        (b"content-length", b"%d" % rng.choice([0, 3, len(body), len(body) + 5])),
        (b"transfer-encoding", b"chunked"),
        (b"x-odd", b"y\r\n\r\n" + smuggled),
        (b"x-odd", b"y\nTransfer-Encoding: chunked"),
        (b"x-odd\r\nTransfer-Encoding", b"chunked"),
        (b"x-odd: y\r\nx", b"z"),
        (b"X-Upper", b"y"),
        (b"host", rng.choice([b"other.test", b"fuzz.test"])),
        (b"connection", b"close, x-kamal-target"),
        (b"upgrade", b"websocket"),
        (b"x-kamal-target", b"evil"),
        (b"", b"empty"),
        (b"x\x00y", b"z"),
        (b"te", b"chunked"),
        (b"cookie", b"a" * rng.choice([10, 9000, 20000])),
    ]
    headers = [*pseudo, (b"x-case", b"%d" % case), *rng.sample(odd, rng.randint(0, 3))]
    if rng.random() < 0.15:
        rng.shuffle(headers)
    block = b"".join(literal(name, value) for name, value in headers)
    data = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + _header_frames(rng, block, not body)
    if body:
        data += frame(0, 1, 1, body)
    if rng.random() < 0.2:
        data += frame(
            rng.randrange(12), rng.randrange(256), rng.choice([0, 1, 2, 3]), rng.randbytes(rng.randint(0, 30))
        )
    return data + frame(7, 0, 0, bytes(8))


def _spoil(rng, number, pseudo):
    """One of the four, told otherwise, twice, or not at all."""
    index = rng.randrange(4)
    bad = [
        [b"GET", b"CONNECT", b"GET / HTTP/1.1\r\nX: y", b"P ST", b""],
        [b"http", b"", b"https\r\nX: y", b"ftp"],
        [
            b"/f/%d HTTP/1.1\r\nX: y",
            b"f/%d",
            b"*",
            b"/f/%d\x00",
            b"/f/%d x",
            b"http://other.test/f/%d",
            b"/f/%d?a#b",
            b"",
        ],
        [b"other.test", b"fuzz.test\r\nX: y", b"", b"fuzz.test other.test", b"a@fuzz.test", b"fuzz.test/other.test"],
    ][index]
    value = rng.choice(bad).replace(b"%d", b"%d" % number)
    match rng.randint(0, 5):
        case 0:
            pseudo.append([pseudo[index][0], value])
        case 1:
            del pseudo[index]
        case 2:
            pseudo.append(rng.choice([[b":status", b"200"], [b":protocol", b"websocket"], [b":odd", b"x"]]))
        case _:
            pseudo[index][1] = value


def _header_frames(rng, block, is_end):
    """In one frame, or torn into several as it comes."""
    parts = [block[start : start + 16000] for start in range(0, len(block), 16000)]
    if len(block) > 20 and rng.random() < 0.2:
        at = rng.randrange(1, len(block))
        parts = [block[:at], block[at:]] if len(block) < 16000 else parts
    frames = [frame(1 if not index else 9, 0, 1, part) for index, part in enumerate(parts)]
    flags = (1 if is_end else 0, 4)
    first = bytearray(frames[0])
    first[4] |= flags[0]
    frames[0] = bytes(first)
    last = bytearray(frames[-1])
    last[4] |= flags[1]
    frames[-1] = bytes(last)
    return b"".join(frames)
