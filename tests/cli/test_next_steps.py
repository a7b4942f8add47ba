"""Every command that Discode prints for somebody to type is one that its own parser takes: it was read from the source,
and parsed as the shell would pass it on. Those that need nothing more than one installed app are carried out, too."""

import ast
import re
import shlex
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import typer

import discode
from discode.cli.main import command
from place import APP, Place

HOUSE = Path(discode.__file__).parent
# What stands for the values that a text is made with, by what its source says; the first that fits.
VALUES = [
    (r"subject", "shop 1.2.0"), (r"options", "--hub https://hub.example --keys KEYS"), (r"days", "30"),
    (r"version|\bto\b", "1.2.0"), (r"url|address|hub|base", "https://hub.example"), (r"names|values", "NAME"),
    (r"folder|place|path|file", "/srv/x"), (r"scopes", "--scope release"),
]  # fmt: skip
WORD = re.compile(r"[^\s`]+")
END = ".,;:)"  # what follows a command in a sentence
CLICK_ERROR = next(cls for cls in typer.BadParameter.__mro__ if cls.__name__ == "ClickException")


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """What may be printed: every string but docstrings, and of those the examples in the help of commands."""
    tree = ast.parse(path.read_text())
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    # What others are told of the command that runs: its name.
    names = {id(part) for node in ast.walk(tree) if is_name_of_ours(node) for part in ast.walk(node)}
    inner = names | {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr) and id(node) not in names:
            yield node.lineno, "".join(shown(part) for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in inner:
            if id(node) not in docstrings:
                yield node.lineno, node.value
            elif "\b" in node.value:
                yield node.lineno, node.value.partition("\b")[2]


def is_name_of_ours(node: ast.AST) -> bool:
    if isinstance(node, ast.Call):
        return isinstance(node.func, ast.Attribute) and node.func.attr == "world"
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "GUARD"


def shown(part: ast.expr) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    source = ast.unparse(part.value)
    return next((value for pattern, value in VALUES if re.search(pattern, source)), "shop")


def commands(text: str) -> Iterator[str]:
    """Each one: from `discode` to the end of its line, its sentence or its quotation."""
    for line in re.sub(r"\\\n *", "", text).splitlines():  # a line that goes on in the next one is one
        for begin in re.finditer(r"(?<![\w/.$-])discode (?=[a-z])", line):
            words = []
            for word in WORD.finditer(line, begin.end()):
                quoted = line[word.end() : word.end() + 1] == "`"
                words.append(word[0].rstrip(END))
                if quoted or word[0] != words[-1] or line[word.end() :].startswith("  "):
                    break
            yield " ".join(["discode", *words])


def parsed(words: list[str]) -> None:
    """As `main` does it, but for carrying it out. Raises Click's errors."""
    if words[0] == "edge":
        return
    context = command().make_context("discode", list(words))
    while (rest := [*getattr(context, "_protected_args", ()), *context.args]) and hasattr(context.command, "commands"):
        name, inner, rest = context.command.resolve_command(context, rest)
        context = inner.make_context(name, rest, parent=context)


FOUND = sorted(
    {
        (said, f"{path.relative_to(HOUSE)}:{line}")
        for path in HOUSE.rglob("*.py")
        if "edge" not in path.relative_to(HOUSE).parts
        for line, text in texts(path)
        for said in commands(text)
    }
)


def test_they_are_found():
    assert len(FOUND) > 80
    assert [*commands("Start it: discode start shop. Then: discode stop shop")] == [
        "discode start shop", "discode stop shop",
    ]  # fmt: skip
    assert [*commands("see `discode logs shop` again, or (discode doctor).")] == ["discode logs shop", "discode doctor"]
    with pytest.raises(CLICK_ERROR):
        parsed(["license", "issue", "shop"])


@pytest.mark.parametrize(("said", "place"), FOUND)
def test_a_command_that_is_printed_can_be_typed(said, place, monkeypatch):
    for variable in ("DISCODE_HUB", "DISCODE_HUB_HOME"):
        monkeypatch.delenv(variable, raising=False)
    words = shlex.split(said.partition(" < ")[0])[1:]
    try:
        parsed(words)
    except typer.Exit as done:
        assert done.exit_code == 0, place  # its help
    except CLICK_ERROR as error:
        if place.startswith("cli/main.py") and error.format_message().startswith("Missing"):
            return  # the overview names commands
        raise AssertionError(f"{place}: {said}: {error.format_message()}") from None


# In this order: what looks, then what changes, then what ends the app.
GROUPS = [
    "status", "logs", "config get", "domain list", "doctor", "proxy config", "proxy status", "proxy dns providers",
    "rollback", "update", "restart", "settle", "prune", "stop", "start", "uninstall",
]  # fmt: skip
LEFT_OUT = {
    r"-f\b": "follows for ever",
    r"update --check$": "the name of a command in its lock, without the app",
    r"--fix": "asks systemd of this machine",
    r"[A-Z]{2,}|…|[{}(]|shopshop|shop1\.2\.0|(set|unset|providers) shop": "a value that this test does not know",
    r"proxy config set|proxy config unset|proxy update": "changes the proxy, by files and hosts that are not here",
    r"--with-data": "needs a backup",
}
# Other groups are parsed alone: most need what is not here, such as a hub, a repository of backups or a terminal, and
# have tests of their own that carry out what is printed.


def carried_out():
    filled = {re.sub(r"\b(myapp|APP)\b", APP, said) for said, _ in FOUND}
    for group in GROUPS:
        for said in sorted(filled):
            is_whole = re.match(rf"discode {group}(?= |$)", said)
            if is_whole and not any(re.search(pattern, said) for pattern in LEFT_OUT):
                yield said


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    with closing(Place(tmp_path_factory.mktemp("next"))) as made:
        made.init()
        made.publish("1.0.0")
        made.install()
        yield made


def test_what_is_printed_is_carried_out(shop):
    said, bad = [*carried_out()], []
    assert len(said) > 15
    for one in said:
        told = shop.run(*shlex.split(one.replace("--process shop", "--process web"))[1:], code=None)
        if told.code in (1, 2) or "Traceback" in told.err:
            bad.append(f"{one}: {told.code} {told.err[-300:]}")
    assert not bad, "\n".join(bad)
