"""The program itself: how it is started, watched and ended.

Address and password are in files in memory that it alone inherits: never in its arguments nor in its environment. What
a storage is asked with has to be in its environment, for restic takes it from there. It ends when this process dies, so
that no lock of a living restic is left without anybody who waits for it.
"""

from __future__ import annotations

import os
import pwd
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from ...core.backup_address import ssh_command, with_login
from ...core.backup_errors import NoRestic
from ...core.lasting import lasting

RETRIES = 60.0  # seconds for which restic, which tries for 15 minutes, may repeat what its storage refuses
SILENCE = 600.0  # seconds without a sign of progress
OPENING = 120.0  # the same while no more than the repository's own few lines are read
PATIENCE = 300.0  # seconds for which another one's lock is waited for
GRACE = 10.0  # seconds for its end: it removes its lock
STUCK = -1000  # in place of an exit code: it was ended, for it did not get on
LAST = 40  # lines of its words that are kept
_HOPELESS = ("permission denied", "read-only file system")
_NO_SESSION = "unable to start the sftp session"
_TRACE = ("\t", "github.com/", "main.", "runtime.", "golang.org/")  # of Go, behind some messages
_MORE = ("SSH_AUTH_SOCK", "XDG_CACHE_HOME", "RCLONE_CONFIG")


@dataclass(frozen=True)
class Access:
    """How the repository of an app is reached. `cache` is a folder for what restic has read of it; `silence`, `retries`
    and `patience` are seconds."""

    app: str
    repository: str
    cache: Path
    password: str = field(repr=False)
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    silence: float = SILENCE
    retries: float = RETRIES
    patience: float = PATIENCE

    @property
    def opening(self) -> Access:
        """For what is short."""
        return replace(self, silence=min(self.silence, OPENING))

    def hidden(self, text: str) -> str:
        """The text without secrets: some messages repeat the address with its login."""
        for secret in (self.password, *self.credentials.values()):
            text = text.replace(secret, "…") if len(secret) > 3 else text
        return text


@dataclass
class Ended:
    """`out` is what it printed, unless a reader took it; `words` the last lines of what it said of trouble."""

    code: int
    out: bytes
    words: list[str]


Reader = Callable[[bytes], bool]  # takes a line, and says whether it shows progress


def program() -> str:
    """Raises NoRestic."""
    found = shutil.which("restic", path=f"{os.environ.get('PATH', '')}:/usr/local/bin:/usr/bin")
    if found is None:
        raise NoRestic(
            "restic is not installed, which makes the backups. Your app was not touched.",
            "Install it: apt-get install restic (or: discode doctor --fix)",
        )
    return found


def run(
    access: Access,
    words: Sequence[str],
    *,
    read: Reader | None = None,
    files: Sequence[bytes] = (),
    is_text: bool = True,
) -> Ended:
    """Run restic to its end. `files`: contents for each word `{}` among the words, given as files in memory. `read`
    gets each line that it prints. Not `is_text`: what it prints is kept to the byte.

    Raises NoRestic.
    """
    with _in_memory([with_login(access.repository, access.credentials), access.password, *files]) as numbers:
        address, password, *others = [f"/dev/fd/{number}" for number in numbers]
        rest = iter(others)
        command = [*_dying_with_us(), program(), *(next(rest) if word == "{}" else word for word in words)]
        environment = {
            **_environment(), **access.credentials, "RESTIC_REPOSITORY_FILE": address,
            "RESTIC_PASSWORD_FILE": password, "RESTIC_CACHE_DIR": str(access.cache), "RESTIC_PROGRESS_FPS": "2",
        }  # fmt: skip
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment,
            pass_fds=numbers, start_new_session=True, cwd="/",
        )  # fmt: skip
        try:
            ended = _Watch(access, process, read, is_text=is_text).until_its_end()
        finally:
            _end(process)
    if ended.code != 0 and any(_NO_SESSION in line for line in ended.words):
        ended.words[:0] = _said_by_ssh(access, environment)
    return ended


def _said_by_ssh(access: Access, environment: Mapping[str, str]) -> list[str]:
    """When ssh ends at once, restic may lose what it has said. So it is asked again."""
    words = [*ssh_command(access.repository).split(), "-o", "BatchMode=yes", "-s", "sftp"]
    try:
        done = subprocess.run(
            words, stdin=subprocess.DEVNULL, capture_output=True, env=environment, start_new_session=True, cwd="/",
            timeout=OPENING,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [f"subprocess ssh: {line}" for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]


def _environment() -> dict[str, str]:
    """Nothing of restic's own: it would lead elsewhere. A service of systemd has no HOME, which ssh and rclone need."""
    known = {name: os.environ[name] for name in _MORE if name in os.environ}
    home = os.environ.get("HOME") or _home()
    return {**lasting(os.environ), **known, "HOME": home, "LC_ALL": "C.UTF-8"}


def _home() -> str:
    try:
        return pwd.getpwuid(os.geteuid()).pw_dir
    except KeyError:
        return "/"


@contextmanager
def _in_memory(contents: Sequence[str | bytes]) -> Iterator[list[int]]:
    numbers: list[int] = []
    try:
        for content in contents:
            numbers.append(os.memfd_create("discode", 0))
            data = memoryview(content.encode() if isinstance(content, str) else content)
            while data:
                data = data[os.write(numbers[-1], data) :]
        yield numbers
    finally:
        for number in numbers:
            os.close(number)


def _dying_with_us() -> list[str]:
    """By util-linux, for `preexec_fn` is not safe beside threads. Without it, it may go on for a while."""
    found = shutil.which("setpriv")
    return [found, "--pdeathsig", "TERM"] if found else []


def _end(process: subprocess.Popen[bytes]) -> None:
    """Also where it was waited for in vain, or a signal came: it may remove its lock."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(GRACE)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    for stream in (process.stdout, process.stderr):
        if stream is not None:
            stream.close()


class _Watch:
    """What a process prints, line by line, and whether it still gets on."""

    def __init__(self, access: Access, process: subprocess.Popen[bytes], read: Reader | None, *, is_text: bool):
        self._access, self._process, self._read, self._is_text = access, process, read, is_text
        self._out = bytearray()
        self._words: list[str] = []
        self._moved = time.monotonic()
        self._refused: float | None = None  # since when its storage refuses what it asks
        self._is_hopeless = False  # it tries again what cannot come true

    def until_its_end(self) -> Ended:
        """Or until it is stuck: then it is ended by whoever started it."""
        rests = {"out": b"", "err": b""}
        with selectors.DefaultSelector() as selector:
            selector.register(_open(self._process.stdout), selectors.EVENT_READ, "out")
            selector.register(_open(self._process.stderr), selectors.EVENT_READ, "err")
            while selector.get_map():
                for key, _ in selector.select(timeout=1.0):
                    data = os.read(key.fd, 1 << 16)
                    if data and key.data == "out" and not self._is_text:
                        self._out += data
                        self._gets_on()
                        continue
                    *lines, rests[key.data] = (rests[key.data] + data).split(b"\n")
                    if not data:
                        selector.unregister(key.fileobj)
                        lines = [rests[key.data]]
                    self._take(key.data, lines)
                if self._is_stuck():
                    return Ended(STUCK, bytes(self._out), self._words)
        return Ended(self._process.wait(), bytes(self._out), self._words)

    def _take(self, which: str, lines: Sequence[bytes]) -> None:
        for line in filter(None, lines):
            if which == "err":
                self._say(line)
            elif self._read is None:
                self._out += line + b"\n"
                self._gets_on()
            elif self._read(line):
                self._gets_on()

    def _say(self, line: bytes) -> None:
        text = line.decode(errors="replace")
        if text.startswith(_TRACE):
            return
        self._words = [*self._words, text][-LAST:]
        if "retrying after" in text:
            self._refused = self._refused or time.monotonic()
            self._is_hopeless = text.endswith(_HOPELESS)
        else:
            self._moved = time.monotonic()

    def _gets_on(self) -> None:
        self._moved, self._refused = time.monotonic(), None

    def _is_stuck(self) -> bool:
        now = time.monotonic()
        is_refused = self._refused is not None and now - self._refused > self._access.retries
        return is_refused or self._is_hopeless or now - self._moved > self._access.silence


def _open(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None
    return stream
