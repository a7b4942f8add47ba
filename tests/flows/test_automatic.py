"""A week in minutes: three apps, their channels and ten releases, on a clock that the test drives."""

from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from discode.core.automatic import decide
from discode.core.automatic_plan import LOOK, AutomaticPlan, Outlook
from discode.core.errors import DiscodeError, Refused, ReleaseFailed, SourceUnreachable
from discode.core.installation import Route
from discode.core.rollout import place_of
from discode.flows.automatic import update_when_due
from discode.flows.install import InstallRequest, install
from discode.flows.power import stop
from discode.flows.settle import settle
from discode.flows.update import update
from discode.testing.faults import Crash
from discode.testing.memory_proxy import MemoryProxy
from discode.testing.memory_runtime import Behaviour
from discode.testing.memory_world import MemorySystem, MemoryWorld

BERLIN = ZoneInfo("Europe/Berlin")
DAY, HOUR = 86400.0, 3600.0
near = partial(pytest.approx, rel=0, abs=1.0)  # of times, to the second
YANKED = "It lost pictures."


def at(text, zone=BERLIN):
    return datetime.fromisoformat(text).replace(tzinfo=zone).timestamp()


class App:
    """On a host: what its vendor does at which time, and how it is updated."""

    def __init__(self, system, name, channel, events, **plan):
        self.name, self.events = name, sorted(events, key=lambda one: one[0])
        self.plan = AutomaticPlan(app=name, on=True, **plan)
        self.outlook = None
        self.memory = MemoryWorld(name)
        self.memory.system = self.system = system
        self.memory.accessories.now = system.now
        self.memory.publish("1.0", entry={"channels": [channel]})
        wanted = InstallRequest(name, "memory", channel, route=Route(hosts=(f"{name}.test",)))
        install(self.memory.world(), wanted)

    def vendor_acts(self):
        while self.events and self.events[0][0] <= self.system.time:
            self.events.pop(0)[1](self.memory.vendor)

    def next(self):
        """When something happens to it."""
        wakes = [self.events[0][0]] if self.events else []
        return min([*wakes, self.outlook.next if self.outlook else self.system.time])

    def look(self, **ports):
        """What the agent starts."""
        self.vendor_acts()
        if self.outlook is not None and not self.outlook.is_due(self.system.now()):
            return None
        return update_when_due(self.memory.world(**ports), self.name, self.plan, self.outlook, self.keep)

    def keep(self, outlook):
        self.outlook = outlook

    @property
    def version(self):
        return self.memory.store.installation(self.name).version

    def told(self):
        """What its history says of updates, in Berlin's time."""
        return [
            f"{datetime.fromtimestamp(one.started, BERLIN):%a %m-%d %H:%M} {one.to_version} {one.outcome}"
            for one in self.memory.store.entries[self.name] if one.flow == "update"
        ]  # fmt: skip


def published(when, version, behaviour=Behaviour.GOOD, **entry):
    told = {"published": f"{datetime.fromtimestamp(when, UTC):%Y-%m-%dT%H:%M:%SZ}", **entry}

    def act(vendor):
        release = vendor.publish(version, entry=told)
        vendor.behaviours[release.key] = behaviour

    return when, act


def yanked(when, version):
    def act(vendor):
        vendor.entries = [one.changed(yanked=YANKED) if one.version == version else one for one in vendor.entries]

    return when, act


def run_until(apps, end):
    """The agent's life: whoever is due is looked at, and time passes until the next one is."""
    system = apps[0].system
    while system.time < end:
        for app in apps:
            app.memory.vendor.behaviours = app.memory.runtime.behaviours
            try:
                app.look()
            except DiscodeError:
                assert app.outlook.next > system.time, "what fails is not tried at once again"
        system.time = max(min(app.next() for app in apps), system.time)


@pytest.fixture
def host():
    """From Monday, 19 October 2026; clocks go back on the Sunday."""
    system = MemorySystem()
    system.time = at("2026-10-19 00:00")
    shop = App(
        system, "shop", "stable",
        [
            published(at("2026-10-20 10:00"), "1.1"),
            published(at("2026-10-21 10:00"), "1.2"),
            yanked(at("2026-10-22 10:00"), "1.2"),
            published(at("2026-10-22 12:00"), "2.0", needs_consent=True),
            published(at("2026-10-24 12:00"), "1.1.1"),
        ],
        windows=("Sun 02:00-05:00",), zone="Europe/Berlin", delay=2 * DAY,
    )  # fmt: skip
    wiki = App(
        system, "wiki", "beta",
        [
            published(at("2026-10-19 12:00"), "1.1b1", Behaviour.NEVER_HEALTHY, channels=("beta",)),
            published(at("2026-10-20 12:00"), "1.3", channels=("stable",)),
            published(at("2026-10-21 12:00"), "1.2b1", channels=("beta",)),
        ],
        windows=("Mon-Fri 22:00-04:00",), zone="Europe/Berlin", delay=0.0,
    )  # fmt: skip
    mail = App(
        system, "mail", "stable",
        [
            published(at("2026-10-20 15:00"), "1.1", urgent=True),
            published(at("2026-10-23 09:00"), "1.2"),
        ],
        windows=("02:00-05:00",), zone="Europe/Berlin", delay=DAY, urgent_any_time=True,
    )  # fmt: skip
    return [shop, wiki, mail]


# Clocks go back on the Sunday, so its windows are an hour longer: 02:41 is after 34 % of their first half.
WEEK = {
    "shop": ["Sun 10-25 02:41 1.1 done"],
    "wiki": [
        "Tue 10-20 00:57 1.1b1 failed",
        "Tue 10-20 01:57 1.1b1 failed",
        "Wed 10-21 00:57 1.1b1 failed",
        "Thu 10-22 00:57 1.2b1 done",
    ],
    "mail": ["Tue 10-20 15:12 1.1 done", "Sun 10-25 02:25 1.2 done"],
}


def told(host):
    return {app.name: app.told() for app in host}


def test_a_week_goes_by_as_the_settings_say(host):
    shop, wiki, mail = host
    run_until(host, at("2026-10-27 12:00"))
    assert told(host) == WEEK
    assert (shop.version, wiki.version, mail.version) == ("1.1", "1.2b1", "1.2")
    assert (shop.outlook.version, shop.outlook.consent) == ("1.1.1", "2.0")
    assert shop.outlook.why == (
        "shop stays at 1.1 for now: 1.1.1 is installed by itself on Sun 2026-11-01 02:30 CET. "
        "2.0 needs your consent: discode update shop"
    )
    run_until(host, at("2026-11-03 12:00"))
    assert shop.told()[1:] == ["Sun 11-01 02:30 1.1.1 done"]
    assert shop.outlook.why == "shop stays at 1.1.1: 2.0 needs your consent. To install it: discode update shop"
    assert update(shop.memory.world(), "shop").to_version == "2.0", "a person takes it"


def test_every_place_is_in_the_first_half_of_the_window():
    """The seeds of these three, as they are told in the week."""
    places = [place_of(seed, "window") for seed in (f"{number:032x}" for number in range(1000))]
    assert 0 <= min(places) < 1 and 99 < max(places) < 100 and 45 < sum(places) / 1000 < 55


@pytest.mark.parametrize("every", [2, 3, 5])
def test_a_command_that_is_killed_before_it_could_keep_what_it_found_is_made_up_for(host, every):
    """Once in so many times; the week is the same, for all that counts is what was done."""
    count = 0

    def killed(app):
        def keep(outlook):
            nonlocal count
            count += 1
            if count % every == 0:
                raise Crash
            app.outlook = outlook

        return keep

    for app in host:
        app.keep = killed(app)
        app.look = _surviving(app.look)
    run_until(host, at("2026-10-27 12:00"))
    assert told(host) == WEEK and count > 300


def _surviving(look):
    def again(**ports):
        for _ in range(3):
            try:
                return look(**ports)
            except Crash:
                continue
        raise AssertionError("it was killed every time")

    return again


def test_a_source_that_is_away_for_an_hour_delays_and_loses_nothing(host):
    shop, *_ = host
    run_until(host, at("2026-10-25 02:00"))
    shop.memory.vendor.away = True
    run_until(host, at("2026-10-25 02:50"))
    assert shop.told() == [] and "cannot be reached" in shop.outlook.why
    shop.memory.vendor.away = False
    run_until(host, at("2026-10-25 04:30"))
    assert len(shop.told()) == 1 and shop.version == "1.1"


@pytest.mark.parametrize("jump", [-365 * DAY, 365 * DAY])
def test_a_clock_that_jumps_does_nothing_twice_and_starves_nothing(host, jump):
    shop, *_ = host
    run_until(host, at("2026-10-23 12:00"))
    shop.system.time += jump
    run_until(host, shop.system.time + DAY)
    shop.system.time -= jump
    run_until(host, at("2026-10-27 12:00"))
    versions = [[one.to_version for one in app.memory.store.entries[app.name][1:]] for app in host]
    assert versions[1:] == [["1.1b1"] * 3 + ["1.2b1"], ["1.1", "1.2"]]
    assert versions[0] == ["1.1" if jump < 0 else "1.1.1"], "of a year ahead, what its window brought"
    assert shop.outlook.next - shop.system.time <= LOOK


def app_of(system=None, **plan):
    return App(system or MemorySystem(), "myapp", "stable", [], **plan)


def test_off_is_told_and_nothing_is_asked():
    one = app_of()
    one.memory.vendor.away = True
    world = one.memory.world()
    for plan in (None, one.plan.changed(on=False)):
        result = update_when_due(world, "myapp", plan, None, one.keep)
        assert result.outcome == "nothing-to-do" and result.message.startswith("Automatic updates of myapp are off.")
    assert one.outlook is None


def test_a_stopped_app_stays_as_it_is():
    one = app_of(windows=("always",), delay=0.0)
    one.memory.publish("1.1", entry={"published": ""})
    stop(one.memory.world(), "myapp")
    result = one.look()
    assert result.outcome == "nothing-to-do" and "is stopped" in result.message and one.version == "1.0"
    assert one.outlook.next == one.outlook.looked + LOOK


def test_what_is_due_goes_by_the_steps_that_the_vendor_requires():
    one = app_of(windows=("always",), delay=0.0)
    one.memory.publish("1.5")
    one.memory.publish("1.9", requires=">=1.5")
    one.look()
    one.system.time = one.outlook.next
    assert one.look().to_version == "1.9"
    entries = one.memory.store.entries["myapp"]
    assert [(entry.to_version, entry.automatic) for entry in entries] == [("1.0", False), ("1.5", True), ("1.9", True)]


def test_one_that_was_killed_and_settled_is_still_told_as_one_that_nobody_typed():
    class Killing(MemoryProxy):
        def __init__(self, proxy):
            self.__dict__.update(proxy.__dict__)

        def drained(self, service, timeout):
            raise Crash

    one = app_of(windows=("always",), delay=0.0)
    one.memory.publish("1.1")
    one.look()
    one.system.time = one.outlook.next
    with pytest.raises(Crash):
        one.look(proxy=Killing(one.memory.proxy))
    one.memory.store.release_all()
    world = one.memory.world()
    settle(world, "myapp", world.steps())
    last = one.memory.store.entries["myapp"][-1]
    assert (last.outcome, last.to_version, last.automatic) == ("settled-forward", "1.1", True)
    one.memory.publish("1.2")
    update(world, "myapp")
    assert not one.memory.store.entries["myapp"][-1].automatic


def test_a_failure_says_what_it_was_and_is_not_tried_at_once():
    one = app_of(windows=("always",), delay=0.0)
    one.memory.publish("1.1", Behaviour.NEVER_HEALTHY)
    one.look()
    one.system.time = one.outlook.next
    with pytest.raises(ReleaseFailed):
        one.look()
    assert one.version == "1.0" and one.outlook.next == one.system.time + HOUR and "1.1" in one.outlook.why
    assert one.look() is None


@pytest.mark.parametrize(("trouble", "soon"), [(SourceUnreachable("Away."), True), (Refused("No."), False)])
def test_what_was_in_the_way_is_tried_sooner_than_what_was_refused(trouble, soon):
    one = app_of()

    class Away:
        def index(self):
            raise trouble

    with pytest.raises(type(trouble)):
        one.look(releases=Away())
    assert one.outlook.next - one.outlook.looked == (600.0 if soon else LOOK)
    assert one.outlook.why == trouble.sentence


def test_a_plan_is_decided_without_a_world():
    """The decision is pure: the same index, memory and clock give the same answer."""
    one = app_of(windows=("always",), delay=0.0)
    one.memory.publish("1.1")
    index, installation = one.memory.vendor.index(), one.memory.store.installation("myapp").seeded("5" * 32)
    known = Outlook(looked=0.0, next=0.0)
    due = decide(one.plan, installation, index, known, 1_800_000_000.0)
    assert due == decide(one.plan, installation, index, known, 1_800_000_000.0) and due.step is None
    assert due.outlook.at == near(1_800_000_000.0 + place_of("5" * 32, "window") / 100 * HOUR)
