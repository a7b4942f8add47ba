"""Notices: each event is told once, with its recovery, to each address that wants it; whatever dies, and when."""

import re

import pytest
from scenarios import APP, in_memory, installed, with_next

from discode.core.errors import Busy, DiscodeError, RuntimeUnreachable
from discode.core.history import BACKUP, DRILL, GUARD, HistoryEntry
from discode.core.lease import Lease
from discode.core.notice_address import Address
from discode.core.quiet_hours import QuietHours
from discode.flows.notices import begin, check
from discode.flows.power import stop
from discode.flows.remove import remove
from discode.flows.rollback import rollback
from discode.flows.settle import settle_for_the_dead
from discode.flows.update import update
from discode.testing.faults import Crash, Fault, Faulty, Script
from discode.testing.memory_notices import MemoryNotices, MemorySurroundings
from discode.testing.memory_runtime import Behaviour

MINUTE, HOUR, DAY = 60.0, 3600.0, 86400.0
OPS = Address(name="ops", url="json://hooks.test/secret")


class Watched:
    """A host whose notices go to `ops`, looked at every minute."""

    def __init__(self, prepare=installed, addresses=(OPS,)):
        self.memory = in_memory(prepare)()
        self.notices, self.around = MemoryNotices(), MemorySurroundings()
        for address in addresses:
            self.notices.add(address)
        begin(self.memory.world(), self.notices)

    @property
    def world(self):
        return self.memory.world()

    def look(self, minutes=1):
        """So many times, a minute apart; the answer is what the last look did."""
        for _ in range(minutes):
            self.memory.system.time += MINUTE
            done = check(self.world, self.notices, self.around)
        return done

    def told(self, name="ops"):
        """The subjects, without the host's name; what came in one message is one."""
        return [one.subject.removeprefix("[web1] ") for one in self.notices.taken.get(name, [])]

    def end(self, flow, outcome="done", **fields):
        now = self.memory.system.time
        made = HistoryEntry(started=now, at=now, flow=flow, outcome=outcome, **fields)
        self.memory.store.append_history(APP, made)

    def sick(self, behaviour=Behaviour.NEVER_HEALTHY):
        self.memory.runtime.behaviours[self.memory.store.installations[APP].release.key] = behaviour


def failing(flow, world):
    with pytest.raises(DiscodeError):
        flow(world, APP)


def test_what_was_before_the_first_address_is_no_news():
    watched = Watched(with_next())
    assert watched.look(3).new == 0 and watched.told() == []
    assert len(watched.memory.store.history(APP)) == 1


def test_an_update_is_told_once_with_what_serves():
    watched = Watched(with_next())
    update(watched.world, APP)
    watched.look(3)
    [message] = watched.notices.taken["ops"]
    assert message.subject == "[web1] myapp is updated to 1.1, from 1.0"
    assert "Serving: myapp 1.1\nNext step: None. If it is not as it should be: discode rollback myapp" in message.body
    assert "notice 1, info)" in message.body and message.mood == "info"


def test_an_update_that_fails_is_told_with_the_version_that_serves():
    watched = Watched(with_next(Behaviour.NEVER_HEALTHY))
    failing(update, watched.world)
    watched.look(3)
    [message] = watched.notices.taken["ops"]
    assert message.subject == "[web1] myapp: the update to 1.1 failed" and message.mood == "warning"
    assert "Serving: myapp 1.0\nNext step: discode history myapp" in message.body


def test_a_rollback_is_told():
    watched = Watched(with_next())
    update(watched.world, APP)
    rollback(watched.world, APP)
    watched.look(2)
    assert [message.body.count("Serving: ") for message in watched.notices.taken["ops"]] == [2]
    assert watched.told() == ["2 notices: myapp is updated to 1.1, from 1.0, …"]
    assert "myapp is back on 1.0, from 1.1." in watched.notices.taken["ops"][0].body


def test_what_was_settled_after_a_crash_is_told_once():
    rehearsal = Script({})
    watched = Watched(with_next())
    update(faulty(watched.memory, rehearsal), APP)
    for call in range(len(rehearsal.names)):
        watched = Watched(with_next())
        with pytest.raises(Crash):
            update(faulty(watched.memory, Script({call: Fault("crash")})), APP)
        watched.memory.store.release_all()
        settle_for_the_dead(watched.world, APP)
        watched.look(3)
        lines = watched.memory.store.history(APP)[1:]
        assert len(watched.told()) == len(lines), rehearsal.names[call]
        assert all("settled" in one.outcome or one.outcome == "done" for one in lines)


def faulty(memory, script):
    error = DiscodeError("It fails.")
    return memory.world(
        store=Faulty(memory.store, script, error), runtime=Faulty(memory.runtime, script, error),
        proxy=Faulty(memory.proxy, script, error),
    )  # fmt: skip


def test_a_guard_that_gave_up_is_told():
    watched = Watched()
    watched.end(GUARD, "failed", error="The guard of a killed update tried and gave up.")
    watched.look(2)
    assert watched.told() == ["myapp: an interrupted command could not be settled"]


def test_an_app_that_does_not_answer_is_told_and_that_it_answers_again():
    watched = Watched()
    watched.sick()
    watched.look()
    assert watched.told() == [], "one look may be bad luck"
    watched.look(5)
    watched.sick(Behaviour.GOOD)
    watched.look(5)
    assert watched.told() == ["myapp does not answer", "myapp answers again"]
    bad, good = watched.notices.taken["ops"]
    assert "Serving: nothing that answers\nNext step: discode logs myapp" in bad.body and bad.mood == "failure"
    assert "Serving: myapp 1.0" in good.body and good.mood == "success"


def test_an_app_that_is_stopped_or_gone_has_no_recovery():
    for end in (stop, remove):
        watched = Watched()
        watched.sick()
        watched.look(3)
        end(watched.world, APP)
        watched.look(3)
        assert watched.told() == ["myapp does not answer"], end


def test_while_a_flow_is_at_work_on_an_app_nobody_looks_at_what_it_does():
    update(faulty(Watched(with_next()).memory, script := Script({})), APP)
    watched, under_way = Watched(with_next()), script.names.index("write_journal") + 1
    with pytest.raises(Crash):
        update(faulty(watched.memory, Script({under_way: Fault("crash")})), APP)
    watched.memory.store.release_all()
    assert APP in watched.memory.store.journals
    watched.sick()
    watched.look(30)
    assert watched.told() == []
    watched.look(60)
    assert watched.told() == ["myapp does not answer"], "but not for ever"


def test_what_cannot_be_seen_stays_as_it_is():
    watched = Watched()
    watched.sick()
    watched.look(3)
    watched.memory.runtime.inspect = unreachable
    watched.look(10)
    assert watched.told() == ["myapp does not answer", "nobody knows whether myapp serves"]
    del watched.memory.runtime.inspect
    watched.sick(Behaviour.GOOD)
    watched.look(3)
    assert watched.told()[2:] == ["2 notices: myapp can be looked at again, …"]


def unreachable(name):
    raise RuntimeUnreachable("The engine does not answer.")


def test_files_that_are_damaged_are_told_and_nothing_else_of_that_app():
    watched = Watched()
    watched.sick()
    watched.look(3)
    watched.memory.store.damaged.add((APP, "installation"))
    watched.look(3)
    watched.memory.store.damaged.clear()
    watched.look(3)
    told = ["myapp does not answer", "the files of myapp are damaged", "the files of myapp are whole again"]
    assert watched.told() == told


def test_backups_and_drills_that_fail_are_told_once_with_their_recovery():
    watched = Watched()
    watched.memory.repositories.plans[APP] = plan(watched)
    for _ in range(4):
        watched.end(BACKUP, "failed", error="The storage does not answer.")
        watched.look(180)
    watched.end(DRILL, "failed", error="It never answered.")
    watched.look()
    watched.end(BACKUP)
    watched.end(DRILL)
    watched.look()
    assert watched.told() == [
        "the backup of myapp failed", "the restore drill of myapp failed", "2 notices: myapp is backed up again, …",
    ]  # fmt: skip


def plan(watched):
    from discode.core.backup_plan import BackupPlan

    return BackupPlan(app=APP, repository="/backups", at="03:00", since=watched.memory.system.time)


def test_backups_that_stop_are_told_after_two_days_and_the_clock_alone_does_not_make_them_good():
    watched = Watched()
    watched.memory.repositories.plans[APP] = plan(watched)
    watched.look()
    watched.memory.system.time += 2 * DAY
    watched.look(2)
    watched.memory.system.time -= 365 * DAY
    watched.look(2)
    watched.memory.system.time += 365 * DAY
    watched.look(2)
    assert watched.told() == ["the backups of myapp are old"]
    watched.end(BACKUP)
    watched.look(2)
    assert watched.told()[1:] == ["myapp is backed up again"]


def test_a_new_version_is_told_once_and_sources_are_asked_every_six_hours():
    watched = Watched()
    watched.around.offers[APP] = "1.1"
    watched.look(3)
    watched.around.offers[APP] = "1.2"
    watched.look(3)
    assert watched.told() == ["myapp 1.1 is available", "myapp 1.2 is available"]
    assert watched.around.asked == [APP]
    watched.memory.system.time += 6 * HOUR
    watched.look(2)
    assert watched.around.asked == [APP, APP]


def test_a_license_is_told_at_30_7_and_1_days_and_again_when_the_next_one_ends():
    watched = Watched()
    now = watched.memory.system.time
    watched.around.leases[APP] = lease(now, 31)
    watched.look()
    for days in (1.5, 22, 1, 5.5, 1):
        watched.memory.system.time += days * DAY
        watched.around.leases[APP] = watched.around.leases[APP].__class__(
            **{**watched.around.leases[APP].__dict__, "issued": watched.memory.system.time,
               "ends": now + 31 * DAY}
        )  # fmt: skip
        watched.look(2)
    watched.memory.system.time -= 365 * DAY
    watched.look(2)
    watched.memory.system.time += 365 * DAY
    watched.look(2)
    assert watched.told() == [
        "the license of myapp ends in 29 days", "the license of myapp ends in 6 days",
        "the license of myapp ends in less than a day", "the license of myapp has ended",
    ]  # fmt: skip
    watched.around.leases[APP] = lease(watched.memory.system.time, 365)
    watched.look(2)
    assert watched.told()[4:] == ["the license of myapp is renewed"]


def lease(now, days, license_ends=True):
    ends = now + min(days, 14) * DAY
    return Lease(APP, "0" * 32, "lic", "Acme", (), now, ends, now + days * DAY if license_ends else None)


def test_a_lease_that_is_not_renewed_is_told_where_the_license_goes_on():
    watched = Watched()
    watched.around.leases[APP] = lease(watched.memory.system.time, 14, license_ends=False)
    watched.look()
    watched.memory.system.time += 11 * DAY
    watched.look(2)
    watched.around.leases[APP] = lease(watched.memory.system.time, 14, license_ends=False)
    watched.look(2)
    assert watched.told() == ["the license of myapp is not renewed", "the lease of myapp is renewed"]


def test_a_disk_that_goes_up_and_down_around_its_limit_is_told_once():
    watched = Watched()
    for megabytes in (600, 500, 520, 500, 600, 500, 700, 600):
        watched.around.disk = megabytes << 20
        watched.look()
    assert watched.told() == ["the disk is nearly full", "there is room on the disk again"]
    watched.around.disk = None
    watched.look()
    assert len(watched.told()) == 2


def test_memory_that_is_short_for_minutes_is_told():
    watched = Watched()
    watched.memory.system.memory = 10 << 20
    watched.look(2)
    assert watched.told() == []
    watched.look(5)
    watched.memory.system.memory = 10**12
    watched.look(10)
    assert watched.told() == ["the memory is nearly full", "there is free memory again"]


def test_an_address_is_told_from_its_severity_on_and_of_the_recovery_too():
    calm = Address(name="calm", url="json://x/y", severity="critical")
    watched = Watched(with_next(Behaviour.NEVER_HEALTHY), (OPS, calm))
    failing(update, watched.world)
    watched.look()
    watched.sick()
    watched.look(3)
    watched.sick(Behaviour.GOOD)
    watched.look(3)
    assert watched.told("calm") == ["myapp does not answer", "myapp answers again"]
    assert len(watched.told("ops")) == 3


def test_quiet_hours_hold_back_all_but_the_worst_and_deliver_it_afterwards_as_one():
    """It is 22:13 UTC when it begins."""
    quiet = Address(name="quiet", url="json://x/y", quiet=QuietHours(begin="22:00", end="07:00", zone="UTC"))
    watched = Watched(with_next(), (quiet,))
    update(watched.world, APP)
    rollback(watched.world, APP)
    watched.look(3)
    assert watched.told("quiet") == []
    watched.sick()
    watched.look(3)
    assert watched.told("quiet") == ["myapp does not answer"]
    watched.look(9 * 60)
    assert watched.told("quiet")[1:] == ["2 notices: myapp is updated to 1.1, from 1.0, …"]


def test_a_mail_server_that_is_down_for_a_day_gets_all_of_it_later_and_is_not_asked_all_the_time():
    watched = Watched(with_next())
    watched.notices.away.add("ops")
    update(watched.world, APP)
    watched.look(24 * 60)
    assert watched.told() == [] and 20 < watched.notices.tries < 40
    [waiting] = watched.notices.kept.outboxes["ops"].waiting
    assert waiting.event == "update-done"
    watched.notices.away.clear()
    watched.look(61)
    assert watched.told() == ["myapp is updated to 1.1, from 1.0"]
    assert watched.notices.kept.outboxes["ops"].tries == 0


def test_the_worst_is_tried_at_once_though_the_last_try_was_in_vain():
    watched = Watched(with_next())
    watched.notices.away.add("ops")
    update(watched.world, APP)
    watched.look(10 * 60)
    tries = watched.notices.tries
    watched.notices.away.clear()
    watched.sick()
    watched.look(3)
    assert watched.notices.tries == tries + 1 and watched.told() == ["2 notices: myapp does not answer, …"]


def test_what_there_is_no_room_for_is_counted_and_the_worst_stays():
    watched = Watched()
    watched.notices.away.add("ops")
    watched.sick()
    watched.look(3)
    for number in range(150):
        watched.end("update", from_version=f"1.{number}", to_version=f"1.{number + 1}", serves=f"1.{number + 1}")
        watched.look()
    waiting = watched.notices.kept.outboxes["ops"].waiting
    assert len(waiting) == 100 and waiting[0].event == "answers"
    watched.notices.away.clear()
    watched.look(61)
    [message] = watched.notices.taken["ops"]
    assert message.body.startswith("51 earlier notices were dropped: more than can be kept were waiting.")
    assert "updated to 1.150" in message.body and "updated to 1.51," not in message.body
    watched.end("update", to_version="2", serves="2")
    watched.look()
    assert "dropped" not in watched.notices.taken["ops"][1].body


def test_one_address_that_is_away_keeps_nothing_from_another():
    other = Address(name="other", url="json://x/y")
    watched = Watched(with_next(), (OPS, other))
    watched.notices.away.add("ops")
    update(watched.world, APP)
    done = watched.look()
    assert (done.sent, list(done.failed)) == (1, ["ops"]) and len(watched.told("other")) == 1


def test_two_at_once_are_kept_apart():
    watched = Watched()
    with watched.notices.alone(), pytest.raises(Busy):
        watched.look()


def test_the_dead_mans_address_is_called_every_hour_and_again_when_it_failed():
    watched = Watched(addresses=())
    watched.notices.set_heartbeat("https://health.test/ping")
    watched.look(3 * 60)
    assert watched.notices.beats == 3
    watched.memory.system.time -= 365 * DAY
    watched.look(2)
    assert watched.notices.beats == 4
    watched.notices.no_beat = True
    watched.look(70)
    watched.notices.no_beat = False
    watched.look(1)
    assert watched.notices.beats == 5 and watched.notices.kept.beat_trouble == ""


def test_with_the_last_address_all_is_forgotten_and_the_next_one_begins_anew():
    watched = Watched(with_next())
    watched.notices.known.clear()
    watched.look(2)
    update(watched.world, APP)
    watched.look(2)
    watched.notices.add(OPS)
    begin(watched.world, watched.notices)
    watched.look(2)
    assert watched.told() == []
    rollback(watched.world, APP)
    watched.look(2)
    assert watched.told() == ["myapp is back on 1.0, from 1.1"]


def test_an_app_that_is_installed_anew_does_not_tell_its_past():
    watched = Watched(with_next())
    update(watched.world, APP)
    watched.look(2)
    remove(watched.world, APP)
    watched.look(5)
    installed(watched.memory)
    watched.look(5)
    assert watched.told() == ["myapp is updated to 1.1, from 1.0"]


def eventful(watched, script=None):
    """A day with everything in it, in which a process may die: the next one goes on a minute later."""
    world, deaths = watched.world, 0
    error = DiscodeError("It fails.")
    notices = Faulty(watched.notices, script, error) if script else watched.notices
    around = Faulty(watched.around, script, error) if script else watched.around
    notices_ = Unlocked(notices, watched.notices)
    for step in STEPS:
        step(watched)
        for _ in range(3):
            watched.memory.system.time += MINUTE
            try:
                check(world, notices_, around)
            except Crash:
                deaths += 1
                watched.notices._is_locked = False
                script.revive()
    return deaths


class Unlocked:
    """Of a port whose calls go by a script: a lock is no call."""

    def __init__(self, port, memory):
        self._port, self.alone = port, memory.alone

    def __getattr__(self, name):
        return getattr(self._port, name)


STEPS = [
    lambda watched: update(watched.world, APP),
    lambda watched: watched.sick(),
    lambda watched: setattr(watched.around, "disk", 1),
    lambda watched: watched.sick(Behaviour.GOOD),
    lambda watched: watched.end(BACKUP),
    lambda watched: setattr(watched.around, "disk", 10**12),
    lambda watched: rollback(watched.world, APP),
]


def numbers(watched):
    return [int(one) for message in watched.notices.taken["ops"] for one in re.findall(r"notice (\d+),", message.body)]


def test_killed_before_any_call_nothing_is_lost_and_one_doubled_only_between_a_delivery_and_its_note():
    rehearsal, script = Watched(with_next()), Script({})
    eventful(rehearsal, script)
    expected = numbers(rehearsal)
    assert expected == [1, 2, 3, 4, 5, 6] and len(script.names) > 50
    for call, name in enumerate(script.names):
        watched = Watched(with_next())
        assert eventful(watched, Script({call: Fault("crash", "before")})) == 1, name
        found = numbers(watched)
        assert sorted(set(found)) == expected, name
        was_sent = name == "keep" and script.names[call - 1] == "send"
        assert (found == expected) == (not was_sent), (name, found)


def test_killed_once_a_message_is_out_it_is_sent_again():
    watched = Watched(with_next())
    watched.notices.send = dying_after(watched.notices.send)
    assert eventful(watched, Script({})) == 1
    assert numbers(watched) == [1, 1, 2, 3, 4, 5, 6]


def dying_after(send):
    """The message is out, and the process dies before it knows."""
    state = {"dead": False}

    def sent(address, message):
        send(address, message)
        if not state["dead"]:
            state["dead"] = True
            raise Crash

    return sent
