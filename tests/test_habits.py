"""The tests themselves: none waits for a time, measures one, or holds whatever happens."""

import ast
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

import habits

TESTS = Path(__file__).parent
# The files below tests/compat/<version> are an app's, as an earlier version stored it.
FILES = sorted(path for path in TESTS.rglob("*.py") if "home" not in path.relative_to(TESTS).parts)
# It needs nothing but the standard library, and waits by a function of its own.
WAITS = TESTS / "contract" / "kamal_proxy_contract.py", "until"
HELPERS = [*FILES, *sorted((TESTS.parent / "rig").rglob("*.py"))]


@cache
def tree(path):
    source = ast.parse(path.read_text(), str(path))
    source.body = [node for node in source.body if (path, getattr(node, "name", "")) != WAITS]
    return source


@cache
def asserting():
    return habits.asserting_functions(map(tree, HELPERS))


def offences(source, known):
    rules = (
        habits.fixed_sleeps,
        habits.nothing_for_a_while,
        habits.elapsed_times,
        habits.tautologies,
        habits.short_bounds,
    )
    found = [one for rule in rules for one in rule(source)]
    return sorted([*found, *habits.without_assertion(source, known)])


def test_every_file_keeps_the_habits():
    found = [(path, line, what) for path in FILES for line, what in offences(tree(path), asserting())]
    assert [f"{path.relative_to(TESTS)}:{line}: {what}" for path, line, what in found] == []


def planted(text):
    source = ast.parse(text)
    return {what for _, what in offences(source, habits.asserting_functions([source]))}


BAD = {
    "a sleep": ("import time\ndef help(): time.sleep(1)", "waits for a time"),
    "a sleep by itself": ("from time import sleep\ndef help(): sleep(1)", "waits for a time"),
    "an asynchronous sleep": ("import asyncio\nasync def help(): await asyncio.sleep(1)", "waits for a time"),
    "a sleep of another program": ("import subprocess\nsubprocess.run(['sleep', '1'])", "waits for a time"),
    "nothing for a while": ("def test_a(e): assert not e.wait(0.3)", "nothing happened"),
    "nothing for a while, too": ("def test_a(e): assert e.x and not e.wait(0.3)", "nothing happened"),
    "a time in an assert": ("import time\ndef test_a(b): assert time.monotonic() - b < 4", "compares what a clock"),
    "a time in a name": (
        "import time\ndef test_a():\n t = time.time() - 1\n assert 0 < t < 4",
        "compares what a clock",
    ),
    "a time in an attribute": (
        "import time\nclass A:\n def f(self): self.ended = time.time()\ndef test_a(a): assert a.ended > 3",
        "compares what a clock",
    ),
    "times in a list": (
        "from time import monotonic\ndef test_a():\n m = []\n m.append(monotonic())\n assert max(m) - min(m) > 1",
        "compares what a clock",
    ),
    "a deadline of its own": ("import time\ndef f(d):\n while time.monotonic() < d: pass", "compares what a clock"),
    "a bound of seconds": ("def f(p): p.wait(5)", "a bound of seconds"),
    "another one": ("import subprocess\ndef f(): subprocess.run(['x'], timeout=30)", "a bound of seconds"),
    "a bound of httpx's own": (
        "import httpx\ndef f(): return httpx.get('http://a')",
        "a bound of seconds, which httpx",
    ),
    "a short wait": ("def f(a): wait_for(lambda: a.b, 10)", "a bound of seconds"),
    "a constant": ("def test_a(): assert True", "a constant"),
    "or a constant": ("def test_a(a): assert a == 1 or 'text'", "a constant"),
    "a text or another": ("def test_a(a): assert f'from {a.b}' in a.out or 'from ' in a.out", "says less"),
    "itself": ("def test_a(a): assert a.b == a.b", "compared with itself"),
    "itself among others": ("def test_a(a, b): assert a in (b, a)", "compared with itself"),
    "nothing": ("def test_a(a): a.b()", "test_a asserts nothing"),
    "nothing, by a module's function": (
        "import subprocess\ndef run():\n assert 0\ndef test_a(): subprocess.run('x')",
        "test_a asserts nothing",
    ),
    "nothing, in a class": ("class TestA:\n def test_a(self): pass", "test_a asserts nothing"),
}
GOOD = {
    "a condition": "from rig.wait import wait_for\ndef test_a(a):\n wait_for(lambda: a.b)\n assert a.c",
    "an event": "def test_a(e): assert e.wait(60)",
    "somebody else's sleep": "def test_a(clock):\n clock.sleep(1)\n assert clock.now",
    "a child that sleeps": "import subprocess\ndef f(): subprocess.Popen(['sleep', '60'])",
    "a time that is only given": "import time\ndef test_a(a): assert a.at(time.time()) == 3",
    "a pause": "def f(e): e.wait(0.05)",
    "a time that the product is given": "def f(a): a.execute(['sleep', '9'], timeout=2)",
    "a helper": "def told(a):\n assert a\n return a\ndef test_a(a): told(a)",
    "a helper's helper": "def one(a): assert a\ndef two(a): one(a)\ndef test_a(a): two(a)",
    "a helper that raises": "def one(a):\n if a: raise ValueError\ndef test_a(a): one(a)",
    "an error": "import pytest\ndef test_a(a):\n with pytest.raises(ValueError): a()",
    "what a call answers, twice": "def test_a(a): assert a() == a()",
    "two texts": "def test_a(a): assert 'goes on' in a or 'nothing was changed' in a",
    "two names": "def test_a(a, b): assert a == b or a in (b, 'a')",
}


@pytest.mark.parametrize(("text", "what"), BAD.values(), ids=BAD)
def test_an_offender_is_found(text, what):
    found = planted(text)
    assert len(found) == 1 and what in found.pop()


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD)
def test_what_is_as_it_should_be_is_not_complained_of(text):
    assert planted(text) == set()


def test_the_tests_are_looked_at():
    assert len(FILES) > 90 and Path(__file__) in FILES
    assert {"wait_for", "ok", "told"} <= asserting()


def test_an_example_of_hypothesis_has_no_deadline():
    for one in (settings(), settings(max_examples=300)):
        assert one.deadline is None and HealthCheck.too_slow in one.suppress_health_check
