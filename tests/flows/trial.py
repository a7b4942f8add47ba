"""One run of a scenario under a script of faults, and what has to hold at its end."""

import copy
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from observed import Death, Observed
from scenarios import APP, DATA, SCENARIOS, SICK, Scenario
from tried import Tried, Way, place

from discode.core.doors import is_door_of, service_of
from discode.core.errors import DiscodeError, PreflightError, ProxyUnreachable, RuntimeUnreachable, SourceUnreachable
from discode.core.external import wanted_accessories
from discode.flows.settle import settle_for_the_dead
from discode.flows.world import World
from discode.ports.proxy import Mode
from discode.ports.runtime import Phase
from discode.testing.faults import Crash, Fault, Faulty, Script
from discode.testing.memory_backups import HEADER
from discode.testing.memory_swaps import Volume
from discode.testing.memory_world import MemoryWorld

BY_NAME = {scenario.name: scenario for scenario in SCENARIOS + SICK}


@cache
def _prepared(name: str) -> MemoryWorld:
    world = MemoryWorld(APP)
    BY_NAME[name].prepare(world)
    return world


def fresh(scenario: Scenario) -> MemoryWorld:
    """A world of its own, in the state from which the scenario starts. How it came to be there is not judged."""
    made = copied(_prepared(scenario.name))
    made.runtime.violations, made.proxy.violations, made.accessories.violations = [], [], []
    return made


def copied(world: MemoryWorld) -> MemoryWorld:
    """A world of its own in the same state, while no deploy goes on in its proxy. Frozen values are shared."""
    assert not world.proxy.pending, "it would be carried out in the world that it was asked of"
    made = MemoryWorld(APP)
    made.vendor = world.vendor
    made.system.time, made.system._secrets = world.system.time, world.system._secrets
    made.system.left_alone = set(world.system.left_alone)
    made.runtime.__dict__.update(
        behaviours=world.runtime.behaviours,
        live={name: _copied_instance(instance) for name, instance in world.runtime.live.items()},
        fetched=set(world.runtime.fetched),
        volumes=set(world.runtime.volumes),
        shared=set(world.runtime.shared),
        exclusive=world.runtime.exclusive,
        violations=list(world.runtime.violations),
        _port=world.runtime._port,
    )
    made.accessories.__dict__.update(
        behaviours=world.accessories.behaviours,
        live={name: _copied_instance(one) for name, one in world.accessories.live.items()},
        data={name: Volume(list(one.lines), one.writer, one.state) for name, one in world.accessories.data.items()},
        fetched=set(world.accessories.fetched),
        acknowledged={name: list(lines) for name, lines in world.accessories.acknowledged.items()},
        violations=list(world.accessories.violations),
    )
    made.proxy.services = {name: copy.copy(service) for name, service in world.proxy.services.items()}
    made.proxy.busy = {name: set(endpoints) for name, endpoints in world.proxy.busy.items()}
    made.proxy.certificates, made.proxy.failures = dict(world.proxy.certificates), dict(world.proxy.failures)
    made.proxy.certified_after = world.proxy.certified_after
    made.proxy.violations = list(world.proxy.violations)
    for table in ("installations", "journals", "kept_logs", "records"):
        setattr(made.store, table, dict(getattr(world.store, table)))
    made.store.revisions = {app: dict(revisions) for app, revisions in world.store.revisions.items()}
    made.store.certificates = {app: dict(revisions) for app, revisions in world.store.certificates.items()}
    made.store.entries = {app: list(entries) for app, entries in world.store.entries.items()}
    made.store.damaged, made.store.workspaces = set(world.store.damaged), set(world.store.workspaces)
    made.repositories.plans, made.repositories.files = dict(world.repositories.plans), dict(world.repositories.files)
    made.runtime.files = made.accessories.files = made.repositories.files
    made.runtime.data_beside = made.accessories.data
    made.repositories.storage = copy.copy(world.repositories.storage)
    made.repositories.storage.kept = dict(world.repositories.storage.kept)
    return made


def _copied_instance(instance):
    made = copy.copy(instance)
    made.lines = list(instance.lines)
    return made


def faulty(world: MemoryWorld, script: Script) -> World:
    return world.world(
        store=Faulty(world.store, script, PreflightError("The disk is full.", key="disk-full")),
        runtime=Faulty(world.runtime, script, RuntimeUnreachable("The runtime does not answer.")),
        proxy=Faulty(world.proxy, script, ProxyUnreachable("The proxy does not answer."), frozenset(["switch"])),
        accessories=Faulty(world.accessories, script, RuntimeUnreachable("The runtime does not answer.")),
        releases=Faulty(world.vendor, script, SourceUnreachable("The releases cannot be reached.")),
    )


@dataclass(frozen=True)
class Halfway:
    """How the world stood after so many of a trial's commands and calls: the same for every further fault that comes
    later. `is_own`: one trial alone goes on from here."""

    world: MemoryWorld
    commands: int
    calls: int
    is_own: bool = False

    def place(self) -> Hashable:
        return place(self.world, self.commands + 1)


def trial(
    scenario: Scenario,
    faults: dict[int, Fault],
    since: Halfway | None = None,
    keep: list[Halfway] | None = None,
    seen: Observed | None = None,
    tried: Tried | None = None,
) -> list[str]:
    """Run the flow under the faults, then what comes after it until it gets through: the guard of a command that died,
    else `settle`. The answer is the calls that there were.

    `since`: where an earlier trial, alike until then, stood halfway; calls before it are not told. `keep` gets where
    this one stood; `seen` is its script. `tried`: it ends where an earlier one went on alike.
    """
    world = fresh(scenario) if since is None else since.world if since.is_own else copied(since.world)
    late = any(fault.kind == "late" for fault in faults.values())
    script = seen or Script(faults)
    script.watch = _watch(scenario, world, late)
    script.calls = since.calls if since else 0
    if seen is not None:
        seen.observe(world, copied)
    before, under, way = _recorded(world), faulty(world, script), Way(tried, script)
    commands = [scenario.run, scenario.settle, scenario.settle, scenario.settle]
    for number, command in enumerate(commands[since.commands if since else 0 :], since.commands + 1 if since else 1):
        if way.is_known_from(world, number):
            return way.end()
        if APP in world.system.left_alone:
            command = guard
            world.system.left_alone.clear()
        if seen is not None:
            seen.command = number
        try:
            command(under)
            if not world.store.journals:
                if command is guard and not late:
                    check_end(scenario, world, faults)  # as it is, with nothing typed
                break
        except Crash:
            script.revive()
            world.store.release_all()
            _has_a_guard(world, number, faults)
        except DiscodeError as error:
            if error.exit_code in (4, 5) and number == 1:
                _keeps_its_word(scenario, world, error, before, faults)
            if not world.store.journals:
                break
        if keep is not None:
            keep.append(Halfway(copied(world), number, script.calls))
    if way.is_known_from(world, "the last"):
        return way.end()
    for _ in range(4):
        world.proxy.ensure()  # a deploy that goes on inside the proxy comes to its end
    scenario.settle(world.world())
    check_end(scenario, world, faults)
    return way.end()


def after_death(death: Death, call: int, faults: dict[int, Fault]) -> Halfway:
    """Where a trial stands whose command has died at that call."""
    world = copied(death.stands)
    world.system.left_alone |= death.guards
    _has_a_guard(world, death.command, faults)
    return Halfway(world, death.command, call + 1, is_own=True)


def _has_a_guard(world: MemoryWorld, command: int, faults: dict[int, Fault]) -> None:
    assert command > 1 or not world.store.journals or APP in world.system.left_alone, f"no guard: {faults}"


def guard(world: World) -> None:
    settle_for_the_dead(world, APP)


def _recorded(world: MemoryWorld) -> tuple[str, str] | None:
    installation = world.store.installation(APP)
    return (installation.version, installation.state) if installation else None


def _keeps_its_word(scenario: Scenario, world: MemoryWorld, error: DiscodeError, before, faults) -> None:
    """4 is: nothing was changed; 5: the old version serves. Neither leaves anything for the next command to settle."""
    where = f"{scenario.name} with {faults}: exit code {error.exit_code} ({error})"
    assert not world.store.journals, f"{where}, and a journal is left"
    steps = {before, *([("1.5", "running")] if scenario.name == "update, two steps" else ())}
    assert _recorded(world) in steps, f"{where}, and {_recorded(world)} is recorded"


def _watch(scenario: Scenario, world: MemoryWorld, late: bool):
    watches = [_who_was_proved_stays(world)]
    if scenario.has_data:
        watches.append(lambda: _write_data(world))
    else:
        watches.append((lambda: None) if late else _someone_serves(scenario, world))
        if scenario.has_accessories:
            watches.append(lambda: _write(world))

    def watch() -> None:
        for one in watches:
            one()

    return watch


def _who_was_proved_stays(world: MemoryWorld):
    """Whatever comes between that and the end of the journal: it serves then, and nothing says that it failed."""
    proved = None

    def watch() -> None:
        nonlocal proved
        journal = world.store.journals.get(APP)
        if journal is not None and journal.is_proved:
            proved = journal
        assert proved is None or journal is None or journal.started != proved.started or journal.is_proved
        if proved is None or journal is not None:
            return
        installation = world.store.installation(APP)
        assert installation == proved.after, f"{proved.after.version} was proved, and {installation} stays"
        mine = (proved.flow, proved.started, proved.after.version)
        told = [one for one in world.store.history(APP) if (one.flow, one.started, one.to_version) == mine]
        assert [(one.outcome in ("done", "settled-forward"), one.serves) for one in told] == [(True, mine[2])], told
        proved = None

    watch()  # where another trial stood halfway
    return watch


def _write(world: MemoryWorld) -> None:
    """What its users would: whenever something has changed while requests reach the app. They find its database."""
    if not world.is_used(APP, "db"):
        return
    proxy, beside = world.proxy.services[APP], world.accessories
    live = [(str(name), one.phase) for name, one in world.runtime.live.items()]
    images = [(name, one.phase, one.spec.accessory.image.digest) for (_, name), one in beside.live.items()]
    state = repr((proxy.endpoint, list(beside.files), list(beside.data), live, images))
    written = beside.acknowledged.get((APP, "db"), [])
    is_news = not written or written[-1] != state
    if is_news and not beside.write(APP, "db", state):
        beside.violations.append("requests reach the app without its database")


def _write_data(world: MemoryWorld) -> None:
    """What its users would, whenever something has changed while their requests reach an instance: into the volumes
    that are there, and where nobody restores, what each instance has acknowledged."""
    service, files = world.proxy.services.get(APP), world.repositories.files
    at = [str(name) for name, one in world.runtime.live.items() if service and one.endpoint == service.endpoint]
    if service is None or service.mode is not Mode.RUNNING or not at:
        return
    line = repr((at, sorted(map(str, files)), len(world.store.journals), sorted(map(str, world.runtime.live)))).encode()
    log, told = DATA / "log", Path("/memory/acknowledged") / at[0]
    if not files.get(told, b"").endswith(line):
        files[log] = files.get(log, b"") + line
        files[told] = files.get(told, b"") + line
        if world.is_used(APP, "db") and not world.accessories.write(APP, "db", f"{at[0]} {len(files[told])}"):
            world.accessories.violations.append("requests reach the app without its database")


def _check_data(scenario, installation, world: MemoryWorld, where) -> None:
    """All of it is the snapshot's, or all of it is what was before, and the version and its settings with it."""
    files, was = world.repositories.files, _prepared(scenario.name)
    is_before = installation.instance == was.store.installations[APP].instance
    found = {path.name: data for path, data in files.items() if path.is_relative_to(DATA)}
    log = found.pop("log", b"")
    of, more = (b"later", {"new": b"later"}) if is_before else (b"of the snapshot", {})
    assert found == {"note": of, "app.db": HEADER + of, **more}, f"{where}: {installation.instance} has {found}"
    greeting = world.store.settings(APP, installation.settings).get("GREETING")
    assert greeting == ("later" if is_before else None), f"{where}: its settings are others: {greeting}"
    acknowledged = files.get(Path("/memory/acknowledged") / str(installation.instance), b"")
    assert log.endswith(acknowledged), f"{where}: what was acknowledged is lost"
    assert is_before or any("kept" in path.parts for path in files), f"{where}: the data from before is gone"
    _check_lines(installation, was, world, is_before=is_before, where=where)
    open_swap = world.runtime.open_swap(APP)
    assert not (open_swap and world.runtime.is_swapped(APP, open_swap)), f"{where}: a swap is neither kept nor undone"


def _check_lines(installation, was, world: MemoryWorld, *, is_before: bool, where) -> None:
    """What its database has: what it had then, or in the snapshot, and what requests to this instance wrote since."""
    if "db" not in installation.release.manifest.accessories:
        return
    found = world.accessories.lines(APP, "db")
    had = was.accessories.lines(APP, "db") if is_before else [f"from before {number}" for number in range(4)]
    assert found[: len(had)] == had, f"{where}: its database has {found[: len(had)]}"
    written = [
        line for line in world.accessories.acknowledged[APP, "db"] if line.startswith(f"{installation.instance} ")
    ]
    assert found[len(had) :] == written, f"{where}: its database has {found}, and not {written}"


def _someone_serves(scenario: Scenario, world: MemoryWorld):
    """While one version replaces another side by side, the proxy's endpoint is a running instance at every moment, but
    where requests are held because of what is beside it."""
    is_side_by_side = scenario.name.startswith(("update", "rollback", "config", "restart", "domain"))
    if not is_side_by_side or scenario.exclusive or scenario.state == "stopped":
        return lambda: None

    def watch() -> None:
        running = [i for i in world.runtime.live.values() if i.phase is Phase.RUNNING]
        places = {place for instance in running for place in instance.places()}
        for name, service in world.proxy.services.items():
            if scenario.has_accessories and service.mode is Mode.PAUSED:
                continue
            assert service.endpoint in places, f"nobody is at {service.endpoint}, where the requests of {name} go"

    return watch


def check_end(scenario: Scenario, world: MemoryWorld, faults: Mapping[int, Fault | str]) -> None:
    where = f"{scenario.name} with {faults}"
    installation, instances = world.store.installation(APP), world.runtime.instances(APP)
    assert not world.store.journals, f"{where}: a journal is left"
    violations = [*world.runtime.violations, *world.proxy.violations, *world.accessories.violations]
    assert not violations, f"{where}: {violations}"
    _check_accessories(scenario, installation, world, where)
    if installation is None:
        assert None in scenario.may_serve, f"{where}: the installation is gone"
        assert not instances and not ours(world), f"{where}: left over: {instances}, {world.proxy.services}"
        if not faults or scenario.name.startswith("uninstall"):  # an install may be cut off before its journal
            assert not world.store.certificates.get(APP), f"{where}: a private key is left"
        is_forgotten = any(isinstance(fault, str) for fault in faults.values())  # with a journal that was damaged
        assert is_forgotten or APP not in world.runtime.shared, f"{where}: left: what its instances had in common"
        assert scenario.purges or not _had_data(scenario) or APP in world.runtime.volumes, f"{where}: lost its data"
        return
    is_proved = all(one.is_proved for one in world.proxy.https(installation.route))
    assert is_proved or not scenario.requires_https, f"{where}: {installation.version} serves without HTTPS"
    assert installation.version in scenario.may_serve, f"{where}: {installation.version} serves"
    assert [state.name for state in instances] == [installation.instance], f"{where}: {instances}"
    assert world.store.settings(APP, installation.settings).get("SECRET") == f"{2:032x}", f"{where}: lost its secret"
    assert APP in world.runtime.volumes, f"{where}: lost its data"
    assert (APP, installation.release.key) in world.runtime.fetched, f"{where}: its archive is gone"
    _check_doors(installation, world, instances[0], where)
    if scenario.has_data:
        _check_data(scenario, installation, world, where)
    for name in ours(world):
        _check_state(installation.state, world.proxy.services[name], instances[0], where)
    assert world.proxy.services[APP].route == installation.route, f"{where}: the proxy has another route"
    _check_certificate(installation.route, world, faults, where)


def _check_accessories(scenario, installation, world: MemoryWorld, where) -> None:
    beside = world.accessories
    found = {name: one for (app, name), one in beside.live.items() if app == APP}
    assert not world.store.workspaces, f"{where}: dumps are left"
    if "damaged" not in where:  # which volumes nobody relies on yet is in the journal alone
        torn = [volume for (app, volume), one in beside.data.items() if app == APP and one.state == "torn"]
        assert not torn, f"{where}: the next try would start on half a database: {torn}"
    if installation is None:
        assert not found, f"{where}: left over: {found}"
        had = set(_prepared(scenario.name).accessories.volumes(APP))
        assert had <= set(beside.volumes(APP)) or scenario.purges, f"{where}: a volume is gone"
        is_known = "damaged" not in where  # that they were to go, too, is in the journal alone
        assert not (scenario.purges and is_known and beside.volumes(APP)), f"{where}: {beside.volumes(APP)} are left"
        return
    manifest, settings = installation.release.manifest, world.store.settings(APP, installation.settings)
    wanted = wanted_accessories(manifest, settings)
    assert set(found) == set(wanted), f"{where}: {sorted(found)} run"
    for name, one in found.items():
        assert one.spec.accessory == wanted[name], f"{where}: {name} is of another release"
        phase = Phase.STOPPED if installation.state == "stopped" else Phase.RUNNING
        assert one.phase is phase, f"{where}: {name} is {one.phase}"
        assert (APP, wanted[name].image.reference) in beside.fetched, f"{where}: the image of {name} is gone"
    lost = beside.lost(APP, "db") if "db" in wanted and not scenario.has_data else []
    assert not lost, f"{where}: lost {lost}"
    kept = set(_prepared(scenario.name).accessories.volumes(APP))
    there = {name for _, name in beside.data} if scenario.has_data else set(beside.volumes(APP))
    assert kept <= there, f"{where}: a volume is gone"


def ours(world: MemoryWorld) -> set[str]:
    return {name for name in world.proxy.services if name == APP or is_door_of(APP, name)}


def _check_doors(installation, world, instance, where) -> None:
    doors = {service_of(APP, door.path): process for process, door in installation.release.manifest.doors.items()}
    assert ours(world) == {APP, *doors}, f"{where}: {sorted(world.proxy.services)} are routed"
    places = {name: world.proxy.services[name].endpoint for name in doors}
    wanted = {name: instance.doors[process] for name, process in doors.items()}
    assert places == wanted, f"{where}: a door leads to another version"


def _check_state(state, service, instance, where) -> None:
    if state == "stopped":
        assert instance.phase is Phase.STOPPED and service.mode is Mode.STOPPED, f"{where}: not stopped"
    else:
        assert instance.phase is Phase.RUNNING and service.mode is Mode.RUNNING, f"{where}: does not serve"
        places = [instance.endpoint, *instance.doors.values()]
        assert service.endpoint in places, f"{where}: the proxy sends the traffic elsewhere"


def _check_certificate(route, world, faults, where) -> None:
    """Its own, and no other one, but for what was kept and cut off before there was a journal."""
    assert (route.tls == "own") == bool(route.certificate), f"{where}: {route}"
    kept, needed = set(world.store.certificates[APP]), {route.certificate} - {0}
    assert kept == needed if not faults else needed <= kept, f"{where}: {kept} are kept"


def _had_data(scenario: Scenario) -> bool:
    return APP in _prepared(scenario.name).runtime.volumes
