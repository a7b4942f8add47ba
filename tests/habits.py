"""What no test may do, read off its source: wait for a time, measure one, or hold whatever happens.

Each rule is a function of a file's tree; what it yields is a place and what is wrong there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from typing import Any

Found = Iterator[tuple[int, str]]
CLOCKS = {"time", "monotonic", "perf_counter", "process_time", "time_ns", "monotonic_ns", "perf_counter_ns"}
RUNNERS = {"run", "call", "check_call", "check_output"}
# What waits, and at which place of its arguments it is told for how long.
BOUNDED = {
    "wait_for": 1, "join": 0, "wait": 0, "result": 0, "communicate": 0, "create_connection": 1, "run": 99,
    "check_output": 99, "HTTPConnection": 99, "HTTPSConnection": 99, "urlopen": 99, "get": 99,
}  # fmt: skip
CHOOSING = {"max", "min", "abs", "sum", "round", "sorted"}
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
NO_CONDITION = "waits for a time, not for a condition: rig.wait.wait_for, or an Event"


def fixed_sleeps(tree: ast.AST) -> Found:
    bare = _imported_from(tree, "time") | _imported_from(tree, "asyncio")
    for call in _calls(tree):
        is_sleep = _is_of(call, "time", {"sleep"}) or _is_of(call, "asyncio", {"sleep"})
        is_bare = isinstance(call.func, ast.Name) and call.func.id == "sleep" and "sleep" in bare
        is_program = _is_of(call, "subprocess", RUNNERS) and call.args and _first_word(call.args[0]) == "sleep"
        if is_sleep or is_bare or is_program:
            yield call.lineno, NO_CONDITION


def nothing_for_a_while(tree: ast.AST) -> Found:
    """`assert not event.wait(0.3)` holds on a slow machine whatever the product does."""
    for node in _nodes(tree):
        for test in _tested(node):
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not) and _is_method(test.operand, "wait"):
                yield node.lineno, "nothing happened for a while: wait for something that comes later, then look"


def elapsed_times(tree: ast.AST) -> Found:
    """Comparisons with a clock, or with what was taken from one in the same file."""
    bare, taken = _imported_from(tree, "time") & CLOCKS, set[str]()
    for node in _nodes(tree):
        if (
            isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr))
            and node.value
            and _is_reading(node.value, bare)
        ):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            taken |= {name for target in targets for one in ast.walk(target) if (name := _name(one))} - {"self"}
        elif _is_method(node, "append") and any(_is_clock(one, bare) for one in ast.walk(node)):
            taken |= {_name(node.func.value)} - {None}
    for node in _nodes(tree):
        if isinstance(node, ast.Compare) and any(_is_clock(one, bare) or _name(one) in taken for one in _values(node)):
            yield node.lineno, "compares what a clock says: speed belongs to bin/bench, and a deadline to wait_for"


def short_bounds(tree: ast.AST) -> Found:
    """A bound is there to end what hangs. One of seconds ends what is slow: a start of Python takes ten on a busy
    machine. Below a second it is a pause, or the subject."""
    for call in _calls(tree):
        place = BOUNDED.get(_name(call.func) or "")
        given = [word.value for word in call.keywords if word.arg == "timeout" and place is not None]
        given += call.args[place : place + 1] if place is not None else []
        if any(isinstance(one, ast.Constant) and isinstance(one.value, int) and 1 <= one.value < 60 for one in given):
            yield call.lineno, "a bound of seconds, which a busy machine does not keep: a minute costs nothing"
        is_told = any(word.arg == "timeout" for word in call.keywords)
        if not is_told and _is_of(call, "httpx", {"get", "post", "put", "delete", "request"}):
            yield call.lineno, "a bound of seconds, which httpx has where it is told no other: a minute costs nothing"


def tautologies(tree: ast.AST) -> Found:
    for node in _nodes(tree):
        for test in _tested(node):
            parts = test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or) else [test]
            if any(isinstance(part, ast.Constant) and part.value for part in parts):
                yield node.lineno, "holds whatever happens: a constant"
            if any(_covers(one, other) for one in parts for other in parts if one is not other):
                yield node.lineno, "says less than it seems to: or a piece of the same text"
        if isinstance(node, ast.Compare) and _repeats_itself(node):
            yield node.lineno, "holds whatever happens: it is compared with itself"


def without_assertion(tree: ast.AST, asserting: set[str]) -> Found:
    """`asserting`: names of functions, anywhere in the tests, that fail when something is not so."""
    modules = _modules(tree)
    for function in _functions(tree):
        if function.name.startswith("test_") and not _asserts(function, asserting, modules):
            yield function.lineno, f"{function.name} asserts nothing"


def asserting_functions(trees: Iterable[ast.AST]) -> set[str]:
    """Names of helpers that assert or raise, themselves or by another one."""
    functions = [(one, _modules(tree)) for tree in trees for one in _functions(tree)]
    helpers = [(one, modules) for one, modules in functions if not one.name.startswith(("test_", "__"))]
    found, before = set[str](), {""}
    while found != before:
        before = set(found)
        found |= {one.name for one, modules in helpers if _asserts(one, found, modules) or _raises(one)}
    return found


def _asserts(function: ast.AST, asserting: set[str], modules: set[str]) -> bool:
    for node in ast.walk(function):
        if isinstance(node, ast.Assert) or (isinstance(node, ast.Call) and _is_of(node, "pytest", {"raises", "fail"})):
            return True
        if isinstance(node, ast.Call) and _name(node.func) in asserting and _receiver(node.func) not in modules:
            return True
    return False


def _raises(function: ast.AST) -> bool:
    return any(isinstance(node, ast.Raise) for node in ast.walk(function))


def _covers(one: Any, other: Any) -> bool:
    """`"from " in a` holds whenever `f"from {b}" in a` does."""
    if not (_is_in(one) and _is_in(other)) or ast.dump(one.comparators[0]) != ast.dump(other.comparators[0]):
        return False
    wide, pieces = one.left, other.left.values if isinstance(other.left, ast.JoinedStr) else [other.left]
    texts = [str(piece.value) for piece in pieces if isinstance(piece, ast.Constant)]
    return isinstance(wide, ast.Constant) and any(str(wide.value) in text for text in texts)


def _is_in(node: ast.AST) -> bool:
    return isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.In)


def _repeats_itself(node: ast.Compare) -> bool:
    """`a == a`, and `a in (b, a)`."""
    left = ast.dump(node.left)
    is_pure = not any(isinstance(one, ast.Call) for one in ast.walk(node.left))
    for operator, right in zip(node.ops, node.comparators, strict=True):
        if is_pure and isinstance(operator, ast.Eq | ast.Is | ast.LtE | ast.GtE) and ast.dump(right) == left:
            return True
        if isinstance(operator, ast.In) and isinstance(right, ast.Tuple | ast.List | ast.Set):
            return is_pure and left in map(ast.dump, right.elts)
    return False


def _tested(node: Any) -> list[ast.expr]:
    """What an assert says, in its parts."""
    if not isinstance(node, ast.Assert):
        return []
    test: Any = node.test
    return test.values if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And) else [test]


def _values(node: ast.AST) -> Iterator[ast.AST]:
    """What is compared; not what a function is given, unless it is one like `max`, which only chooses among it."""
    yield node
    is_other = isinstance(node, ast.Call) and _name(node.func) not in CHOOSING
    for child in [] if is_other else ast.iter_child_nodes(node):
        yield from _values(child)


def _is_reading(node: ast.AST, bare: set[str]) -> bool:
    """A time, or a difference of times; not the answer of a call that a time was given to."""
    if isinstance(node, ast.BinOp):
        return _is_reading(node.left, bare) or _is_reading(node.right, bare)
    if isinstance(node, ast.Tuple):
        return any(_is_reading(one, bare) for one in node.elts)
    return _is_clock(node, bare)


def _is_clock(node: ast.AST, bare: set[str]) -> bool:
    if not isinstance(node, ast.Call):
        return False
    return _is_of(node, "time", CLOCKS) or (isinstance(node.func, ast.Name) and node.func.id in bare)


def _is_of(call: ast.Call, module: str, names: set[str]) -> bool:
    return isinstance(call.func, ast.Attribute) and call.func.attr in names and _name(call.func.value) == module


def _is_method(node: Any, name: str) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name


def _nodes(tree: ast.AST) -> Iterator[Any]:
    """All of them; what a node is, is asked of each by itself."""
    return ast.walk(tree)


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    return (node for node in ast.walk(tree) if isinstance(node, FUNCTIONS))


def _imported_from(tree: ast.AST, module: str) -> set[str]:
    froms = (node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module == module)
    return {alias.asname or alias.name for node in froms for alias in node.names}


def _modules(tree: ast.AST) -> set[str]:
    imports = (node for node in ast.walk(tree) if isinstance(node, ast.Import))
    return {(alias.asname or alias.name).partition(".")[0] for node in imports for alias in node.names}


def _name(node: ast.AST) -> str | None:
    """The last word: `b` of `a.b`."""
    if isinstance(node, ast.Name):
        return node.id
    return node.attr if isinstance(node, ast.Attribute) else None


def _receiver(node: ast.AST) -> str | None:
    return _name(node.value) if isinstance(node, ast.Attribute) else None


def _first_word(node: Any) -> object:
    is_list = isinstance(node, ast.List | ast.Tuple) and node.elts and isinstance(node.elts[0], ast.Constant)
    return node.elts[0].value if is_list else None
