"""What the agent starts and when, on clocks that the test drives: nothing twice, nothing starved, whatever hangs, fails
or jumps, and whoever was killed."""

from dataclasses import dataclass, field

import pytest

from discode.agent.agent import LONGEST, OVERDUE, Agent
from discode.agent.chores import CHORES, Due
from discode.agent.state import Job, State

SETTLE = ("settle", "--all", "--json")
YEAR = 365 * 86400.0


def update(app):
    return ("update", app, "--automatic", "--json")


@dataclass
class Process:
    """A command under way, as the agent sees it. `ends`: monotonic time of its end."""

    job: Job
    host: "Host"
    ends: float
    code: int = 0

    def fileno(self):
        return -1

    def has_ended(self):
        return self.host.monotonic >= self.ends

    def end(self, now):
        return self.job.changed(ended=now, code=self.code)


@dataclass
class Host:
    """A machine: two clocks, what is due there, and how long each command takes."""

    now: float = 1_800_000_000.0
    monotonic: float = 0.0
    due: dict = field(default_factory=dict)  # Unix time, by app
    takes: dict = field(default_factory=dict)  # seconds, by command; little for others
    started: list = field(default_factory=list)
    alive: dict = field(default_factory=dict)
    kept: tuple = ()
    trouble: Exception | None = None

    def updates(self, now):
        if self.trouble:
            raise self.trouble
        return [Due(update(app), at) for app, at in self.due.items()]

    def backups(self, now):
        return []

    def notices(self, now):
        return []

    def start(self, chore, words, now):
        if (trouble := self.takes.get(words)) == "impossible":
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.started.append((round(self.monotonic), words))
        job = Job(words=words, chore=chore, started=now, pid=len(self.started), born="x")
        self.alive[words] = Process(job, self, self.monotonic + (trouble or (0.2 if words == SETTLE else 1.0)))
        return self.alive[words]

    def adopt(self, job):
        found = self.alive.get(job.words)
        return found if found and not found.has_ended() else None

    def ended_unseen(self, job, now):
        return job.changed(ended=now, said="while nobody looked")

    def agent(self, state=None):
        def keep(jobs):
            self.kept = jobs

        made = Agent(self, self, keep, lambda: self.now, lambda: self.monotonic)
        made.take_over(state)
        return made

    def live(self, agent, seconds):
        """Time goes by, a turn each time that the agent asks for, and at each end of a command."""
        until = self.monotonic + seconds
        while self.monotonic < until:
            wait = agent.turn()
            ends = [one.ends - self.monotonic for one in self.alive.values() if one.ends > self.monotonic]
            step = max(min([wait, *ends, until - self.monotonic]), 0.001)
            self.now, self.monotonic = self.now + step, self.monotonic + step

    def times(self, words):
        return [at for at, one in self.started if one == words]

    @property
    def state(self):
        return State(pid=1, since=self.now, jobs=self.kept)


@pytest.fixture
def host():
    return Host()


def test_it_settles_at_once_and_every_five_minutes(host):
    host.live(host.agent(), 1500)
    assert host.times(SETTLE) == [0, 300, 600, 900, 1200] and {one.code for one in host.kept} == {0}


def test_an_update_is_started_when_it_is_due_and_sleep_ends_there(host):
    host.due["shop"] = host.now + 100
    agent = host.agent()
    agent.turn()
    host.monotonic, host.now = host.monotonic + 2, host.now + 2
    assert agent.turn() == pytest.approx(98)
    host.live(agent, 120)
    assert host.times(update("shop")) == [100]


def test_what_stays_due_is_tried_again_after_its_pause(host):
    host.due["shop"] = host.now
    host.live(host.agent(), 190)
    assert host.times(update("shop")) == [0, 60, 120, 180]


def test_what_a_look_has_found_to_be_due_soon_is_started_then(host):
    host.due["shop"] = host.now
    agent = host.agent()
    host.live(agent, 5)
    host.due["shop"] = host.now + 115
    host.live(agent, 200)
    assert host.times(update("shop"))[:2] == [0, 120]


def test_a_command_that_hangs_stops_the_others_for_an_hour_at_most_and_is_not_started_again(host):
    host.due, host.takes = {"shop": host.now, "wiki": host.now}, {update("shop"): 10 * OVERDUE}
    host.live(host.agent(), 2 * OVERDUE)
    assert host.times(update("shop")) == [0] and len(host.times(SETTLE)) == 24
    assert OVERDUE <= host.times(update("wiki"))[0] <= OVERDUE + LONGEST


def test_others_wait_until_the_apps_are_settled_for_that_takes_their_locks(host):
    host.due, host.takes = {"shop": host.now}, {SETTLE: 20.0}
    host.live(host.agent(), 70)
    assert host.times(update("shop")) == [20]


def test_others_do_not_wait_for_ever_for_one_that_hangs(host):
    host.due, host.takes = {"shop": host.now}, {SETTLE: 10 * OVERDUE}
    host.live(host.agent(), 400)
    assert host.times(update("shop")) == [300, 360] and host.times(SETTLE) == [0]


def test_apps_are_updated_one_after_the_other(host):
    host.due, host.takes = dict.fromkeys("abc", host.now), {update(app): 50.0 for app in "abc"}
    host.live(host.agent(), 200)
    assert [host.times(update(app)) for app in "abc"] == [[0, 150], [50], [100]], "none is starved"


def test_what_cannot_be_looked_at_or_started_stops_nothing_else(host):
    host.trouble = OSError("no such file")
    host.takes = {SETTLE: "impossible"}
    agent = host.agent()
    assert 0 < agent.turn() <= LONGEST and host.started == []
    [job] = host.kept
    assert (job.code, job.said) == (None, "It could not be started: Resource temporarily unavailable.")
    host.trouble, host.takes, host.due = None, {}, {"shop": host.now}
    host.live(agent, 400)
    assert host.times(update("shop"))[0] == 0 and host.times(SETTLE) == [300]


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
def test_a_clock_that_jumps_starts_nothing_twice_and_keeps_nothing_waiting(host, jump):
    host.due["shop"] = host.now
    agent = host.agent()
    host.live(agent, 250)
    host.now += jump
    host.due["shop"] += jump
    host.live(agent, 1000)
    assert host.times(SETTLE) == [0, 300, 600, 900, 1200]
    assert host.times(update("shop")) == list(range(0, 1250, 60))
    later = host.agent(host.state)
    host.now -= jump
    host.due["shop"] -= jump
    host.live(later, 60)
    assert 0 < len(host.times(update("shop"))) - 21 <= 2


def test_the_next_agent_goes_on_with_what_the_one_before_has_started(host):
    host.due, host.takes = {"shop": host.now}, {update("shop"): 30.0}
    host.live(host.agent(), 10)
    for _ in range(50):
        host.live(host.agent(host.state), 0.2)
    assert host.times(update("shop")) == [0], "it runs all the while"
    host.live(host.agent(host.state), 20)
    assert {job.words: job.code for job in host.kept}[update("shop")] == 0
    host.live(host.agent(host.state), 15)
    assert host.times(update("shop")) == [0], "its pause is not over, whoever has started it"
    host.live(host.agent(host.state), 60)
    assert host.times(update("shop")) == [0, 60]


def test_what_ended_while_no_agent_was_there_is_noted(host):
    host.due = {"shop": host.now}
    host.live(host.agent(), 0.5)
    host.monotonic, host.now = host.monotonic + 5, host.now + 5
    host.agent(host.state)
    assert {job.words: job.said for job in host.kept}[update("shop")] == "while nobody looked"


def test_commands_of_apps_that_are_gone_are_forgotten_in_time(host):
    host.due = {f"app{number}": host.now for number in range(300)}
    host.live(host.agent(), 400)
    assert 200 <= len(host.kept) <= 202


def test_each_chore_is_a_line():
    assert [one.name for one in CHORES] == ["settle", "update", "backup", "notice"]
    assert all(chore.pause >= 60 for chore in CHORES)
