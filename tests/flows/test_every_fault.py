"""Every flow, with a fault and then a second one before and after every port call.

Of the four cases of a call (the process dies before it, or after it; it fails before it did anything, or after it
did everything) three are different: dying after a call is dying before the next one.
"""

import pytest
from observed import Observed
from scenarios import SCENARIOS, SICK, settle_once
from trial import Halfway, after_death, check_end, faulty, fresh, trial
from tried import Tried

from discode.core.errors import DiscodeError, ProxyUnreachable
from discode.testing.faults import Fault, Script

FAULTS = [CRASH, BEFORE, AFTER] = Fault("crash"), Fault("error", "before"), Fault("error", "after")
STRIDE = 11  # of the calls that are tried both ways
LATE = [Fault("late", delay=delay) for delay in range(6)]
# Of an app with two doors: what changes its services dies between two of them, in the one order and in the other.
WITHIN = [Fault("within", delay=changes) for changes in (1, 2, -1, -2)]
# Of what is beside an app: it is stopped and not yet started, its volume is there and empty, a dump is half written, or
# half restored.
WITHIN_BESIDE = [Fault("within", delay=changes) for changes in range(4)]
CHANGE_ACCESSORIES = {"start", "execute"}
CHANGE_SERVICES = {"switch", "pause", "resume", "stop", "unroute", "drained"}


@pytest.mark.parametrize("scenario", SCENARIOS + SICK, ids=lambda scenario: scenario.name)
def test_without_a_fault(scenario):
    world = fresh(scenario)
    try:
        scenario.run(world.world())
    except DiscodeError:
        assert scenario.has_data or scenario.forward in (None, "1.0")
    check_end(scenario, world, {})
    installation = world.store.installation("myapp")
    assert (installation.version if installation else None) == scenario.forward
    assert installation is None or installation.state == scenario.state


@pytest.mark.parametrize("scenario", SCENARIOS + SICK, ids=lambda scenario: scenario.name)
def test_two_faults_anywhere(scenario, combinations):
    """Those that cannot differ are tried once, and counted: see `observed`."""
    covered, tried = 0, Tried()
    for first, name in enumerate(trial(scenario, {})):
        for fault in FAULTS:
            covered += 1 + sum(_second_faults(scenario, first, fault, tried))
        for fault in WITHIN if scenario.has_doors and name in CHANGE_SERVICES else []:
            calls = trial(scenario, {first: fault})
            changing = [number for number in range(first + 1, len(calls)) if calls[number] in CHANGE_SERVICES]
            for second in changing:
                trial(scenario, {first: fault, second: CRASH})
            covered += 1 + len(changing)
        for fault in WITHIN_BESIDE if scenario.has_accessories and name in CHANGE_ACCESSORIES else []:
            trial(scenario, {first: fault})
            covered += 1
        for fault in LATE if name == "switch" else []:
            calls = trial(scenario, {first: fault})
            for second in range(first + 1 + first % scenario.stride, len(calls), scenario.stride):
                for another in FAULTS:
                    trial(scenario, {first: fault, second: another})
            covered += 1 + len(range(first + 1 + first % scenario.stride, len(calls), scenario.stride)) * len(FAULTS)
    combinations[scenario.name] = covered
    assert covered > 100


def _second_faults(scenario, first, fault, tried):
    """For each call after the first fault, how many second ones that covers."""
    halfway: list[Halfway] = []
    seen = Observed({first: fault})
    calls = len(trial(scenario, {first: fault}, keep=halfway, seen=seen))
    places = {stood.calls: stood.place() for stood in halfway}
    for second in range(first + 1 + first % scenario.stride, calls, scenario.stride):
        since = _latest(halfway, second)
        for another in FAULTS:
            faults = {first: fault, second: another}
            if since and not tried.is_new((places[since.calls], second - since.calls, another)):
                continue
            if another is CRASH:
                if seen.deaths[second].is_new or scenario.stride > 1:
                    trial(scenario, faults, after_death(seen.deaths[second], second, faults), tried=tried)
            elif another is BEFORE or second not in seen.quiet:
                trial(scenario, faults, since, tried=tried)
        yield len(FAULTS)


def _latest(halfway, second):
    """Where a trial stood last before that call, between two commands."""
    return next((stood for stood in reversed(halfway) if second >= stood.calls), None)


@pytest.mark.parametrize(
    "scenario", [one for one in SCENARIOS + SICK if one.stride == 1], ids=lambda scenario: scenario.name
)
def test_what_spares_a_trial_does_not_change_what_is_tried(scenario):
    """For each first fault at some of the calls: trials from halfway, after a death, of quiet calls, and those that go
    on as earlier ones did, go on as whole ones."""
    tried, begun = Tried(), {}
    for first in range(len(trial(scenario, {}))):
        for fault in FAULTS:
            halfway: list[Halfway] = []
            seen = Observed({first: fault})
            calls = trial(scenario, {first: fault}, keep=halfway, seen=seen)
            for stood in halfway:
                assert trial(scenario, {first: fault}, stood) == calls[stood.calls :]
            for second in range(first + 1 + first % STRIDE, len(calls), STRIDE):
                whole = _goes_on_alike(scenario, {first: fault}, second, seen, tried)
                if since := _latest(halfway, second):
                    begin = since.place(), second - since.calls
                    known = begun.setdefault(begin, [one[since.calls :] for one in whole])
                    assert known == [one[since.calls :] for one in whole]


def _goes_on_alike(scenario, faults, second, seen, tried):
    whole = [trial(scenario, {**faults, second: another}) for another in FAULTS]
    assert [trial(scenario, {**faults, second: another}, tried=tried) for another in FAULTS] == whole
    crash = {**faults, second: CRASH}
    latest = next(number for number in range(second, 0, -1) if seen.deaths[number].is_new)
    assert trial(scenario, crash, after_death(seen.deaths[latest], second, crash)) == whole[0][second + 1 :]
    assert second not in seen.quiet or whole[1] == whole[2]
    return whole


@pytest.mark.parametrize("scenario", SCENARIOS + SICK, ids=lambda scenario: scenario.name)
def test_nothing_is_removed_while_the_proxy_cannot_answer(scenario, combinations):
    """From any call on the proxy is away, also for the settling; when it is back, one more command sets it right."""
    calls = trial(scenario, {})
    for first in range(len(calls)):
        world = fresh(scenario)
        away = _ProxyGoesAway(world, first)
        for command in (scenario.run, settle_once):
            try:
                command(away.world)
            except DiscodeError:
                continue
        removed = [name for name in away.calls_since() if name in ("remove", "drop_data")]
        assert not removed, f"{scenario.name}: {removed} with the proxy away from call {first} on"
        scenario.settle(world.world())
        check_end(scenario, world, {first: Fault("error")})
    combinations[f"{scenario.name}, proxy away"] = len(calls)


class _ProxyGoesAway:
    """A world whose proxy answers nothing from call number `first` on."""

    def __init__(self, world, first):
        self.script = Script({})
        self.world = faulty(world, self.script)
        self.first = first
        self.world.platforms.platform("archive").proxy.__dict__["_script"] = self

    def calls_since(self):
        """The calls that came after the proxy was asked and did not answer."""
        names = self.script.names
        return names[names.index("unanswered") :] if "unanswered" in names else []

    def carry_out(self, name, call, *rest):
        if self.script.calls >= self.first:
            self.script.calls += 1
            self.script.names.append("unanswered")
            raise ProxyUnreachable("The proxy does not answer.")
        return self.script.carry_out(name, call, *rest)
