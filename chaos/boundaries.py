"""Every boundary between a flow and the world: the command is killed before and after each single port call.

A flow is run again and again from the same state, killed one call later each time, until it gets to its end. After
each kill everything is checked, with nothing typed: a command that is killed has a guard.
"""

from __future__ import annotations

import itertools
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import Check, Expected
from evidence import Evidence
from runtimes import Kind
from traffic import Traffic

from place import OTHER_NAME, SLOW

ENTRY = Path(__file__).parent / "entry.py"
PATIENCE = 60.0
WHEN = ("after", "during", "before")
# Calls that write a file of the store: killed in the middle of it, too.
WRITES = ("write_journal", "save_installation", "save_kept", "save_settings", "append_history", "keep_log")
DEAD = (-signal.SIGKILL, -signal.SIGXFSZ)


@dataclass(frozen=True)
class Scenario:
    """`prepare` brings the place to where the flow starts and gives the command's words. `codes`: with which exit code
    the command ends when it is not killed. `allowed`: statuses that are no failure; none: there is nobody to answer.
    `takes_proxy`: where the proxy goes with the last app, there is nobody either. `good`: how what is well behaves.
    `is_guarded`: a guard settles what the killed command leaves; else an ordinary command is typed. `https`: how the
    app has it from its install on, `own` or `auto`; `plain`: its users ask by plain HTTP all the same. `has_door`: each
    release has a second one."""

    name: str
    prepare: Callable[[Stage], tuple[str, ...]]
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


class Stage:
    """A place in which one scenario is played many times."""

    def __init__(self, folder: Path, scenario: Scenario, kind: Kind):
        self.place = kind.place(folder, deadline="8s", confirm="300ms", hold="15s")
        self.scenario = scenario
        self.machine = kind.machine(self.place)
        self.expected = Expected()
        self.check = Check(self.place, self.machine, self.expected)
        self.evidence = Evidence(self.place, self.machine)
        self.number, self.calls = 0, folder / "calls.txt"
        self.place.init()
        if scenario.https:
            self.place.secure()
        connect = self.place.https.connection if self.place.https and not scenario.plain else None
        self.traffic = Traffic(self.place.port, self.place.host, 2, connect)
        if scenario.has_door:
            self.traffic.paths += ("/live/version",)

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
        self.place.publish(version, made, strategy=self.scenario.strategy, app=self.scenario.app, extra=extra)
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
        return self.place.start(*words, entry=ENTRY, **at_call, **environment).wait(PATIENCE)

    def last_call(self) -> str:
        lines = self.calls.read_text().split() if self.calls.exists() else []
        return lines[-1] if lines else ""


def _running(stage: Stage) -> None:
    """Installed and running, with something to update to in the future."""
    if stage.version is None:
        stage.publish()
        stage.must(*stage.install_words())
        stage.look()
    if stage.check.status["state"] == "stopped":
        stage.must("start", stage.place.app)


def _install(behaviour: str = "good") -> Callable[[Stage], tuple[str, ...]]:
    def prepare(stage: Stage) -> tuple[str, ...]:
        if stage.version is not None:
            stage.must("uninstall", stage.place.app)
        version = stage.publish(behaviour)
        stage.expected.versions = {None, version} if behaviour == "good" else {None}
        return stage.install_words()

    return prepare


def _update(behaviour: str = "good", extra: str = "") -> Callable[[Stage], tuple[str, ...]]:
    def prepare(stage: Stage) -> tuple[str, ...]:
        _running(stage)
        before = stage.version
        version = stage.publish(behaviour, extra)
        is_bad = behaviour != "good" or "false" in extra
        stage.expected.versions = {before} if is_bad else {before, version}
        return ("update", stage.place.app)

    return prepare


def _two_steps(stage: Stage) -> tuple[str, ...]:
    _running(stage)
    before, between = stage.version, stage.publish()
    last = stage.publish(extra=f'requires: ">={between}"\n')
    stage.expected.versions = {before, between, last}
    return ("update", stage.place.app)


def _rollback(stage: Stage) -> tuple[str, ...]:
    _running(stage)
    stage.publish()
    stage.must("update", stage.place.app)
    stage.look()
    stage.expected.versions = {stage.version, stage.check.status["rollback_to"][0]}
    return ("rollback", stage.place.app)


def _config(stage: Stage) -> tuple[str, ...]:
    _running(stage)
    stage.expected.versions, greeting = {stage.version}, f"hello-{time.time_ns()}"
    # Killed before it has begun, it leaves the one that was there: none at first.
    stage.expected.greetings = (stage.expected.greetings or {None}) | {greeting}
    return ("config", "set", stage.place.app, f"GREETING={greeting}")


def _plain(*words: str) -> Callable[[Stage], tuple[str, ...]]:
    def prepare(stage: Stage) -> tuple[str, ...]:
        _running(stage)
        gone = words[0] == "uninstall"
        stage.expected.versions = {stage.version, None} if gone else {stage.version}
        if "--purge" in words:
            stage.expected.forget()
        return (words[0], stage.place.app, *words[1:])

    return prepare


def _start(stage: Stage) -> tuple[str, ...]:
    _running(stage)
    stage.must("stop", stage.place.app)
    stage.expected.versions = {stage.version}
    return ("start", stage.place.app)


def _domain(verb: str, *options: str, has: bool = True) -> Callable[[Stage], tuple[str, ...]]:
    """A change of the app's other name, which it `has` before; killed, the one before may have left anything."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        _running(stage)
        app = stage.place.app
        stage.must("domain", "add", app, OTHER_NAME)
        stage.must("domain", "redirect", app, OTHER_NAME, "--undo")
        if not has:
            stage.must("domain", "remove", app, OTHER_NAME)
        stage.look()
        stage.expected.versions = {stage.version}
        return ("domain", verb, app, OTHER_NAME, *options)

    return prepare


def _first_domain(stage: Stage) -> tuple[str, ...]:
    """The name that goes is the app's address, of which it has been told."""
    _running(stage)
    app, own = stage.place.app, stage.place.host
    stage.must("domain", "add", app, OTHER_NAME)
    stage.look()
    if stage.check.status["hosts"][0] != OTHER_NAME:
        stage.must("domain", "remove", app, own)
        stage.must("domain", "add", app, own)
        stage.look()
    stage.expected.versions = {stage.version}
    return ("domain", "remove", app, OTHER_NAME)


def _certificate(before: str, after: str) -> Callable[[Stage], tuple[str, ...]]:
    """How the app has HTTPS: off, auto, or with a certificate of its own."""

    def words(stage: Stage, how: str) -> tuple[str, ...]:
        assert stage.place.https is not None
        given = stage.place.https.own_certificate() if how == "own" else ("--tls", how)
        return ("certificate", "set", stage.place.app, *given)

    def prepare(stage: Stage) -> tuple[str, ...]:
        _running(stage)
        stage.must(*words(stage, before))
        stage.look()
        stage.expected.versions = {stage.version}
        return words(stage, after)

    return prepare


def _door_comes_or_goes(stage: Stage) -> tuple[str, ...]:
    _running(stage)
    before = stage.version
    version = stage.publish(extra="" if stage.check.status["doors"] else stage.place.door)
    stage.expected.versions = {before, version}
    return ("update", stage.place.app)


def _settle_an_update(at: str) -> Callable[[Stage], tuple[str, ...]]:
    """The update was killed at that call; now the settling is killed too."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        words = _update()(stage)
        if (code := stage.kill(words, at, CHAOS_UNGUARDED="1")) != -signal.SIGKILL:
            raise RuntimeError(f"the update was not killed {at}: exit code {code}")
        return ("settle", stage.place.app)

    return prepare


def _settle_a_reboot(stage: Stage) -> tuple[str, ...]:
    """No process is left, only the files."""
    _running(stage)
    stage.expected.versions = {stage.version}
    stage.machine.reboot()
    return ("settle", stage.place.app)


MIGRATION = "release_command: [python3, -c, \"open('storage/migrated', 'a')\"]\n"
BROKEN_MIGRATION = 'release_command: ["false"]\n'
DOWN = (200, 404, 503)
LED = (200, 301)  # plain HTTP leads to HTTPS as soon as there is a certificate
SCENARIOS = [
    Scenario("install", _install(), allowed=()),
    Scenario("install, never healthy", _install("never-healthy"), (5,), allowed=()),
    Scenario("update", _update()),
    Scenario("update with a release command", _update(extra=MIGRATION)),
    Scenario("update, two steps", _two_steps),
    Scenario("update, never healthy", _update("never-healthy"), (5,)),
    Scenario("update, exits", _update("exit-at-boot"), (5,)),
    Scenario("update, turns bad", _update("turns-bad:0.1"), (5,)),
    Scenario("update, release command fails", _update(extra=BROKEN_MIGRATION), (5,)),
    Scenario("update by hold", _update(), strategy="hold", app="single_writer"),
    Scenario("update by hold, never healthy", _update("never-healthy"), (5,), strategy="hold", app="single_writer"),
    Scenario("update by hold, slow boot", _update(), strategy="hold", app="single_writer", good=SLOW),
    Scenario("rollback", _rollback),
    Scenario("config", _config),
    Scenario("restart", _plain("restart")),
    Scenario("stop", _plain("stop"), allowed=DOWN),
    Scenario("start", _start, allowed=DOWN),
    Scenario("domain add", _domain("add", has=False)),
    Scenario("domain remove", _domain("remove")),
    Scenario("domain redirect", _domain("redirect", "--to", "chaos.test")),
    Scenario("domain remove, told", _first_domain),
    Scenario("install with a certificate", _install(), allowed=(), https="own"),
    Scenario("install with HTTPS", _install(), allowed=(), https="auto"),
    Scenario("update with a certificate", _update(), https="own"),
    Scenario("update with HTTPS, turns bad", _update("turns-bad:0.1"), (5,), https="auto"),
    Scenario("certificate renewed", _certificate("own", "own"), https="own"),
    Scenario("certificate first", _certificate("off", "own"), allowed=LED, https="own", plain=True),
    Scenario("certificate removed", _certificate("own", "off"), allowed=LED, https="own", plain=True),
    Scenario("HTTPS first", _certificate("off", "auto"), allowed=LED, https="auto", plain=True),
    Scenario("HTTPS in place of a certificate", _certificate("own", "auto"), https="own"),
    Scenario("domain add with HTTPS", _domain("add", has=False), https="auto"),
    Scenario("domain redirect with HTTPS", _domain("redirect", "--to", "chaos.test"), https="auto"),
    Scenario("domain remove with HTTPS", _domain("remove"), https="auto"),
    Scenario("update with a door", _update(), has_door=True),
    Scenario("update with a door, never healthy", _update("never-healthy"), (5,), has_door=True),
    Scenario("rollback with a door", _rollback, has_door=True),
    Scenario("door comes or goes", _door_comes_or_goes),
    Scenario("uninstall", _plain("uninstall"), allowed=DOWN, takes_proxy=True),
    Scenario("uninstall and purge", _plain("uninstall", "--purge"), allowed=DOWN, takes_proxy=True),
    Scenario("settle an update before the switch", _settle_an_update("switch:before"), is_guarded=False),
    Scenario("settle an update after the switch", _settle_an_update("switch:after"), is_guarded=False),
    Scenario("settle after a reboot", _settle_a_reboot, allowed=(), is_guarded=False),
]


class Boundaries:
    def __init__(self, folder: Path, seed: int, kind: Kind, *, as_json: bool):
        self.folder, self.dice, self.kind, self.as_json = folder, random.Random(seed), kind, as_json
        self.told: dict[str, Any] = {
            "seed": seed, "runtime": kind.name, "boundaries": 0, "flows": {}, "not_begun": [],
            "requests": 0, "failed_requests": 0,
            "failures": Counter(), "violations": [],
        }  # fmt: skip

    def run(self, only: str | None, when: str | None, sample: int | None, seconds: float) -> dict[str, Any]:
        """All of them, those of one flow or of one of WHEN, or `sample` of them in all; none begins after `seconds`."""
        moments = (when,) if when else WHEN if sample is None else ("either",)
        end = time.monotonic() + seconds
        scenarios = [scenario for scenario in SCENARIOS if only in (None, scenario.name)]
        if sample:
            self.dice.shuffle(scenarios)
        share = -(-sample // len(scenarios)) if sample else None
        for moment, scenario in itertools.product(moments, scenarios):
            if time.monotonic() > end or (sample and self.told["boundaries"] >= sample):
                self.told["not_begun"].append(f"{scenario.name}, {moment}")
            else:
                self._play(scenario, moment, share, end)
        return self.told

    def say(self, text: str) -> None:
        print(text, file=sys.stderr if self.as_json else sys.stdout, flush=True)

    def _play(self, scenario: Scenario, when: str, share: int | None, end: float) -> None:
        stage = Stage(Path(tempfile.mkdtemp(dir=self.folder)), scenario, self.kind)
        try:
            stage.traffic.start()
            boundaries = self._until_done(stage, when, end) if share is None else self._some(stage, share)
            self.told["flows"].setdefault(scenario.name, {})[when] = boundaries
            self.say(f"{scenario.name}: killed {when} {boundaries} calls")
        finally:
            stage.traffic.stop()
            stage.place.close()

    def _until_done(self, stage: Stage, when: str, end: float) -> int:
        """Each call after the other, until the command comes to its end before it is killed. How many there were."""
        if when == "during":
            return self._in_the_middle(stage)
        number = 0
        while time.monotonic() < end and self._once(stage, f"{number}:{when}"):
            number += 1
        return number

    def _in_the_middle(self, stage: Stage) -> int:
        """Of every kind of file that is written. A first run tells which there are; numbers change with the polling."""
        self._once(stage, "none:never")
        calls = {line.split()[1] for line in stage.calls.read_text().splitlines()}
        return sum(self._once(stage, f"{name}:during") for name in WRITES if name in calls)

    def _some(self, stage: Stage, share: int) -> int:
        """A first run tells how many calls there are."""
        self._once(stage, "none:never")
        calls = len(stage.calls.read_text().splitlines())
        numbers = [self.dice.randrange(calls) for _ in range(share)]
        return sum(self._once(stage, f"{number}:{self.dice.choice(('after', 'before'))}") for number in numbers)

    def _once(self, stage: Stage, at: str) -> bool:
        """Whether the command was killed there."""
        scenario = stage.scenario
        words = scenario.prepare(stage)
        allowed = () if scenario.takes_proxy and not self.kind.proxy_stays else scenario.allowed
        stage.traffic.allowed = frozenset(allowed)
        stage.traffic.taken()
        stage.evidence.begin()
        code = stage.kill(words, at)
        call, killed = stage.last_call(), code in DEAD
        found = [] if killed or code in scenario.codes else [f"exit code {code}, not {scenario.codes}"]
        found += stage.check.violations(typed=not (killed and scenario.is_guarded))
        seen = stage.traffic.taken()
        self.told["boundaries"] += killed
        if allowed:
            self.told["requests"] += seen.requests
            self.told["failed_requests"] += sum(seen.failures.values())
            self.told["failures"].update(seen.failures)
        if found or (seen.failures and allowed):
            told = {"flow": scenario.name, "at": at, "call": call, "code": code, "failed": seen.examples}
            self._blame(stage, told, found)
        return killed

    def _blame(self, stage: Stage, told: dict[str, Any], found: list[str]) -> None:
        self.told["violations"] += [{**told, "violation": violation} for violation in found]
        what = "; ".join(found) or f"failed requests {told['failed']}"
        self.say(f"VIOLATION in {told['flow']}, killed at {told['at']} ({told['call']}): {what}")
        where = stage.evidence.keep(f"{told['at']}-{time.time_ns()}".replace(":", "-"), {**told, "violations": found})
        self.say(f"What is known of it is in {where}; what the commands said:\n{stage.evidence.words(where)}")
