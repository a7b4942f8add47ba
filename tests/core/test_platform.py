"""Platforms as images, engines and kernels call them; challenges as registries do."""

import pytest

from discode.core.challenge import bearer, challenges
from discode.core.platform import best, of, of_machine, runs


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("linux/amd64", "linux/amd64"), ("linux/x86_64", "linux/amd64"), ("linux/arm64/v8", "linux/arm64"),
        ("linux/aarch64", "linux/arm64"), ("linux/arm", "linux/arm/v7"), ("linux/arm/7", "linux/arm/v7"),
        ("linux/arm/v6", "linux/arm/v6"), ("linux/armhf", "linux/arm/v7"), ("linux/armel", "linux/arm/v6"),
        ("windows/amd64", "windows/amd64"),
    ],
)  # fmt: skip
def test_one_platform_has_one_name(text, shown):
    assert str(of(text)) == shown


@pytest.mark.parametrize(
    ("architecture", "kernel", "offered", "taken"),
    [
        ("arm", "armv7l", ["linux/arm/v7"], "linux/arm/v7"),
        ("arm", "armv7l", ["linux/arm/v5", "linux/arm/v6", "linux/amd64"], "linux/arm/v6"),
        ("arm", "armv7l", ["linux/arm"], "linux/arm/v7"),
        ("arm", "armv6l", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v6"),
        ("arm", "armv6l", ["linux/arm/v7"], None),
        ("arm", "aarch64", ["linux/arm/v7", "linux/arm/v8"], "linux/arm/v8"),
        ("arm", "", ["linux/arm/v6", "linux/arm/v7"], "linux/arm/v7"),
        ("arm64", "aarch64", ["linux/arm/v7", "linux/arm64/v8"], "linux/arm64"),
        ("arm64", "aarch64", ["linux/arm/v7"], None),  # not every one has the old instructions
        ("amd64", "x86_64", ["linux/386", "linux/amd64"], "linux/amd64"),
        ("amd64", "x86_64", ["linux/386"], "linux/386"),
        ("amd64", "x86_64", ["windows/amd64", "linux/arm64"], None),
    ],
)
def test_a_machine_takes_the_best_that_it_runs(architecture, kernel, offered, taken):
    machine = of_machine("linux", architecture, kernel)
    found = best(machine, map(of, offered))
    assert (str(found) if found else None) == taken and (found is None or runs(machine, found))


@pytest.mark.parametrize(
    ("header", "schemes", "realm"),
    [
        ('Bearer realm="http://a/t",service="x",scope="repository:a:pull,push"', ["bearer"], "http://a/t"),
        ('Basic realm="a", Bearer realm="b",service="c"', ["basic", "bearer"], "b"),
        ('BEARER realm="b", Basic realm="q \\" , x"', ["bearer", "basic"], "b"),
        ("Negotiate, Basic realm=a", ["negotiate", "basic"], None),
        ("basic", ["basic"], None),
        ("Bearer", ["bearer"], None),
        ("", [], None),
        ("=, ,=", [], None),
    ],
)
def test_challenges_are_told_apart(header, schemes, realm):
    assert [scheme for scheme, _ in challenges(header)] == schemes
    assert (bearer(header) or {}).get("realm") == realm
