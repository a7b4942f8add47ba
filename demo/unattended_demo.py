"""`bin/demo --unattended`: nobody at the terminal. An agent updates an app under load, in windows; a bad release is
taken back, and a mail server and a webhook are told of each. All the while the agent is killed at random, and with it
the `notify check` that is under way. Exit code 0 only if no request failed, each release was taken once and in its
window, and each notice came to both, none under two numbers.

The windows are minutes, and open in the next one; the rest is as it is on any machine.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customer import APP, HOST, Machine
from mortal_agent import MortalAgent
from records import figures
from run import read_records
from stage import Trial, load, play_out
from unattended_heard import Expected, Heard, again, doubled, heard, lost

from rig.told import Hook, Mailbox
from rig.wait import WaitedInVain, wait_for

FIRST = "1.0.0"
RELEASES = (("1.1.0", "good"), ("1.2.0", "turns-bad"), ("1.3.0", "good"))
SERVES = {"1.1.0": "1.1.0", "1.2.0": "1.1.0", "1.3.0": "1.3.0"}  # after each of them
EXPECTED = (
    Expected(f"{APP} is updated to 1.1.0, from 1.0.0.", f"{APP} 1.1.0"),
    Expected(f"The update of {APP} to 1.2.0 failed:", f"{APP} 1.1.0"),
    Expected(f"{APP} is updated to 1.3.0, from 1.1.0.", f"{APP} 1.3.0"),
)
SHOWN = ("load", "releases", "killed", "notices", "seconds")  # of the result, without --json
KILLS = 50
MINUTE = 60.0
WINDOW = 2  # minutes
NOTICE = 5.0  # seconds that a window is ahead, at least
LONGEST = 1800.0  # seconds of load at the most


@dataclass
class Taken:
    """A release, and the windows that were open for it, by Unix time: another one when none of it was used."""

    version: str
    windows: list[tuple[float, float]] = field(default_factory=list)
    entries: list[dict[str, Any]] = field(default_factory=list)

    @property
    def is_in_a_window(self) -> bool:
        return all(any(opens <= one["started"] < closes for opens, closes in self.windows) for one in self.entries)

    def to_dict(self) -> dict[str, Any]:
        return {
            "version": self.version, "windows": len(self.windows),
            "updates": [
                {
                    "outcome": one["outcome"], "serves": one["serves"], "seconds": round(one["at"] - one["started"], 1),
                    "after_opening_s": round(one["started"] - self.windows[-1][0], 1),
                }
                for one in self.entries
            ],
        }  # fmt: skip


class UnattendedDemo(Trial):
    def __init__(self, folder: Path, *, as_json: bool, kills: int, seed: int):
        super().__init__(as_json=as_json)
        self.folder, self.kills = folder, kills
        self.machine = Machine(folder / "machine", confirm="3s")
        self.agent = MortalAgent(self.machine, seed)
        self.mailbox, self.hook = Mailbox(), Hook()
        self.taken = [Taken(version) for version, _ in RELEASES]
        self.seen["seed"] = seed

    def play(self) -> None:
        self.machine.folder.mkdir(parents=True)
        self._set_up()
        output = self.folder / "requests.jsonl"
        words = [str(self.machine.port), HOST, str(output), "--seconds", str(LONGEST)]
        with load("load.py", words, 60):
            with self.agent.dying():
                for taken, (version, behaviour) in zip(self.taken, RELEASES, strict=True):
                    self._release(taken, version, behaviour)
                wait_for(lambda: self.agent.killed >= self.kills, LONGEST, "the last of the kills")
            self._until_all_is_told()
        self.agent.stop()
        records, _ = read_records(output)
        self._judge(figures(records), self._came())

    def close(self) -> None:
        self.agent.stop()
        self.mailbox.close()
        self.hook.close()
        self.machine.close()

    def _set_up(self) -> None:
        self.say(f"The customer installs {FIRST}, and is told of things by mail and by a webhook")
        self.machine.init()
        self.machine.publish(FIRST, "good")
        self.machine.install()
        for name, url in (("mail", self.mailbox.url), ("webhook", self.hook.url)):
            path = self.folder / "address"
            path.touch(mode=0o600)
            path.write_text(url)
            self.machine.run("notify", "add", "--name", name, "--from-file", str(path))
        self.expect("greetings", (len(self.mailbox.taken), len(self.hook.taken)), (1, 1))

    def _release(self, taken: Taken, version: str, behaviour: str) -> None:
        """Published, and from then on nobody does anything but to open windows and to kill."""
        self.machine.publish(version, behaviour)
        self.say(f"{version} ({behaviour}) is published")
        before = self.agent.killed
        while not self._is_taken(version):
            opens, closes = self._open_a_window()
            taken.windows.append((opens, closes))
            with suppress(WaitedInVain):
                wait_for(lambda: self._is_taken(version), closes - time.time(), f"the update to {version}")
            # One that began just before the end goes on.
            wait_for(lambda: not self.machine.journals(), what="the end of what is under way")
        self.say(f"  {self.machine.version()} serves; {self.agent.killed - before} agents were killed meanwhile")

    def _open_a_window(self) -> tuple[float, float]:
        opens = (time.time() + NOTICE) // MINUTE * MINUTE + MINUTE
        closes = opens + WINDOW * MINUTE
        window = "-".join(time.strftime("%H:%M", time.gmtime(at)) for at in (opens, closes))
        self.machine.run("auto", APP, "on", "--window", window, "--zone", "UTC", "--delay", "0")
        self.say(f"  its window: {window} UTC")
        return opens, closes

    def _is_taken(self, version: str) -> bool:
        time.sleep(0.2)  # each look is a file that is read
        return any(one["to_version"] == version for one in self._updates())

    def _updates(self) -> list[dict[str, Any]]:
        path = self.machine.home / "apps" / APP / "history.jsonl"
        lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        return [one for one in map(json.loads, lines) if one["flow"] == "update"]

    def _until_all_is_told(self) -> None:
        """Or until it is plain that it will not be, which is told in the end."""
        self.say("The last agent lives, until all is told")
        with suppress(WaitedInVain):
            wait_for(lambda: not lost(self._came(), EXPECTED), 2 * 90 + MINUTE, "all of the notices")

    def _came(self) -> dict[str, list[Heard]]:
        time.sleep(0.1)
        return {"mail": heard(list(self.mailbox.taken)), "webhook": heard(list(self.hook.taken))}

    def _judge(self, requests: Mapping[str, Any], came: Mapping[str, list[Heard]]) -> None:
        for one in self.taken:
            one.entries = [entry for entry in self._updates() if entry["to_version"] == one.version]
        self.seen["load"] = {name: requests[name] for name in ("requests", "failed", "failures", "p50_ms", "p99_ms")}
        self.seen["releases"] = [one.to_dict() for one in self.taken]
        self.seen["killed"] = {"agents": self.agent.killed, "notice_checks": self.agent.checks}
        self.seen["notices"] = {
            name: {"told": len({one.number for one in own}), "told_again": again(own)} for name, own in came.items()
        }
        self.expect("failed requests", requests["failed"], 0)
        self.expect("requests were made", int(requests["requests"]) > 1000, True)
        self.expect("updates", [_outcome(one) for one in self._updates()], [_wanted(*one) for one in RELEASES])
        self.expect("each in its window", [one.is_in_a_window for one in self.taken], [True] * len(RELEASES))
        self.expect("what serves", self.machine.version(), SERVES[RELEASES[-1][0]])
        self.expect("agents that were killed, at least", min(self.agent.killed, self.kills), self.kills)
        self.expect("agents that ended by themselves", self.agent.ended, [])
        self.expect("notices that were lost", lost(came, EXPECTED), [])
        self.expect("notices under two numbers", doubled(came, EXPECTED), [])
        self.machine.uninstall()
        self.expect("left behind", {what: left for what, left in self.machine.leftovers().items() if left}, {})


def _outcome(entry: Mapping[str, Any]) -> tuple[str, str, str]:
    return entry["to_version"], entry["outcome"], entry["serves"]


def _wanted(version: str, behaviour: str) -> tuple[str, str, str]:
    return version, "done" if behaviour == "good" else "failed", SERVES[version]


def main() -> int:
    parser = argparse.ArgumentParser(prog="bin/demo --unattended", description=__doc__)
    parser.add_argument("--unattended", action="store_true", help="this demo")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    parser.add_argument("--kills", type=int, default=KILLS, help=f"how many agents at least; default {KILLS}")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="of the moments of the kills")
    given = parser.parse_args()
    return play_out(
        "unattended", lambda folder: UnattendedDemo(folder, as_json=given.json, kills=given.kills, seed=given.seed),
        SHOWN, as_json=given.json,
    )  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
