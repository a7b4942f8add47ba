"""Two faults anywhere in a restore elsewhere and in a drill: all of the app serves, or nothing of it is there."""

from dataclasses import dataclass, replace

import pytest
from arrivals import COPY, FILES, bare, elsewhere, snapshot_of
from beside import ONLY_DB, behaves
from scenarios import APP
from trial import copied, faulty

from discode.core.backup_errors import RepositoryUnreachable
from discode.core.errors import DiscodeError
from discode.core.installation import Route
from discode.core.scratch import scratch_of
from discode.flows.drill import drill
from discode.flows.restore_new import restore_new
from discode.flows.settle import settle, settle_for_the_dead
from discode.ports.proxy import Mode
from discode.ports.runtime import Phase
from discode.testing.faults import Crash, Fault, Faulty, Script
from discode.testing.memory_accessories import AccessoryBehaviour
from discode.testing.memory_runtime import VOLUMES, Behaviour

FAULTS = [CRASH, BEFORE, AFTER] = Fault("crash"), Fault("error", "before"), Fault("error", "after")
LATE = [Fault("late", delay=delay) for delay in (0, 2, 4)]
SCRATCH = scratch_of(APP)


@dataclass
class Arrival:
    """`name`: of what may come to be; None in `may_serve`: nothing of it is there."""

    id: str
    prepare: object
    run: object
    name: str
    may_serve: tuple
    stride: int = 7
    has_db: bool = False


def _restore(world, ports):
    restore_new(ports, elsewhere(world, repository=ports.repositories.open(APP)))


def _copy(world, ports):
    route = Route(hosts=("copy.test",))
    restore_new(ports, elsewhere(world, name=COPY, repository=ports.repositories.open(APP), route=route))


def _drill(world, ports):
    drill(ports, APP)


def _away(**fields):
    def prepare():
        made = bare(snapshot_of(**fields))
        made.repositories.set_up(APP)  # for the port to open: the flow is given it
        return made

    return prepare


def _sick(prepare, how):
    def prepared():
        world = prepare()
        world.runtime.behaviours[world.vendor.entries[0].key] = how
        return world

    return prepared


def _sick_db(prepare, how):
    def prepared():
        world = prepare()
        behaves(world, ONLY_DB["db"], how)
        return world

    return prepared


VERIFIED = {"backup": {"verify": ["echo", "well"]}}
DB = {"accessories": ONLY_DB}
ARRIVALS = [
    Arrival("elsewhere", _away(), _restore, APP, (None, "1.0")),
    Arrival("elsewhere, with a database", _away(**DB), _restore, APP, (None, "1.0"), has_db=True),
    Arrival("elsewhere, never healthy", _sick(_away(), Behaviour.NEVER_HEALTHY), _restore, APP, (None,)),
    Arrival("elsewhere, a dump fails", _sick_db(_away(**DB), AccessoryBehaviour.RESTORE_FAILS), _restore, APP, (None,)),
    Arrival("beside it", lambda: snapshot_of(**DB), _copy, COPY, (None, "1.0"), stride=11, has_db=True),
    Arrival("drill", lambda: snapshot_of(ONLY_DB, **VERIFIED), _drill, SCRATCH, (None,)),
    Arrival("drill, exits", _sick(snapshot_of, Behaviour.EXITS), _drill, SCRATCH, (None,)),
]  # fmt: skip


def ports_of(world, script):
    made = faulty(world, script)
    away = RepositoryUnreachable("The repository does not answer.")
    port = Faulty(world.repositories, script, away)
    return replace(made, repositories=_Repositories(port, script, away))


class _Repositories:
    """The repository that it opens can fail, too."""

    def __init__(self, port, script, error):
        self._port, self._script, self._error = port, script, error

    def open(self, app):
        return Faulty(self._port._port.open(app), self._script, self._error)

    def __getattr__(self, name):
        return getattr(self._port, name)


def trial(arrival, prepared, faults):
    world = copied(prepared)
    world.accessories.files = world.repositories.files
    world.runtime.violations, world.proxy.violations, world.accessories.violations = [], [], []
    script = Script(faults)
    commands = [lambda ports: arrival.run(world, ports), *[lambda ports: _settle(arrival, ports)] * 3]
    for command in commands:
        if arrival.name in world.system.left_alone:
            command = lambda ports: settle_for_the_dead(ports, arrival.name)  # noqa: E731
            world.system.left_alone.clear()
        try:
            command(ports_of(world, script))
            if not world.store.journals:
                break
        except Crash:
            script.revive()
            world.store.release_all()
        except DiscodeError:
            if not world.store.journals:
                break
    for _ in range(4):
        world.proxy.ensure()  # a deploy that goes on inside the proxy comes to its end
    _settle(arrival, world.world())
    check_end(arrival, prepared, world, faults)
    return script.names


def _settle(arrival, ports):
    with ports.store.lock(arrival.name):
        settle(ports, arrival.name, ports.steps())


def check_end(arrival, prepared, world, faults):
    where, name = f"{arrival.id} with {faults}", arrival.name
    violations = [*world.runtime.violations, *world.proxy.violations, *world.accessories.violations]
    assert not violations and not world.store.journals and not world.store.workspaces, f"{where}: {violations}"
    there = world.store.installation(name)
    assert (there.version if there else None) in arrival.may_serve, f"{where}: {there}"
    (_is_there if there else _is_nowhere)(arrival, world, where)
    for other in {APP, COPY} - {name}:
        was, now = prepared.proxy.services.get(other), world.proxy.services.get(other)
        assert (was and (was.endpoint, was.mode)) == (now and (now.endpoint, now.mode)), f"{where}: {other} is touched"
        assert prepared.store.installation(other) == world.store.installation(other)
        assert world.accessories.read(other, "db") == prepared.accessories.read(other, "db"), where


def _is_there(arrival, world, where):
    name, installation = arrival.name, world.store.installation(arrival.name)
    [instance] = world.runtime.instances(name)
    service = world.proxy.services[name]
    assert instance.name == installation.instance and instance.phase is Phase.RUNNING, where
    assert (service.endpoint, service.mode, service.route) == (instance.endpoint, Mode.RUNNING, installation.route), (
        where
    )
    assert files_of(world, name) == FILES, f"{where}: {files_of(world, name)}"
    assert world.store.settings(name, installation.settings)["SECRET"] == f"{2:032x}", where
    assert not arrival.has_db or world.accessories.read(name, "db") == ["of the snapshot"], where


def _is_nowhere(arrival, world, where):
    name = arrival.name
    assert not world.runtime.instances(name) and name not in world.proxy.services, where
    assert not [one for one in world.accessories.live if one[0] == name], f"{where}: something beside it is left"
    assert not world.accessories.volumes(name) and name not in world.runtime.volumes, f"{where}: data is left"
    assert not files_of(world, name) and not world.store.revisions.get(name), f"{where}: files or settings are left"
    assert not world.store.certificates.get(name) and name not in world.store.apps(), where
    if None not in arrival.may_serve or len(arrival.may_serve) > 1:
        arrival.run(world, world.world())  # the next try
        check_end(replace(arrival, may_serve=("1.0",)), world, world, f"{where}, and again")


def files_of(world, name):
    files = world.repositories.files.items()
    return {path.name: data for path, data in files if path.is_relative_to(VOLUMES / name)}


@pytest.mark.parametrize("arrival", ARRIVALS, ids=lambda one: one.id)
def test_without_a_fault(arrival):
    prepared = arrival.prepare()
    trial(arrival, prepared, {})
    world = copied(prepared)
    world.accessories.files = world.repositories.files
    if len(arrival.may_serve) > 1:
        arrival.run(world, world.world())
        assert world.store.installation(arrival.name).version == "1.0"


@pytest.mark.parametrize("arrival", ARRIVALS, ids=lambda one: one.id)
def test_two_faults_anywhere(arrival, combinations):
    prepared, covered = arrival.prepare(), 0
    for first, name in enumerate(trial(arrival, prepared, {})):
        for fault in [*FAULTS, *(LATE if name == "switch" else [])]:
            calls = trial(arrival, prepared, {first: fault})
            seconds = range(first + 1 + first % arrival.stride, len(calls), arrival.stride)
            for second in seconds:
                for another in FAULTS:
                    trial(arrival, prepared, {first: fault, second: another})
            covered += 1 + len(seconds) * len(FAULTS)
    combinations[f"arrival: {arrival.id}"] = covered
    assert covered > 100
