"""Programs that `discode doctor --fix` installs from the distribution."""

from __future__ import annotations

import os
import shutil
import subprocess


def install(package: str, program: str, wanted: str) -> str:
    """What came of it, for people. `wanted`: what to install where there is no apt-get."""
    if shutil.which("apt-get") is None:
        return f"This system has no apt-get: install {wanted} with its own package manager."
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "install", "-y", "--no-install-recommends", package]
    for words in (command, ["apt-get", "update"], command):
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        if words is command and done.returncode == 0:
            return f"{program} is installed."
    return f"apt-get could not install {program}: {(done.stderr.strip().splitlines() or ['unknown reason'])[-1]}"
