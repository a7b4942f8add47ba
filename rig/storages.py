"""Storages of one's own in which a repository of backups can be: each a real server on loopback, with real logins.

S3 by moto, which keeps all in its memory; SFTP by OpenSSH's server; REST and what rclone itself reaches by rclone.
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from rig.certificates import make_certificate
from rig.ports import free_port
from rig.wait import wait_for

START = 60.0
BUCKET = "backups"


class Storage:
    """`address`: for `discode backup setup --to`. `credentials`: how it is asked, as in a credentials file.
    `environment`: what else a command needs to reach it, such as a PATH. `files`: where it keeps what it gets; None
    where that is in no file."""

    kind = ""

    def __init__(self, folder: Path):
        folder.mkdir(parents=True)
        self.folder, self.files = folder, folder / "files"
        self.files.mkdir()
        self.port = free_port()
        self.address = ""
        self.credentials: Mapping[str, str] = {}
        self.environment: Mapping[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        if not (command := self._command()):
            return
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self._server_environment(),
                start_new_session=True,
            )  # fmt: skip
        wait_for(self._listens, START, f"a storage of the kind {self.kind}", unless=self._ended)

    def stop(self) -> None:
        """At once, as a power cut, in the middle of what it does."""
        for process in self._processes():
            with suppress(psutil.NoSuchProcess):
                process.kill()
        if self._process is not None:
            self._process.wait(START)
            self._process = None

    close = stop

    def freeze(self) -> None:
        """As a machine that hangs: connections are made, and nothing comes."""
        for process in self._processes():
            process.suspend()

    def thaw(self) -> None:
        for process in self._processes():
            process.resume()

    def log(self) -> str:
        return (self.folder / "log").read_text(errors="replace")

    def _command(self) -> Sequence[str]:
        """Empty where no server is needed."""
        raise NotImplementedError

    def _server_environment(self) -> dict[str, str]:
        return dict(os.environ)

    def _processes(self) -> list[psutil.Process]:
        """Also those that it has for its connections."""
        if self._process is None:
            return []
        own = psutil.Process(self._process.pid)
        return [own, *own.children(recursive=True)]

    def _ended(self) -> str:
        return self.log() if self._process is not None and self._process.poll() is not None else ""

    def _listens(self) -> bool:
        with socket.socket() as knock:
            return knock.connect_ex(("127.0.0.1", self.port)) == 0


class S3(Storage):
    """What it has is gone when it stops, and so is its login, of which each start makes one."""

    kind = "s3"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.address = f"s3:http://127.0.0.1:{self.port}/{BUCKET}/app"

    def start(self) -> None:
        super().start()
        self._asked("PUT", f"/{BUCKET}")
        self._asked("POST", "/", Action="CreateUser", UserName="rig")
        self._asked(
            "POST", "/", Action="PutUserPolicy", UserName="rig", PolicyName="rig", PolicyDocument=json.dumps(_ALL_OF_S3)
        )  # fmt: skip
        made = self._asked("POST", "/", Action="CreateAccessKey", UserName="rig")
        self.credentials = {
            "AWS_ACCESS_KEY_ID": _between(made, "AccessKeyId"),
            "AWS_SECRET_ACCESS_KEY": _between(made, "SecretAccessKey"),
        }  # fmt: skip

    def _asked(self, method: str, path: str, **fields: str) -> str:
        """One of the first requests, of which the server asks no login, but to which service it goes."""
        service = "iam" if fields else "s3"
        login = f"AWS4-HMAC-SHA256 Credential=rig/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
        data = urllib.parse.urlencode(fields and {**fields, "Version": "2010-05-08"}).encode()
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}", data, {"Authorization": login}, method=method
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=START) as answer:
            return str(answer.read().decode())

    def _command(self) -> Sequence[str]:
        return [sys.executable, "-m", "moto.server", "--host", "127.0.0.1", "--port", str(self.port)]

    def _server_environment(self) -> dict[str, str]:
        """After those that make it, every request needs the login."""
        return {**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": "4"}


_ALL_OF_S3 = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": "*"}]}


def _between(xml: str, tag: str) -> str:
    return xml.partition(f"<{tag}>")[2].partition(f"</{tag}>")[0]


class Rest(Storage):
    """By rclone. `tls`: with a certificate that nobody knows but who has `folder / "ca.pem"`."""

    kind = "rest"

    def __init__(self, folder: Path, *, tls: bool = False):
        super().__init__(folder)
        self._tls: Sequence[str] = ()
        if tls:
            chain, key, _ = make_certificate("127.0.0.1")
            (folder / "ca.pem").write_bytes(chain)
            (folder / "key.pem").write_bytes(key)
            self._tls = ["--cert", str(folder / "ca.pem"), "--key", str(folder / "key.pem")]
        self.address = f"rest:http{'s' if tls else ''}://127.0.0.1:{self.port}/app/"
        self.credentials = {"RESTIC_REST_USERNAME": "rig", "RESTIC_REST_PASSWORD": secrets.token_hex(20)}

    def _command(self) -> Sequence[str]:
        address = f"127.0.0.1:{self.port}"
        return ["rclone", "serve", "restic", "--addr", address, *self._tls, str(self.files)]

    def _server_environment(self) -> dict[str, str]:
        user, password = self.credentials.values()
        config = str(self.folder / "rclone.conf")
        return {**os.environ, "RCLONE_USER": user, "RCLONE_PASS": password, "RCLONE_CONFIG": config}


class Rclone(Storage):
    """A folder of this machine, of which rclone alone knows where it is."""

    kind = "rclone"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.address = "rclone:disk:app"
        self.credentials = {
            "RCLONE_CONFIG": str(folder / "rclone.conf"), "RCLONE_CONFIG_DISK_TYPE": "alias",
            "RCLONE_CONFIG_DISK_REMOTE": str(self.files),
        }  # fmt: skip

    def _command(self) -> Sequence[str]:
        return ()


class Sftp(Storage):
    """By an sshd with keys and a host key of its own. What is called ssh in `environment` knows them."""

    kind = "sftp"

    def __init__(self, folder: Path):
        super().__init__(folder)
        self.address = f"sftp:backup-host:{self.files}/app"
        for name in ("host", "key"):
            self._key(name)
        shutil.copy(folder / "key.pub", folder / "authorized")
        (folder / "known").write_text(f"backup-host {(folder / 'host.pub').read_text()}")
        (folder / "sshd_config").write_text(_SSHD.format(folder=folder, port=self.port))
        (folder / "ssh_config").write_text(_SSH.format(folder=folder, port=self.port))
        program = folder / "bin/ssh"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shutil.which("ssh")} -F {folder}/ssh_config "$@"\n')
        program.chmod(0o755)
        self.environment = {"PATH": f"{program.parent}:{os.environ['PATH']}"}

    def _key(self, name: str) -> None:
        words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name)]
        subprocess.run(words, check=True, stdin=subprocess.DEVNULL, timeout=60)

    def _command(self) -> Sequence[str]:
        # It wants this folder, and its own path as an absolute one.
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
        program = shutil.which("sshd", path=f"{os.environ['PATH']}:/usr/sbin") or "sshd"
        return [program, "-D", "-e", "-f", str(self.folder / "sshd_config")]


# The folders of tests may be anybody's to write.
_SSHD = """\
Port {port}
ListenAddress 127.0.0.1
HostKey {folder}/host
AuthorizedKeysFile {folder}/authorized
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
Subsystem sftp internal-sftp
"""
_SSH = """\
Host backup-host
    HostName 127.0.0.1
    HostKeyAlias backup-host
    Port {port}
    IdentityFile {folder}/key
    IdentitiesOnly yes
    UserKnownHostsFile {folder}/known
    StrictHostKeyChecking yes
"""
KINDS = (S3, Sftp, Rest, Rclone)
