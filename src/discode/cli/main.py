"""The `discode` command. Imports stay late: `discode --help` has to be there at once."""

from __future__ import annotations

import atexit
import gc
import os
import sys
from collections.abc import Sequence
from typing import Annotated, Any, NoReturn

import typer
from typer.core import TyperGroup

from ..core.errors import DiscodeError
from ..disk.modes import set_umask
from .later import Later, lean
from .signals import install_handlers

# A line with \b keeps the lines after it as they are.
HELP = """Install and update self-hosted web applications without an outage.

\b
A customer:   discode install myapp --from SOURCE, then discode update myapp
A vendor:     discode release init, release publish, license issue
An operator:  discode doctor, settle --all, edge --help, hub --help

\b
Every command takes --json. Exit codes:
  0 done, or nothing to do      4 refused; nothing was changed
  1 a bug in Discode            5 failed; the old version is back
  2 usage                       6 another command is running
  3 no such app                 7 engine, proxy or release source unreachable
"""

app = typer.Typer(
    help=HELP, no_args_is_help=True, rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip
# Where each command is, in the order of the help.
PLACES = {
    "install": "install.install",
    "update": "update.update",
    "auto": "auto.auto",
    "rollback": "customer.rollback",
    "restart": "customer.restart",
    "stop": "customer.stop",
    "start": "customer.start",
    "uninstall": "customer.uninstall",
    "prune": "customer.prune",
    "backup": "backup.app",
    "restore": "restore.restore",
    "export": "export.export",
    "import": "export.import_",
    "status": "inspect.status",
    "list": "inspect.list_",
    "open": "open.open_",
    "logs": "logs.logs",
    "exec": "console.exec_",
    "run": "console.run",
    "history": "inspect.history",
    "notify": "notify.app",
    "doctor": "host.doctor",
    "settle": "host.settle",
    "agent": "agent.app",
    "trust": "host.trust",
    "guard": "host.guard",
    "report": "report.report",
    "config": "settings.app",
    "source": "source.app",
    "domain": "domain.app",
    "certificate": "certificate.app",
    "proxy": "proxy.app",
    "release": "release.app",
    "license": "license.app",
    "hub": "hub.app",
}
HIDDEN = ("guard",)
# Commands whose exit code is that of another program, and the one of their own errors then.
OTHERS_CODE, OWN_ERROR = ("exec", "run"), 125
# Objects between two collections of garbage: importing makes many that stay, and a command has ended before it matters.
COLLECT_AFTER = 100_000
# The class that ends a usage error, of Click or of Typer's own copy of it.
_CLICK_ERROR: type[Exception] = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")


def _print_version(wanted: bool) -> None:
    if wanted:
        from .. import __version__

        print(f"discode {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", is_eager=True, callback=_print_version)
    ] = False,
) -> None:
    """Options of the command itself; its help is `HELP`."""


def command() -> Any:
    """The whole command, with everything below it still to be imported."""
    group = lean(typer.main.get_command(app))
    assert isinstance(group, TyperGroup)
    for name, place in PLACES.items():
        group.add_command(Later(name, place, hidden=name in HIDDEN))
    return group


def main(arguments: Sequence[str] | None = None) -> None:
    """Never returns: exits with the code that the design names."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    _open_what_is_closed()
    set_umask()
    if words[:1] == ["edge"]:
        from ..edge.__main__ import main as edge

        raise SystemExit(edge(words[1:]))
    install_handlers()
    if words[:1] in (["hub"], ["agent"]):  # which may run for months
        sys.exit(_run(words))
    gc.set_threshold(COLLECT_AFTER)
    _leave(_run(words))


def _open_what_is_closed() -> None:
    """Standard streams that the caller has closed (`2>&-`): Python has None for them, and their numbers would be given
    to the next files that are opened."""
    for number, (name, mode) in enumerate((("stdin", "r"), ("stdout", "w"), ("stderr", "w"))):
        if getattr(sys, name) is None:
            nothing = os.open(os.devnull, os.O_RDWR)
            if nothing != number:
                os.dup2(nothing, number)
                os.close(nothing)
            setattr(sys, name, open(number, mode))  # noqa: SIM115, PTH123 - lives as long as the process


def _leave(code: int) -> NoReturn:
    """Exit without taking down what was imported, piece by piece: a fifth of the time of `discode list`."""
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # Python says what became of the output
    os._exit(code)


def _run(words: list[str]) -> int:
    from .errors import show

    as_json = "--json" in words[: words.index("--") if "--" in words else None]
    try:
        code = command()(args=words, prog_name="discode", standalone_mode=False)
    except DiscodeError as error:
        return show(error, as_json=as_json, code=_code_of(error, words))
    except _CLICK_ERROR as error:
        return _show_usage(error, as_json=as_json, code=OWN_ERROR if words[0] in OTHERS_CODE else 2)
    except (typer.Abort, KeyboardInterrupt):
        print("Stopped.", file=sys.stderr)
        return 5
    except BrokenPipeError:
        # Whoever read us (`| head`) has gone. Python would complain once more while it flushes at exit.
        sys.stderr.close()
        return 0
    return code if isinstance(code, int) else 0


def _code_of(error: DiscodeError, words: list[str]) -> int:
    if words[0] not in OTHERS_CODE or error.exit_code > OWN_ERROR:
        return error.exit_code
    return OWN_ERROR


def _show_usage(error: BaseException, *, as_json: bool, code: int) -> int:
    # Typer's words for a choice that there is not.
    error.message = error.message.replace("Value error, ", "")  # type: ignore[attr-defined]
    if as_json:
        from ..core.errors import UsageError
        from .errors import show

        told = UsageError(error.format_message(), "See: discode --help")  # type: ignore[attr-defined]
        return show(told, as_json=True, code=code)
    error.show()  # type: ignore[attr-defined]
    if code == OWN_ERROR:
        print("Give the command after --, as in: myapp -- ls -l", file=sys.stderr)
    return code
