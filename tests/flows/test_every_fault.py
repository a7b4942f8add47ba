"""Every flow, with a fault and then a second one before and after every port call.

Of the four cases of a call (the process dies before it, or after it; it fails before it did anything, or after it
did everything) three are different: dying after a call is dying before the next one.
"""

import pytest
from scenarios import SCENARIOS, SICK, settle_once
from trial import Halfway, check_end, faulty, fresh, trial

from discode.core.errors import DiscodeError, ProxyUnreachable
from discode.testing.faults import Fault, Script

FAULTS = [Fault("crash"), Fault("error", "before"), Fault("error", "after")]
LATE = [Fault("late", delay=delay) for delay in range(6)]


@pytest.mark.parametrize("scenario", SCENARIOS + SICK, ids=lambda scenario: scenario.name)
def test_without_a_fault(scenario):
    world = fresh(scenario)
    try:
        scenario.run(world.world())
    except DiscodeError:
        assert scenario.forward in (None, "1.0")
    check_end(scenario, world, {})
    installation = world.store.installation("myapp")
    assert (installation.version if installation else None) == scenario.forward
    assert installation is None or installation.state == scenario.state


@pytest.mark.parametrize("scenario", SCENARIOS + SICK, ids=lambda scenario: scenario.name)
def test_two_faults_anywhere(scenario, combinations):
    ran = 0
    for first, name in enumerate(trial(scenario, {})):
        for fault in FAULTS + (LATE if name == "switch" else []):
            halfway: list[Halfway] = []
            calls = trial(scenario, {first: fault}, keep=None if fault.kind == "late" else halfway)
            ran += 1
            for second in range(first + 1, len(calls)):
                since = next((stood for stood in reversed(halfway) if second >= stood.calls), None)
                for another in FAULTS:
                    trial(scenario, {first: fault, second: another}, since)
                    ran += 1
    combinations[scenario.name] = ran
    assert ran > 100


@pytest.mark.parametrize("scenario", SCENARIOS + SICK, ids=lambda scenario: scenario.name)
def test_a_trial_from_halfway_goes_on_as_the_whole_one(scenario):
    """What spares the others half of their work does not change what they try."""
    for first in range(len(trial(scenario, {}))):
        for fault in FAULTS:
            halfway: list[Halfway] = []
            calls = trial(scenario, {first: fault}, keep=halfway)
            for stood in halfway:
                assert trial(scenario, {first: fault}, stood) == calls[stood.calls :]
                second = {first: fault, stood.calls + 1: Fault("crash")}
                assert trial(scenario, second, stood) == trial(scenario, second)[stood.calls :]


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

    def carry_out(self, name, call, error, later):
        if self.script.calls >= self.first:
            self.script.calls += 1
            self.script.names.append("unanswered")
            raise ProxyUnreachable("The proxy does not answer.")
        return self.script.carry_out(name, call, error, later)
