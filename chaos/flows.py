"""Flows on an app itself, each with where it starts from."""

from __future__ import annotations

import signal
import time

from scenario import Prepare, Scenario, Stage

from place import OTHER_NAME, SLOW


def running(stage: Stage) -> None:
    """Installed and running, with something to update to in the future."""
    if stage.version is None:
        stage.publish()
        stage.must(*stage.install_words())
        stage.look()
    if stage.check.status["state"] == "stopped":
        stage.must("start", stage.place.app)


def install(behaviour: str = "good") -> Prepare:
    def prepare(stage: Stage) -> tuple[str, ...]:
        if stage.version is not None:
            stage.must("uninstall", stage.place.app)
        version = stage.publish(behaviour)
        stage.expected.versions = {None, version} if behaviour == "good" else {None}
        return stage.install_words()

    return prepare


def update(behaviour: str = "good", extra: str = "") -> Prepare:
    def prepare(stage: Stage) -> tuple[str, ...]:
        running(stage)
        before = stage.version
        version = stage.publish(behaviour, extra)
        is_bad = behaviour != "good" or "false" in extra
        stage.expected.versions = {before} if is_bad else {before, version}
        return ("update", stage.place.app)

    return prepare


def _two_steps(stage: Stage) -> tuple[str, ...]:
    running(stage)
    before, between = stage.version, stage.publish()
    last = stage.publish(extra=f'requires: ">={between}"\n')
    stage.expected.versions = {before, between, last}
    return ("update", stage.place.app)


def rollback(stage: Stage) -> tuple[str, ...]:
    running(stage)
    stage.publish()
    stage.must("update", stage.place.app)
    stage.look()
    stage.expected.versions = {stage.version, stage.check.status["rollback_to"][0]}
    return ("rollback", stage.place.app)


def _config(stage: Stage) -> tuple[str, ...]:
    running(stage)
    stage.expected.versions, greeting = {stage.version}, f"hello-{time.time_ns()}"
    # Killed before it has begun, it leaves the one that was there: none at first.
    stage.expected.greetings = (stage.expected.greetings or {None}) | {greeting}
    return ("config", "set", stage.place.app, f"GREETING={greeting}")


def _plain(*words: str) -> Prepare:
    def prepare(stage: Stage) -> tuple[str, ...]:
        running(stage)
        gone = words[0] == "uninstall"
        stage.expected.versions = {stage.version, None} if gone else {stage.version}
        if "--purge" in words:
            stage.expected.forget()
        return (words[0], stage.place.app, *words[1:])

    return prepare


def _start(stage: Stage) -> tuple[str, ...]:
    running(stage)
    stage.must("stop", stage.place.app)
    stage.expected.versions = {stage.version}
    return ("start", stage.place.app)


def _domain(verb: str, *options: str, has: bool = True) -> Prepare:
    """A change of the app's other name, which it `has` before; killed, the one before may have left anything."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        running(stage)
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
    running(stage)
    app, own = stage.place.app, stage.place.host
    stage.must("domain", "add", app, OTHER_NAME)
    stage.look()
    if stage.check.status["hosts"][0] != OTHER_NAME:
        stage.must("domain", "remove", app, own)
        stage.must("domain", "add", app, own)
        stage.look()
    stage.expected.versions = {stage.version}
    return ("domain", "remove", app, OTHER_NAME)


def _certificate(before: str, after: str) -> Prepare:
    """How the app has HTTPS: off, auto, or with a certificate of its own."""

    def words(stage: Stage, how: str) -> tuple[str, ...]:
        assert stage.place.https is not None
        given = stage.place.https.own_certificate() if how == "own" else ("--tls", how)
        return ("certificate", "set", stage.place.app, *given)

    def prepare(stage: Stage) -> tuple[str, ...]:
        running(stage)
        stage.must(*words(stage, before))
        stage.look()
        stage.expected.versions = {stage.version}
        return words(stage, after)

    return prepare


def _door_comes_or_goes(stage: Stage) -> tuple[str, ...]:
    running(stage)
    before = stage.version
    version = stage.publish(extra="" if stage.check.status["doors"] else stage.place.door)
    stage.expected.versions = {before, version}
    return ("update", stage.place.app)


def _settle_an_update(at: str) -> Prepare:
    """The update was killed at that call; now the settling is killed too."""

    def prepare(stage: Stage) -> tuple[str, ...]:
        words = update()(stage)
        if (code := stage.kill(words, at, CHAOS_UNGUARDED="1")) != -signal.SIGKILL:
            raise RuntimeError(f"the update was not killed {at}: exit code {code}")
        return ("settle", stage.place.app)

    return prepare


def settle_a_reboot(stage: Stage) -> tuple[str, ...]:
    """No process is left, only the files."""
    running(stage)
    stage.expected.versions = {stage.version}
    stage.machine.reboot()
    return ("settle", stage.place.app)


MIGRATION = "release_command: [python3, -c, \"open('storage/migrated', 'a')\"]\n"
BROKEN_MIGRATION = 'release_command: ["false"]\n'
DOWN = (200, 404, 503)
LED = (200, 301)  # plain HTTP leads to HTTPS as soon as there is a certificate
FLOWS = [
    Scenario("install", install(), allowed=()),
    Scenario("install, never healthy", install("never-healthy"), (5,), allowed=()),
    Scenario("update", update()),
    Scenario("update with a release command", update(extra=MIGRATION)),
    Scenario("update, two steps", _two_steps),
    Scenario("update, never healthy", update("never-healthy"), (5,)),
    Scenario("update, exits", update("exit-at-boot"), (5,)),
    Scenario("update, turns bad", update("turns-bad:0.1"), (5,)),
    Scenario("update, release command fails", update(extra=BROKEN_MIGRATION), (5,)),
    Scenario("update by hold", update(), strategy="hold", app="single_writer"),
    Scenario("update by hold, never healthy", update("never-healthy"), (5,), strategy="hold", app="single_writer"),
    Scenario("update by hold, slow boot", update(), strategy="hold", app="single_writer", good=SLOW),
    Scenario("rollback", rollback),
    Scenario("config", _config),
    Scenario("restart", _plain("restart")),
    Scenario("stop", _plain("stop"), allowed=DOWN),
    Scenario("start", _start, allowed=DOWN),
    Scenario("domain add", _domain("add", has=False)),
    Scenario("domain remove", _domain("remove")),
    Scenario("domain redirect", _domain("redirect", "--to", "chaos.test")),
    Scenario("domain remove, told", _first_domain),
    Scenario("install with a certificate", install(), allowed=(), https="own"),
    Scenario("install with HTTPS", install(), allowed=(), https="auto"),
    Scenario("update with a certificate", update(), https="own"),
    Scenario("update with HTTPS, turns bad", update("turns-bad:0.1"), (5,), https="auto"),
    Scenario("certificate renewed", _certificate("own", "own"), https="own"),
    Scenario("certificate first", _certificate("off", "own"), allowed=LED, https="own", plain=True),
    Scenario("certificate removed", _certificate("own", "off"), allowed=LED, https="own", plain=True),
    Scenario("HTTPS first", _certificate("off", "auto"), allowed=LED, https="auto", plain=True),
    Scenario("HTTPS in place of a certificate", _certificate("own", "auto"), https="own"),
    Scenario("domain add with HTTPS", _domain("add", has=False), https="auto"),
    Scenario("domain redirect with HTTPS", _domain("redirect", "--to", "chaos.test"), https="auto"),
    Scenario("domain remove with HTTPS", _domain("remove"), https="auto"),
    Scenario("update with a door", update(), has_door=True),
    Scenario("update with a door, never healthy", update("never-healthy"), (5,), has_door=True),
    Scenario("rollback with a door", rollback, has_door=True),
    Scenario("door comes or goes", _door_comes_or_goes),
    Scenario("uninstall", _plain("uninstall"), allowed=DOWN, takes_proxy=True),
    Scenario("uninstall and purge", _plain("uninstall", "--purge", "--yes"), allowed=DOWN, takes_proxy=True),
    Scenario("settle an update before the switch", _settle_an_update("switch:before"), is_guarded=False),
    Scenario("settle an update after the switch", _settle_an_update("switch:after"), is_guarded=False),
    Scenario("settle after a reboot", settle_a_reboot, allowed=(), is_guarded=False),
]
