"""What an image starts by itself, and what becomes of a release's commands in it: they are given to its ENTRYPOINT.

Whether that runs them, only who made the image can know. So a vendor may say it, by `entrypoint`; where the image's own
words tell that it would not, nothing is published. Rules as in Docker:
<https://docs.docker.com/reference/dockerfile/#understand-how-cmd-and-entrypoint-interact>.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from .errors import Refused
from .vendor_file import VendorFile

# Programs that do nothing but run what they are given, and look after its children.
_INITS = {"tini", "tini-static", "docker-init", "dumb-init", "catatonit"}
_SHELLS = {"sh", "bash", "ash", "dash", "busybox"}
_USED = ("$@", "$*", "${@", "$0", "$1", "${1")  # in a shell's own words: it looks at what it is given


@dataclass(frozen=True)
class Started:
    """ENTRYPOINT and CMD of an image, in the exec form: a shell's form is `/bin/sh -c TEXT`."""

    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


def check_started(spec: VendorFile, image: Started) -> str:
    """What the vendor should know, or an empty text. Raises Refused when nothing, or the wrong thing, would start."""
    if spec.entrypoint is not None:
        return ""
    if not (image.entrypoint or image.command or spec.command):
        raise Refused(
            "The image has neither CMD nor ENTRYPOINT, and the file names no command: nothing would be started. "
            "Nothing was published.",
            "Add command: to the file, or CMD to the image.",
            key="no-command",
        )
    given = _given(spec, image)
    if not image.entrypoint or not given or image.entrypoint[0].rpartition("/")[2] in _INITS:
        return ""
    if _swallows(spec, image):
        raise _swallowed(image, given)
    [name, command], *_ = given.items()
    return (
        f"The image has an ENTRYPOINT, which is given the file's commands: {name} runs as {_shown(image, command)}. "
        f'If that does not run them (exec "$@"), add to the file: entrypoint: []; if it does, say so: '
        f"entrypoint: {_yaml(image.entrypoint)}"
    )


def _given(spec: VendorFile, image: Started) -> dict[str, Sequence[str]]:
    """The file's commands, by their names in it. One in place of an ENTRYPOINT's CMD is what Docker has them for."""
    found: dict[str, Sequence[str]] = {}
    if spec.command and _is_a_shells(image.entrypoint):
        found["command"] = spec.command
    if spec.release_command:
        found["release_command"] = spec.release_command
    return {**found, **spec.commands}


def _swallows(spec: VendorFile, image: Started) -> bool:
    """A shell's form never looks at what it is given; and what runs alone, or with options, is the app itself."""
    if _is_a_shells(image.entrypoint):
        return True
    usual = spec.command or image.command
    return not usual or usual[0].startswith("-")


def _is_a_shells(entrypoint: Sequence[str]) -> bool:
    if len(entrypoint) < 3 or entrypoint[0].rpartition("/")[2] not in _SHELLS or "-c" not in entrypoint[1:3]:
        return False
    return not any(word in " ".join(entrypoint[2:]) for word in _USED)


def _swallowed(image: Started, given: dict[str, Sequence[str]]) -> Refused:
    names, [name, command] = ", ".join(given), next(iter(given.items()))
    shown = _shown(image, command)
    runs_it = "" if _is_a_shells(image.entrypoint) else (
        f' If the ENTRYPOINT does run what it is given (exec "$@"), say so: entrypoint: {_yaml(image.entrypoint)}'
    )  # fmt: skip
    return Refused(
        f"The image's ENTRYPOINT would swallow {names}: {name} would run as {shown}, which starts the app once more. "
        "Nothing was published.",
        f"Add to the file: entrypoint: [], and for the app itself command: {_yaml(image.entrypoint + image.command)}."
        f"{runs_it}",
        key="entrypoint",
    )


def _shown(image: Started, command: Sequence[str]) -> str:
    return " ".join((*image.entrypoint, *command))


def _yaml(words: Sequence[str]) -> str:
    """JSON is YAML, too."""
    return json.dumps(list(words), ensure_ascii=False)
