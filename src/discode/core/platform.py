"""Which platforms a machine runs, in the words that images have for them: `os/architecture[/variant]`.

Source: <https://github.com/opencontainers/image-spec/blob/main/image-index.md#platform-variants>, and containerd's
rules for it: a machine runs its own variant of ARM and every older one.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_NAMES = {"x86_64": "amd64", "x86-64": "amd64", "aarch64": "arm64", "i386": "386", "i686": "386"}
_OLD_ARM = {"armhf": ("arm", "v7"), "armel": ("arm", "v6")}
_USUAL = {"arm": "v7", "arm64": "v8"}  # the variant of an image that names none
_KERNELS = {"armv5": "v5", "armv6": "v6", "armv7": "v7", "armv8": "v8", "aarch64": "v8"}  # as uname(1) has them


@dataclass(frozen=True)
class Platform:
    system: str
    architecture: str
    variant: str = ""

    def __str__(self) -> str:
        """`linux/arm64` needs no variant: there is one; `linux/arm` does."""
        shown = self.variant if self.architecture == "arm" else ""
        return "/".join(filter(None, (self.system, self.architecture, shown)))


def of(text: str) -> Platform:
    """`linux/arm64/v8` and `linux/aarch64` are `linux/arm64`, `linux/arm` is `linux/arm/v7`."""
    system, _, rest = text.partition("/")
    architecture, _, variant = rest.partition("/")
    return made(system, architecture, variant)


def made(system: str, architecture: str, variant: str = "") -> Platform:
    """Of the fields of an image, or of an index's entry."""
    name, implied = _OLD_ARM.get(architecture, (_NAMES.get(architecture, architecture), ""))
    found = variant or implied
    if name not in _USUAL:
        return Platform(system, name)
    return Platform(system, name, f"v{found.removeprefix('v')}" if found else _USUAL[name])


def of_machine(system: str, architecture: str, kernel: str) -> Platform:
    """Of an engine, which tells of ARM no variant: its kernel's name does, `armv6l`."""
    plain = made(system, architecture)
    variant = next((one for name, one in _KERNELS.items() if kernel.startswith(name)), "")
    return Platform(plain.system, plain.architecture, variant) if variant and plain.architecture == "arm" else plain


def runs(machine: Platform, image: Platform) -> bool:
    """Its own architecture, of ARM no newer variant; and of a PC, what 32-bit ones ran."""
    if machine.system != image.system:
        return False
    if machine.architecture != image.architecture:
        return (machine.architecture, image.architecture) == ("amd64", "386")
    return machine.architecture != "arm" or _number(image) <= _number(machine)


def best(machine: Platform, offered: Iterable[Platform]) -> Platform | None:
    """The one that suits it most: of its own architecture, the newest variant that it runs. None when it runs none."""
    own = (one for one in offered if runs(machine, one))
    return max(own, key=lambda one: (one.architecture == machine.architecture, _number(one)), default=None)


def _number(platform: Platform) -> int:
    digits = platform.variant.removeprefix("v")
    return int(digits) if digits.isdigit() else 0
