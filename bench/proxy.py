"""`bin/bench proxy`: what the edge costs beside bare HAProxy and, where a binary is given, kamal-proxy.

One run: the same upstream for all, every proxy on one core, load and upstream on another, each load on each contender
in turns, so that a busy moment of the machine hits all alike. The figures are medians of the rounds; what counts are
ratios. CPU is user and system time of the proxy's processes, the edge's controller included, a request.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import wrk
from contenders import BareHaproxy, Contender, Edge, KamalProxy, Upstream, make_certificate, missing

# The most CPU a request that the edge may use, as a multiple of the other's.
GOALS = {"small": {"HAProxy": 1.4, "kamal-proxy": 0.35}, "1 MB answers": {"kamal-proxy": 0.8}}
PROXY_CORE, LOAD_CORE = 0, 1
COLUMNS = ("us/request", "requests/s", "p50 ms", "p99 ms", "MB", "bad")


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    if lacking := missing():
        raise SystemExit(f"missing: {', '.join(lacking)}. `bin/bench proxy` installs them")
    if (os.cpu_count() or 1) < 2:
        raise SystemExit("two cores are needed: one for the proxy, one for load and upstream")
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    contenders: list[Contender] = []
    try:
        _start(contenders, folder, options.kamal_proxy)
        result = _measured(contenders, folder, options)
    finally:
        for contender in reversed(Contender.made):
            contender.stop()
        shutil.rmtree(folder)
    print(json.dumps(result) if options.json else _table(result))
    return 0 if result["goals_met"] else 1


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bin/bench proxy", description=__doc__)
    parser.add_argument("--kamal-proxy", metavar="PATH", help="a binary of kamal-proxy, to compare with")
    parser.add_argument("--seconds", type=int, default=4, help="of each load on each contender in each round (4)")
    parser.add_argument("--rounds", type=int, default=3, help="medians are over these (3)")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    return parser.parse_args(arguments)


def _start(contenders: list[Contender], folder: Path, kamal_proxy: str | None) -> None:
    """In the order in which each load is put on them."""
    certificate, key, pem = make_certificate(folder)
    upstream = Upstream(folder / "upstream", LOAD_CORE, certificate, key)
    contenders.append(upstream)
    target = f"127.0.0.1:{upstream.http_port}"
    contenders.append(BareHaproxy(folder / "haproxy", PROXY_CORE, target, pem))
    contenders.append(Edge(folder / "edge", PROXY_CORE, target, certificate, key))
    quiet = ("edge, no log", "--access-log=false")
    contenders.append(Edge(folder / "quiet", PROXY_CORE, target, certificate, key, *quiet))
    if kamal_proxy:
        contenders.append(KamalProxy(folder / "kamal", PROXY_CORE, target, certificate, key, kamal_proxy))


def _measured(contenders: list[Contender], folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    found: dict[str, dict[str, list[dict[str, float]]]] = {
        kind.name: {one.name: [] for one in contenders} for kind in wrk.LOADS
    }
    for number in range(options.rounds):
        for kind in wrk.LOADS:
            for one in contenders:
                _say(f"\rround {number + 1}/{options.rounds}: {kind.name}, {one.name}   ")
                found[kind.name][one.name].append(_one(one, kind, options.seconds, folder))
    _say("\r" + " " * 60 + "\r")
    loads = {kind: {name: _medians(rounds) for name, rounds in by_name.items()} for kind, by_name in found.items()}
    ratios = _ratios(loads)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "rounds": options.rounds,
        "seconds": options.seconds,
        "loads": loads,
        "ratios": ratios,
        "controller_mb": wrk.resident_mb(next(one.deciding for one in contenders if one.deciding)),
        "goals": GOALS,
        "missed": (missed := _missed(loads, ratios)),
        "goals_met": not missed,
    }


def _say(progress: str) -> None:
    """On a terminal alone: each overwrites the one before."""
    if sys.stderr.isatty():
        print(progress, end="", file=sys.stderr, flush=True)


def _one(contender: Contender, kind: wrk.Load, seconds: int, folder: Path) -> dict[str, float]:
    port = contender.https_port if kind.scheme == "https" else contender.http_port
    processes = contender.moving + contender.deciding
    before = wrk.cpu_seconds(processes)
    seen = wrk.run(kind, port, seconds, LOAD_CORE, folder)
    used = wrk.cpu_seconds(processes) - before
    return {
        "us_per_request": used / max(seen.requests, 1) * 1e6,
        "requests_per_second": seen.per_second,
        "p50_ms": seen.p50,
        "p99_ms": seen.p99,
        "resident_mb": wrk.resident_mb(contender.moving),
        "bad": seen.bad,
    }


def _medians(rounds: list[dict[str, float]]) -> dict[str, float]:
    """Of each figure; of bad answers, all."""
    medians = {key: round(statistics.median(one[key] for one in rounds), 2) for key in rounds[0]}
    return {**medians, "bad": sum(one["bad"] for one in rounds)}


def _ratios(loads: dict[str, dict[str, dict[str, float]]]) -> dict[str, dict[str, float]]:
    """The edge's CPU a request as a multiple of each other proxy's."""
    return {
        kind: {
            name: round(by_name["edge"]["us_per_request"] / figures["us_per_request"], 2)
            for name, figures in by_name.items()
            if name in ("HAProxy", "kamal-proxy")
        }
        for kind, by_name in loads.items()
    }


def _missed(loads: dict[str, dict[str, dict[str, float]]], ratios: dict[str, dict[str, float]]) -> list[str]:
    """What is over a goal, in words. A bad answer of the edge misses them at any load."""
    missed = [f"{kind}: bad answers" for kind, by_name in loads.items() if by_name["edge"]["bad"]]
    for kind, goals in GOALS.items():
        for name, goal in goals.items():
            if ratios[kind].get(name, 0.0) > goal:
                missed.append(f"{kind}: {ratios[kind][name]:g}x {name}, not {goal:g}x")
    small = loads["small"]
    if "kamal-proxy" in small and small["edge"]["p99_ms"] > small["kamal-proxy"]["p99_ms"]:
        missed.append("small: p99 is above kamal-proxy's")
    return missed


def _table(result: dict[str, Any]) -> str:
    lines = []
    for kind, by_name in result["loads"].items():
        lines.append(f"{kind:<20}" + "".join(f"{column:>12}" for column in COLUMNS))
        lines += [
            f"  {name:<18}" + "".join(f"{value:>12g}" for value in figures.values())
            for name, figures in by_name.items()
        ]
        told = ", ".join(f"{ratio:g}x {name}" for name, ratio in result["ratios"][kind].items())
        lines.append(f"  the edge's CPU a request: {told}")
    lines.append(
        f"{result['date']}, {result['cores']} cores, medians of {result['rounds']} rounds of {result['seconds']} s;"
        f" the edge's controller has {result['controller_mb']} MB more.\nGoals, as multiples of the other's CPU"
        f" (and p99 of small answers not above kamal-proxy's): {result['goals']}:"
        f" {'; '.join(['MISSED', *result['missed']]) if result['missed'] else 'met'}"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
