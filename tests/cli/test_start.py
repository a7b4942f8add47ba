"""What `discode` reads before it does anything: help, completion and what they import."""

import json
import os
import re
import subprocess
import sys

import pytest

from discode.cli.main import PLACES, command

IMPORTED = """
import atexit, json, sys
from discode.cli.main import main
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules))))
main()
"""


def modules(*words, home):
    """What a command has imported at its end."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED, *words], capture_output=True, text=True, check=True,
        env={**os.environ, "DISCODE_HOME": str(home)},
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def completions(*words):
    """What Bash offers behind `words`, the last of which is unfinished."""
    told = {
        "_DISCODE_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(["discode", *words]),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-m", "discode"], capture_output=True, text=True, check=True, env={**os.environ, **told}
    )
    return done.stdout.split()


def test_the_help_has_a_line_for_each_command():
    done = subprocess.run([sys.executable, "-m", "discode", "--help"], capture_output=True, text=True, check=True)
    listed = re.findall(r"^  (\S+) +\S", done.stdout.partition("Commands:")[2], re.MULTILINE)
    assert listed == [name for name in PLACES if name != "guard"]


@pytest.mark.parametrize("name", PLACES)
def test_each_command_has_a_help_of_its_own(name):
    found = command().commands[name]
    with found.make_context(name, [], resilient_parsing=True) as context:
        help = context.command.get_help(context)
    assert help.startswith(f"Usage: {name} ")
    assert found.get_short_help_str(40).rstrip(".") in " ".join(help.split())


def pages(group, *names):
    for name in group.list_commands(None):
        found = group.get_command(None, name)
        with found.make_context(name, [], resilient_parsing=True, terminal_width=80) as context:
            yield (*names, name), context.command.get_help(context)
            if hasattr(context.command, "list_commands"):
                yield from pages(context.command, *names, name)


def test_help_fits_a_terminal_of_80_columns():
    told = {names: help.splitlines() for names, help in pages(command())}
    assert ("domain", "add") in told
    assert not {names: line for names, lines in told.items() for line in lines if len(line) > 80}


def test_names_options_and_values_are_completed():
    assert completions("up") == ["update"]
    assert {"get", "set"} == set(completions("config", ""))
    assert "--retry" in completions("update", "--re")
    assert completions("install", "--proxy", "ed") == ["edge"]


def test_a_misspelt_command_is_told_of():
    done = subprocess.run([sys.executable, "-m", "discode", "updte"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "Did you mean 'update'?" in done.stderr


def test_the_help_imports_no_part_of_the_work(tmp_path):
    found = modules("--help", home=tmp_path)
    assert not found.intersection(("pydantic", "docker", "tuf", "httpx", "rich.console", "yaml"))
    assert not any(name.startswith(("discode.flows", "discode.ports", "discode.adapters")) for name in found)


@pytest.mark.parametrize(
    "words", [["list"], ["settle", "--all"], ["proxy", "status"], ["notify", "list"], ["notify", "check"]]
)
def test_what_only_looks_imports_no_library_of_the_work(words, tmp_path):
    found = modules(*words, home=tmp_path)
    assert not found.intersection(("pydantic", "docker", "tuf", "httpx", "rich.console", "tomlkit", "yaml"))
    assert "apprise" not in found
    assert not found.intersection(("dns", "psutil", "idna", "discode.core.name_checks", "discode.core.own_certificate"))
    assert not found.intersection(("sqlite3", "discode.core.platform", "discode.adapters.files.backup_plans"))


def test_containers_are_worked_with_without_what_few_commands_need():
    """What runs programs for people, and what `doctor` looks at."""
    line = "import sys, discode.adapters.docker; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", line], capture_output=True, text=True, check=True).stdout.split()
    assert "discode.adapters.docker.runtime" in found
    programs = {f"discode.adapters.docker.{name}" for name in ("console", "executed", "runs")}
    assert not {*programs, "discode.adapters.machine", "discode.core.name_checks"}.intersection(found)


def test_values_that_are_no_text_are_still_converted_and_refused(tmp_path):
    for words, told in (
        (["logs", "app", "--lines", "many"], "--lines"),
        (["prune", "app", "--keep", "3"], "--keep"),
        (["install", "app", "--proxy", "other"], "--proxy"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "discode", *words], capture_output=True, text=True, check=False,
            env={**os.environ, "DISCODE_HOME": str(tmp_path)},
        )  # fmt: skip
        assert (done.returncode, told in done.stderr) == (2, True), done.stderr
