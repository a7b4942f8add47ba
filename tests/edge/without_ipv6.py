"""A program of its own for test_ipv6: an edge with the default `--bind`, where this process finds no IPv6.

without_ipv6.py sysctl|kernel FOLDER PORT      prints the answer on IPv4, then where it listens
"""

import ctypes
import http.client
import os
import platform
import signal
import struct
import subprocess
import sys
from pathlib import Path

from rig.wait import wait_for
from rig.web import NO_ANSWER

SOCKET = {"x86_64": 41, "aarch64": 198}  # the system call's number
AF_INET6, EAFNOSUPPORT = 10, 97
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, FILTER = 38, 22, 2
LOAD, EQUAL, RETURN, ALLOW, ERRNO = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050000  # linux/bpf_common.h, linux/seccomp.h


def refuse_ipv6() -> None:
    """Answers `socket` as a kernel that was started with ipv6.disable=1 does, to this process and its children."""
    rules = [
        (LOAD, 0, 0, 0),  # the number
        (EQUAL, 0, 3, SOCKET[platform.machine()]),
        (LOAD, 0, 0, 16),  # the first argument
        (EQUAL, 0, 1, AF_INET6),
        (RETURN, 0, 0, ERRNO | EAFNOSUPPORT),
        (RETURN, 0, 0, ALLOW),
    ]
    code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
    program = ctypes.create_string_buffer(struct.pack("HL", len(rules), ctypes.addressof(code)))
    libc = ctypes.CDLL(None, use_errno=True)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, FILTER, program) == 0, os.strerror(ctypes.get_errno())


def answer(port: int) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except NO_ANSWER:
        return None
    finally:
        connection.close()


def main(how: str, folder: str, port: int) -> None:
    if how == "kernel":
        refuse_ipv6()
    words = ["run", "--http-port", str(port), "--state-dir", folder]
    # What it prints itself is not to be among HAProxy's lines.
    with subprocess.Popen([sys.executable, "-m", "discode.edge", *words], stdout=sys.stderr) as edge:
        try:
            # With its control socket it has come as far as to end HAProxy, too, when it is ended.
            wait_for(lambda: edge.poll() is not None or (Path(folder) / "edge.sock").exists())
            print(answer(port), flush=True)
            text = (Path(folder) / "haproxy.cfg").read_text()
            print(*[line.split()[1] for line in text.splitlines() if line.startswith("    bind ")][:1])
        finally:
            edge.send_signal(signal.SIGTERM)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
