"""The wings of the edge, and the way of a deploy through them, are as docs/design.md says."""

import ast
import re
import sys
from graphlib import TopologicalSorter
from itertools import groupby
from pathlib import Path

import pytest

import discode.edge
from discode.edge.program.server import execute

EDGE = Path(discode.edge.__file__).parent
DESIGN = (Path(__file__).parents[2] / "docs" / "design.md").read_text()
MODULES = sorted(path for path in EDGE.rglob("*.py") if path != EDGE / "__init__.py")


def section(title):
    return DESIGN.partition(f"### {title}\n")[2].partition("\n#")[0]


def arrows():
    """From each wing of the picture to those that its arrows lead to."""
    picture = section("The wings of the edge").partition("```mermaid")[2].partition("```")[0]
    found = {}
    for line in re.findall(r"^ *(\S.*-->.*)$", picture, re.MULTILINE):
        begin, ends = line.split(" --> ")
        wing = begin.partition("[")[2].rstrip("]") or begin
        found.setdefault(wing, set()).update(ends.split(" & "))
    return found


ARROWS = arrows()


def below(wing):
    """Those that it may import."""
    return set().union(*({end} | below(end) for end in ARROWS.get(wing, ())))


def wing_of(path):
    return path.relative_to(EDGE).parts[0].removesuffix(".py")


def imported(path):
    """The wings that a file imports, also inside functions. All imports within the edge are relative."""
    package = path.relative_to(EDGE).parent.parts
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and 0 < node.level <= len(package) + 1:
            base = [*package[: len(package) + 1 - node.level], *(node.module or "").split(".")]
            names = [part for part in base if part][:1] or [alias.name for alias in node.names]
            found |= set(names)
    return found - {wing_of(path)}


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(EDGE)))
def test_a_file_imports_only_wings_below_its_own(path):
    assert imported(path) <= below(wing_of(path))


def test_the_picture_has_every_wing_and_no_circle_and_no_arrow_that_nothing_uses():
    assert {wing_of(path) for path in MODULES} == set(ARROWS) | set().union(*ARROWS.values())
    TopologicalSorter(ARROWS).prepare()  # raises CycleError, which names the circle
    used = {(wing_of(path), wing) for path in MODULES for wing in imported(path)}
    assert {(wing, end) for wing, ends in ARROWS.items() for end in ends} <= used


def test_the_rule_sees_the_imports_that_are_there():
    assert imported(EDGE / "__main__.py") == {"program", "services", "dns"}
    assert {"text", "haproxy"} <= imported(EDGE / "traffic" / "drain.py")


def calls_of(work):
    """The calls within the edge while it works: file of the caller, file of what is called."""
    found = []

    def note(frame, event, _):
        if event == "call" and frame.f_code.co_filename.startswith(f"{EDGE}/"):
            caller = frame.f_back.f_code.co_filename if frame.f_back else ""
            found.append((caller, Path(frame.f_code.co_filename)))

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return found


@pytest.fixture
def calls(controller, apps):
    """Of a switch."""
    one, two = apps("one", "two")
    answers = [execute(controller, ["deploy", "a", "--target", one.target, "--host", "a.test"])]
    again = ["deploy", "a", "--target", two.target, "--host", "a.test"]
    found = calls_of(lambda: answers.append(execute(controller, again)))
    assert [answer["code"] for answer in answers] == [0, 0], answers
    return found


def test_a_deploy_enters_each_wing_once(calls):
    """What it reads of the command's options counts for nothing."""
    called = [path for caller, path in calls if caller == str(EDGE / "commands" / "deploy.py")]
    entered = [wing for wing, _ in groupby(wing_of(path) for path in called if path.name != "options.py")]
    assert entered == ["services", "tls", "text", "targets", "sync", "traffic"]


def test_a_deploy_takes_the_way_that_is_written_down(calls):
    written = [EDGE / name for name in re.findall(r"`edge/(\S+\.py)`", section("The way of a deploy"))]
    way = list(dict.fromkeys(path for _, path in calls))
    assert [path for path in way if path in written] == written
