"""kamal-proxy's command contract, tried on a proxy: its black-box cases side by side, as each has services of its own.

Most of a case is waiting. The one that restarts the proxy would disturb the others, and comes after them.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SCRIPT = Path(__file__).parents[1] / "tests" / "contract" / "kamal_proxy_contract.py"
RESTARTS = "routes_survive_a_restart"
AT_ONCE = 3  # several cases measure times: they need a machine that is not too busy
LONGEST = 600.0  # seconds that one case may take


def cases() -> list[str]:
    return _output("--list").split()


def try_all(*options: str) -> dict[str, str]:
    """What the script says of each case, by its name; `options` are those of the script."""
    alone = [case for case in cases() if case != RESTARTS]
    with ThreadPoolExecutor(AT_ONCE) as pool:
        said = dict(zip(alone, pool.map(lambda case: _output("--only", case, *options), alone), strict=True))
    return {**said, RESTARTS: _output("--only", RESTARTS, *options)}


def failures(said: dict[str, str]) -> dict[str, str]:
    """What did not pass; a case that was left out has not passed either."""
    return {
        case: words for case, words in said.items() if words.splitlines() != [f"ok    {case}", "1 passed, 0 failed"]
    }


def _output(*words: str) -> str:
    command: Sequence[str] = (sys.executable, str(SCRIPT), *words)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=LONGEST)
    return done.stdout
