"""IPv6 beside IPv4: where the edge listens, whose a request is, who is told as the client, targets on IPv6 alone."""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from conftest_edge import App, Edge

from rig import web
from rig.load import Load
from rig.ports import free_port
from rig.wait import wait_for

FAMILIES = {"127.0.0.1": socket.AF_INET, "::1": socket.AF_INET6}
ROOT = Path(__file__).parents[2]


class Anywhere(Edge):
    """An edge with the default `--bind`, which the one of the other tests does not have."""

    def start(self, *options, stdout=None):
        return super().start("--bind", "::", *options, stdout=stdout)

    def ask(self, address, host="a.test", path="/headers"):
        """The whole answer, asked for at this address."""
        with socket.create_connection((address, self.port), 240) as client:
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            return b"".join(iter(lambda: client.recv(65536), b"")).decode()

    def listens(self):
        """The addresses of the sockets that its HAProxy listens at, as the kernel has them, without the port."""
        told = subprocess.run(["ss", "-Hltn", f"sport = :{self.port}"], capture_output=True, text=True, check=True)
        return sorted({line.split()[3].rpartition(":")[0] for line in told.stdout.splitlines()})


@contextlib.contextmanager
def _edge(kind):
    folder = Path(tempfile.mkdtemp(prefix="edge-"))
    made = kind(folder / "state")
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(folder)


@pytest.fixture(scope="module")
def anywhere():
    app = App("one")
    app.echo = True
    with _edge(Anywhere) as edge:
        edge.start("--metrics-port", str(free_port()))
        edge.ok("deploy", "a", "--target", app.target, "--host", "a.test")
        yield edge, app
    app.close()


class Six:
    """An app that listens at ::1 alone; `hosts` are the Host headers of its checks."""

    def __init__(self):
        seen = self.hosts = set()

        class Handler(web.Handler):
            def do_GET(self):
                if self.path == "/up":
                    seen.add(self.headers["Host"])
                self.reply(200, b"six")

        self._web = web.Web(Handler, address="::1")
        self.target, self.close = self._web.target, self._web.close


@pytest.fixture
def six():
    with contextlib.closing(Six()) as app:
        yield app


@pytest.mark.parametrize("address", FAMILIES)
def test_both_families_are_served_and_told_as_they_are(anywhere, address):
    edge, _ = anywhere
    for host in ("a.test", "A.test"):  # the short way and the long one
        text = edge.ask(address, host)
        assert text.startswith("HTTP/1.1 200") and f"x-forwarded-for: {address}\n" in text
    path = f"/seen-from-{FAMILIES[address].name}"
    edge.ask(address, path=path)
    line = wait_for(lambda: next((one for one in _log(edge) if one["path"] == path), None))
    assert (line["client_addr"], line["remote_addr"]) == (address, address)


def _log(edge):
    return [json.loads(line) for line in (edge.folder / "access.log").read_text().splitlines() if line[:1] == "{"]


@pytest.mark.parametrize("address", FAMILIES)
def test_a_proxy_in_front_that_has_ipv6_is_told_of_too(anywhere, address):
    edge, _ = anywhere
    with socket.create_connection((address, edge.port), 240) as client:
        head = "GET /headers HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\nX-Forwarded-For: 2001:db8::7\r\n\r\n"
        client.sendall(head.encode())
        text = b"".join(iter(lambda: client.recv(65536), b"")).decode()
    assert f"x-forwarded-for: 2001:db8::7, {address}\n" in text


@pytest.mark.parametrize("named", ["[2001:DB8::1]", "2001:db8::1"])
def test_an_address_is_a_host_name_like_any_other(anywhere, named):
    edge, app = anywhere
    edge.ok("deploy", "six", "--target", app.target, "--host", named)
    assert edge.service("six")["hosts"] == ["[2001:db8::1]"]
    for host in ("[2001:db8::1]", "[2001:db8::1]:8080", "[2001:DB8::1]"):
        assert f"x-forwarded-host: {host}\n" in edge.ask("::1", host)
    assert edge.ask("::1", "[2001:db8::2]").startswith("HTTP/1.1 404")
    edge.ok("remove", "six")
    assert edge.ask("::1", "[2001:db8::1]").startswith("HTTP/1.1 404")


def test_a_target_may_have_ipv6_alone(anywhere, six, apps):
    edge, _ = anywhere
    edge.ok("deploy", "b", "--target", six.target, "--host", "b.test")
    assert edge.ask("127.0.0.1", "b.test").endswith("six")
    assert six.hosts == {six.target}, "as the deploy asked"
    (four,) = apps("four")
    both = ["--target", six.target, "--target", four.target]
    six.hosts.clear()
    edge.ok("deploy", "b", *both, "--host", "b.test", "--health-check-interval", "100ms")
    six.hosts.clear()
    wait_for(lambda: six.hosts)  # by HAProxy, which goes on asking
    assert six.hosts == {six.target}
    assert {edge.ask("::1", "b.test").split()[-1] for _ in range(6)} == {"six", "four"}
    edge.ok("remove", "b")


def test_an_upgrade_keeps_both_open_and_brings_the_second_to_an_earlier_version_s(apps):
    (one,) = apps("one")
    with _edge(Edge) as edge:
        edge.start("--bind", "0.0.0.0")
        edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
        assert Anywhere.listens(edge) == ["0.0.0.0"]
        with Load(edge.port, "a.test") as load:
            edge.ok("upgrade", "--bind", "::")
            assert Anywhere.listens(edge) == ["0.0.0.0", "[::]"]
            with Load(edge.port, "a.test", address="::1") as load6:
                edge.ok("upgrade")
                assert Anywhere.ask(edge, "::1").startswith("HTTP/1.1 200")
        assert not load.bad and not load6.bad


@pytest.mark.parametrize(("bind", "there"), [("::1", ["[::1]"]), ("127.0.0.1,::1", ["127.0.0.1", "[::1]"])])
def test_only_the_addresses_that_were_named_are_listened_at(apps, bind, there):
    (one,) = apps("one")
    with _edge(Edge) as edge:
        edge.start("--bind", bind)
        edge.ok("deploy", "a", "--target", one.target, "--host", "a.test")
        assert Anywhere.listens(edge) == there
        with Load(edge.port, "a.test", address="::1") as load:
            edge.ok("upgrade")
            assert Anywhere.listens(edge) == there
        assert not load.bad


@pytest.mark.parametrize("address", ["0.0.0.0", "::", "::1"])
def test_a_port_that_is_taken_in_either_family_is_found(tmp_path, address):
    with contextlib.closing(socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)) as taken:
        if ":" in address:
            taken.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        taken.bind((address, 0))
        taken.listen()
        words = ["run", "--check", "--http-port", str(taken.getsockname()[1]), "--state-dir", str(tmp_path)]
        done = subprocess.run(
            [sys.executable, "-m", "discode.edge", *words], capture_output=True, text=True, check=False
        )
    assert done.returncode == 1 and "Address already in use" in done.stderr


@pytest.mark.parametrize("how", ["sysctl", "kernel"])
def test_without_ipv6_it_serves_on_ipv4(how):
    """Switched off for all interfaces, in a network of the test's own; and in the kernel, which then knows no such
    sockets."""
    command = [sys.executable, str(Path(__file__).with_name("without_ipv6.py")), how]
    if how == "sysctl":
        if os.geteuid() != 0:
            pytest.skip("only root can make a network of its own")
        off = 'ip link set lo up && echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"'
        command = ["unshare", "--net", "sh", "-c", off, "sh", *command]
    folder = tempfile.mkdtemp(prefix="edge-")
    try:
        command += [folder, port := str(free_port())]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=300)
    finally:
        shutil.rmtree(folder)
    where = f"0.0.0.0:{port},[::]:{port}" if how == "sysctl" else f"0.0.0.0:{port}"
    assert {"404", where} <= set(done.stdout.splitlines()), done.stderr
