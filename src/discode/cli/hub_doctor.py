"""What `discode hub doctor` looks at, from the vendor's side: with the keys and an API token, over the network."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import DiscodeError
from ..core.hub_answers import Ends
from .finding import Finding

if TYPE_CHECKING:
    from ..core.ends import End
    from ..ports.repository import Trusted

_BUILD = "bin/build, in the folder of Discode's source; then on the hub's machine: discode hub build FILE"

_NO_KEY = (
    "the hub does not have the key that the root names, so it signs nothing and customers will get no more updates"
)


def examine(url: str, token_file: Path | None, keys: Path) -> list[Finding]:
    """Every check; one that cannot be made is a finding too, and ends the examination."""
    found: list[Finding] = []
    try:
        for finding in _examined(url, token_file, keys):
            found.append(finding)
    except DiscodeError as error:
        found.append(Finding(_stage(found), False, error.sentence, error.next_step))
    return found


def _stage(found: list[Finding]) -> str:
    return ("hub", "API token", "chain of roots")[min(len(found), 2)]


def _examined(url: str, token_file: Path | None, keys: Path) -> Iterator[Finding]:
    from .wiring_vendor import hub_about, hub_api, hub_repository

    about, options = hub_about(url), f"--hub {url} --keys {keys}"
    yield Finding("hub", True, f"{url} answers, vendor {about['vendor']}")
    told = hub_api(url, token_file).call("GET", "/api/v1/ends", Ends)
    yield Finding("API token", True, "the hub takes it")
    if not told["signs"]:
        yield Finding("online key", False, _NO_KEY, f"name the one it has: discode release key rotate online {options}")
        return
    trusted = hub_repository(url, token_file, keys).trusted()
    yield Finding("chain of roots", True, f"goes on from what your customers trust, up to root {trusted.root}")
    yield _root_keys(trusted)
    yield from map(_end, trusted.ends)
    no_build = f"there is no build of Discode on the hub, so customers cannot install it from there. {_BUILD}"
    yield Finding("installer", True, "install.sh has a build" if told["installs"] else no_build)
    yield _proxies(told.get("proxies", []))


def _proxies(unnamed: list[str]) -> Finding:
    if not unnamed:
        return Finding("reverse proxy", True, "no request came through one that the hub was not told of")
    named = ",".join(unnamed)
    what = f"requests come through {named}, which the hub was not told of, so all callers look like one to its limits"
    return Finding("reverse proxy", False, what, f"on the hub's machine: discode hub serve --trusted-proxies {named}")


def _root_keys(trusted: Trusted) -> Finding:
    absent = [key.identity[:8] for key in trusted.keys if key.role == "root" and key.file is None]
    words = "at hand: publish renews the root in time"
    if absent:
        words = f"not here ({', '.join(absent)}): the root is renewed where they are, with discode release renew"
    return Finding("root keys", True, words)


def _end(end: End) -> Finding:
    now = time.time()
    return Finding(end.what, end.step(now) is None, end.sentence(now), end.next_step)
