"""A DNS server of a test's own, on 127.0.0.1 by UDP and TCP, and bad in every way that a test wants it to be."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

# What a server makes of a question: an answer, bytes that are none, or silence.
Answer = dns.message.Message | bytes | None
SOA = "ns.test. admin.test. 1 3600 600 86400 600"


class DnsServer:
    """`records` by name and type, as a zone file has them; a name that has none does not exist. `behave`: names for
    which a function makes the answer instead. `questions`: name, type and `udp` or `tcp`, in their order."""

    def __init__(self) -> None:
        self.records: dict[tuple[str, str], list[str]] = {}
        self.behave: dict[str, Callable[[dns.message.Message, str], Answer]] = {}
        self.questions: list[tuple[str, str, str]] = []
        self._udp, self._tcp = _pair()
        self.port = int(self._udp.getsockname()[1])
        self.address = f"127.0.0.1:{self.port}"
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def add(self, name: str, kind: str, *texts: str) -> None:
        self.records.setdefault((name.lower(), kind), []).extend(texts)

    def close(self) -> None:
        for one in (self._udp, self._tcp):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def plain(self, question: dns.message.Message, way: str = "udp") -> dns.message.Message:
        """What a good server says: the whole chain of aliases, and an SOA where something is missing."""
        answer = dns.message.make_response(question)
        answer.flags |= dns.flags.RA
        name, kind = question.question[0].name, question.question[0].rdtype
        for _ in range(20):
            found = self._of(name, dns.rdatatype.to_text(kind))
            if found is not None:
                answer.answer.append(found)
                return answer
            alias = self._of(name, "CNAME")
            if alias is None:
                break
            answer.answer.append(alias)
            name = alias[0].target
        if not self._exists(name):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        answer.authority.append(dns.rrset.from_text("test.", 300, "IN", "SOA", SOA))
        return answer

    def _of(self, name: dns.name.Name, kind: str) -> dns.rrset.RRset | None:
        for owner in self._owners(name):
            if texts := self.records.get((owner, kind)):
                return dns.rrset.from_text(name, 300, dns.rdataclass.IN, kind, *texts)
        return None

    def _exists(self, name: dns.name.Name) -> bool:
        """A name that has names below it exists, too: RFC 8020."""
        wanted = self._owners(name)
        below = f".{wanted[0]}"
        return any(owner in wanted or owner.endswith(below) for owner, _ in self.records)

    def _owners(self, name: dns.name.Name) -> list[str]:
        text = str(name).rstrip(".").lower()
        has_own = any(owner == text for owner, _ in self.records)
        return [text] if has_own else [text, f"*.{text.partition('.')[2]}"]

    def _answer(self, data: bytes, way: str) -> bytes | None:
        try:
            question = dns.message.from_wire(data)
            name = str(question.question[0].name).rstrip(".").lower()
        except Exception:  # noqa: BLE001 - whatever a test sends to it
            return None
        self.questions.append((name, dns.rdatatype.to_text(question.question[0].rdtype), way))
        answer = self.behave.get(name, self.plain)(question, way)
        return answer.to_wire() if isinstance(answer, dns.message.Message) else answer

    def _serve_udp(self) -> None:
        with suppress(OSError):
            while True:
                data, client = self._udp.recvfrom(65535)
                if (answer := self._answer(data, "udp")) is not None:
                    self._udp.sendto(answer, client)

    def _serve_tcp(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._tcp.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection: socket.socket) -> None:
        with connection, suppress(OSError, struct.error):
            stream = connection.makefile("rb")
            while length := stream.read(2):
                answer = self._answer(stream.read(struct.unpack("!H", length)[0]), "tcp")
                if answer is None:
                    return
                connection.sendall(struct.pack("!H", len(answer)) + answer)


def _pair() -> tuple[socket.socket, socket.socket]:
    """The same port for both."""
    while True:
        tcp = socket.create_server(("127.0.0.1", 0))
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            udp.bind(tcp.getsockname())
            return udp, tcp
        except OSError:
            tcp.close()
            udp.close()
