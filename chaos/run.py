"""Bad things at random moments of real commands, under traffic; then one ordinary command, and all has to be well.

    bin/chaos --rounds 300 --seed 7 --json
    bin/chaos --runtime docker --rounds 100 --json
    bin/chaos --boundaries --json        kill the command before, after and within each port call of every flow

A seed gives the same operations, bad things and moments; what the machine does meanwhile is its own. A round that
failed leaves its story in a folder that is printed.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

from boundaries import SCENARIOS, WHEN, Boundaries
from rounds import Chaos
from runtimes import KINDS


def main() -> int:
    given = _arguments()
    _take_signals()
    seed = given.seed if given.seed is not None else random.SystemRandom().randrange(10**6)
    folder = Path(tempfile.mkdtemp(prefix="chaos-"))
    if given.boundaries:
        boundaries = Boundaries(folder, seed, KINDS[given.runtime], as_json=given.json)
        boundaries.say(f"Seed {seed}; what is done is told in {folder}/commands.log")
        told = boundaries.run(given.only, given.when, given.sample, given.seconds, given.begin, given.at)
    else:
        chaos = Chaos(folder, seed, KINDS[given.runtime], as_json=given.json)
        chaos.say(f"Seed {seed}; what is done is told in {folder}/commands.log")
        told = chaos.run(given.rounds, given.seconds, given.harm, given.without)
    return _end(told, folder, as_json=given.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="bin/chaos", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--seed", type=int, help="a fresh one is chosen, and printed, when none is given")
    parser.add_argument("--seconds", type=float, default=7200.0, help="begin nothing more after that time")
    parser.add_argument("--runtime", choices=list(KINDS), default="process")
    parser.add_argument("--without", metavar="NAME", help="leave this bad thing out, and say so")
    parser.add_argument("--harm", metavar="NAME", help='the same bad thing in every round: "disk full"')
    parser.add_argument("--boundaries", action="store_true", help="every port call instead of random moments")
    parser.add_argument("--begin", type=int, default=0, metavar="N", help="boundaries: leave out the first N calls")
    parser.add_argument(
        "--at", metavar="CALL:WHEN", action="append", default=[],
        help="boundaries: only there, such as switch:after, 17:before, swap_data:0.2 (seconds of it)",
    )  # fmt: skip
    parser.add_argument("--sample", type=int, help="only that many boundaries, chosen by the seed")
    flows = [scenario.name for scenario in SCENARIOS]
    parser.add_argument(
        "--only", choices=flows, metavar="FLOW", action="append", default=[],
        help=f"boundaries of one flow, or of each that is given: {'; '.join(flows)}",
    )  # fmt: skip
    parser.add_argument("--when", choices=WHEN, help="boundaries: killed only so; all of them when not given")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    given = parser.parse_args()
    harms = KINDS[given.runtime].harm
    if any(name not in (None, *harms.ours, *harms.others) for name in (given.harm, given.without)):
        parser.error(f"--harm and --without are one of: {', '.join(harms.ours + harms.others)}")
    if given.without:
        print(f"LEFT OUT: rounds with '{given.without}'", file=sys.stderr, flush=True)
    if os.geteuid() != 0:
        parser.error("it mounts a small disk of its own, which only root can do")
    return given


def _take_signals() -> None:
    """In the background of a shell SIGINT is ignored, and every command that is started inherits that: a signal that
    nobody hears would harm nobody. An end by SIGTERM cleans up too."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))


def _end(told: dict[str, Any], folder: Path, *, as_json: bool) -> int:
    ok = not told["violations"] and not told["failed_requests"]
    if ok:
        shutil.rmtree(folder)
    if as_json:
        print(json.dumps(told))
    else:
        print(json.dumps({key: value for key, value in told.items() if key != "violations"}, indent=1))
        print("OK" if ok else f"NOT OK: {len(told['violations'])} violations; see {folder}")
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
