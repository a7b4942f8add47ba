"""A scenario: where a flow starts from, and what has to hold when it was killed; and where it is played."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from aside import Aside
from beside import Beside
from checks import Check, Expected
from data import Data
from docker_place import DockerPlace
from evidence import Evidence
from ledger import Ledger, Writers, environment
from repository import Repository
from runtimes import Kind
from traffic import Traffic

ENTRY = Path(__file__).parent / "entry.py"
PATIENCE = 600.0


@dataclass(frozen=True)
class Scenario:
    """`prepare` brings the place to where the flow starts and gives the command's words. `codes`: with which exit code
    the command ends when it is not killed. `allowed`: statuses that are no failure; none: there is nobody to answer.
    `takes_proxy`: where the proxy goes with the last app, there is nobody either. `good`: how what is well behaves.
    `is_guarded`: a guard settles what the killed command leaves; else an ordinary command is typed. `https`: how the
    app has it from its install on, `own` or `auto`; `plain`: its users ask by plain HTTP all the same. `has_door`: each
    release has a second one. `stores`: where the app keeps what its users write; none: it keeps nothing. `backs_up`:
    its backups are set up. `arrives`: the app comes with its data, or nothing of it is left. `has_copy`: that is so of
    a copy beside it, which is deleted each time. `repeats`: after a kill the same command gets through, before all
    begins anew. `has_guard`: else it dies with the command, as where the machine goes off."""

    name: str
    prepare: Prepare
    codes: tuple[int, ...] = (0,)
    allowed: tuple[int, ...] = (200,)
    app: str = "app"
    strategy: str = "overlap"
    takes_proxy: bool = False
    good: str = "good"
    is_guarded: bool = True
    https: str = ""
    plain: bool = False
    has_door: bool = False
    stores: tuple[str, ...] = ()
    backs_up: bool = False
    arrives: bool = False
    has_copy: bool = False
    repeats: bool = False
    has_guard: bool = True
    env: str = ""
    runtimes: tuple[str, ...] = ("process", "docker")


@dataclass(frozen=True)
class Kept:
    """What was saved once, of that version, and when that began; the words of the command that brings it back."""

    begun: float
    version: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Call:
    """Of a port, by a command."""

    number: int
    name: str
    seconds: float


class Stage:
    """A place in which one scenario is played many times."""

    def __init__(self, folder: Path, scenario: Scenario, kind: Kind):
        self.place = kind.place(folder, confirm="300ms")
        self.scenario = scenario
        self.machine = kind.machine(self.place)
        self.expected = Expected()
        self.check = Check(self.place, self.machine, self.expected)
        self.evidence = Evidence(self.place, self.machine)
        self.number, self.calls = 0, folder / "calls.txt"
        self.beside: dict[str, str] = {}  # what the next release has beside it, by name: tags of `publish_beside`
        self.stores = scenario.stores
        self.kept: Kept | None = None
        self.ledger, self.repository = Ledger(), Repository(folder / "repository", self.place.app)
        try:
            self.place.init()
            if scenario.https:
                self.place.secure()
        except BaseException:
            self.place.close()  # an engine may run already
            raise
        self.aside = Aside(self.place, kind, self.ledger, self.stores) if scenario.has_copy else None
        self.data = Data(self.place, self.ledger, self.repository, self._around())
        self.traffic = self._traffic()
        if scenario.has_door:
            self.traffic.paths += ("/live/version",)

    def _around(self) -> Beside | None:
        return Beside(self.place) if isinstance(self.place, DockerPlace) else None

    def _traffic(self) -> Traffic:
        place, scenario = self.place, self.scenario
        if scenario.stores:
            return Writers(self.ledger, place.port, place.host, 2)
        connect = place.https.connection if place.https and not scenario.plain else None
        return Traffic(place.port, place.host, 2, connect)

    @property
    def version(self) -> str | None:
        """What is installed."""
        version = self.check.status.get("version")
        return str(version) if version else None

    def publish(self, behaviour: str = "good", extra: str = "") -> str:
        self.number += 1
        version = f"1.{self.number}"
        made = self.scenario.good if behaviour == "good" else behaviour
        extra += self.place.door if self.scenario.has_door else ""
        env = self.scenario.env
        if self.stores:
            env += environment(self.stores, {tag.partition("-")[0]: name for name, tag in self.beside.items()})
        if self.beside and isinstance(self.place, DockerPlace):
            lines = ", ".join(f"{name}: {self.place.publish_beside(tag)}" for name, tag in self.beside.items())
            extra += f"accessories: {{{lines}}}\n"
        self.place.publish(version, made, strategy=self.scenario.strategy, app=self.scenario.app, env=env, extra=extra)
        self.data.published(version, self.stores, self.beside)
        return version

    def install_words(self) -> tuple[str, ...]:
        words = self.place.install_words()
        if self.place.https is None:
            return words
        return (*words, *(self.place.https.own_certificate() if self.scenario.https == "own" else ("--tls", "auto")))

    def must(self, *words: str) -> None:
        code, told = self.place.run(*words)
        if code != 0:
            raise RuntimeError(f"discode {' '.join(words)} exited with {code}: {told}")

    def look(self) -> None:
        """What is installed now, without any command that could change it."""
        self.check.status, _ = self.place.look()

    def kill(self, words: tuple[str, ...], at: str, **environment: str) -> int:
        """Run the command, killed `at` a call as entry.py names it; the exit code, -9 when it came to that call."""
        self.calls.unlink(missing_ok=True)
        at_call = {"CHAOS_CALLS": str(self.calls), "CHAOS_KILL": at}
        if not self.scenario.has_guard:
            at_call["CHAOS_UNGUARDED"] = "1"
        return self.place.start(*words, entry=ENTRY, **at_call, **environment).wait(PATIENCE)

    def last_calls(self) -> list[Call]:
        """Of the last command, those that came to their end."""
        lines = [line.split() for line in self.calls.read_text().splitlines()]
        return [Call(int(words[0]), words[1], float(words[2])) for words in lines if len(words) == 3]

    def last_call(self) -> str:
        lines = self.calls.read_text().splitlines() if self.calls.exists() else []
        return lines[-1].split()[1] if lines else ""


Prepare = Callable[[Stage], tuple[str, ...]]
