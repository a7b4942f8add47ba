"""How slow this machine is just now: for a deadline that is to be missed, and not before a program has come up."""

from __future__ import annotations

import math
import subprocess
import sys
import time

STARTS = 10  # of Python, in which a program has come up: most of its way is Python's own, and load comes and goes


def seconds(least: int) -> int:
    """So many; on a busy machine what the start of a program in Python takes there now, many times."""
    begun = time.monotonic()
    subprocess.run([sys.executable, "-I", "-c", "import http.server, sqlite3"], check=True)
    return max(least, math.ceil(STARTS * (time.monotonic() - begun)))
