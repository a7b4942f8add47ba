"""This program, as another process would be started."""

from __future__ import annotations

import os
import sys


def this_program() -> list[str]:
    """The command line that starts another process like this one."""
    script = sys.argv[0]
    if os.path.basename(script) == "kamal-proxy":  # noqa: PTH119 - a command imports no pathlib
        return [os.path.abspath(script)]  # noqa: PTH100
    return [sys.executable, "-P", "-m", "discode.edge"]
