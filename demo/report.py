"""The demo's report: a table for people, and a picture of the latency over time with the switches marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from records import Record, by_kind

COLOURS = {
    "kept-alive": "#4878a8", "new connection": "#78a848", "upload": "#a87848", "slow": "#a0a0a0",
    "event stream": "#c8b8d8", "websocket": "#d8c848",
}  # fmt: skip


def picture(records: Sequence[Record], updates: Sequence[dict[str, Any]], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    begin = min(record.started for record in records)
    figure, axes = pyplot.subplots(figsize=(14, 6), dpi=110)
    for kind, colour in COLOURS.items():
        own = [record for record in records if record.kind == kind]
        times, values = [r.started - begin for r in own], [max(r.seconds * 1000, 0.1) for r in own]
        axes.scatter(times, values, s=3, c=colour, label=f"{kind} ({len(own)})", linewidths=0)
    failed = [record for record in records if record.failure]
    if failed:
        times, values = [r.started - begin for r in failed], [max(r.seconds * 1000, 0.1) for r in failed]
        axes.scatter(times, values, s=60, c="red", marker="x", label=f"failed ({len(failed)})")
    for update in updates:
        _mark(axes, update, begin)
    axes.set_yscale("log")
    axes.set_xlabel("seconds")
    axes.set_ylabel("milliseconds")
    axes.set_title(f"{len(records)} requests, {len(failed)} failed, {len(updates)} updates")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=7, fontsize=8, markerscale=4, frameon=False)
    figure.tight_layout()
    figure.savefig(path)
    pyplot.close(figure)


def _mark(axes: Any, update: dict[str, Any], begin: float) -> None:
    good = update["outcome"] in ("updated", "rolled-back")
    colour = "#208040" if good else "#c04030"
    axes.axvspan(update["begun"] - begin, update["ended"] - begin, color=colour, alpha=0.07, linewidth=0)
    for moment in update["switches"]:
        axes.axvline(moment - begin, color=colour, linewidth=1.2)
    label = f"{update['from']} \u2192 {update['to']}" + ("" if good else " refused")
    axes.text(
        update["begun"] - begin, 1.0, f" {label}", color=colour, rotation=90, fontsize=8, va="top",
        transform=axes.get_xaxis_transform(),
    )  # fmt: skip


def show(told: dict[str, Any], records: Sequence[Record]) -> None:
    from rich.console import Console
    from rich.table import Table

    console = Console()
    table = Table(title="Updates", title_justify="left")
    for column in ("from", "to", "outcome", "boot", "switch", "confirm", "stop", "wall", "overhead"):
        table.add_column(column, justify="left" if column in ("from", "to", "outcome") else "right")
    for one in told["updates"]:
        seconds = one["seconds"]
        cells = [f"{seconds[step]:.2f}" if step in seconds else "-" for step in ("boot", "switch", "confirm", "stop")]
        overhead = f"{one['overhead_s']:.2f}" if one["overhead_s"] is not None else "-"
        table.add_row(one["from"], one["to"], one["outcome"], *cells, f"{one['wall_s']:.2f}", overhead)
    console.print(table)
    table = Table(title="Requests", title_justify="left")
    for column in ("kind", "requests", "failed", "p50 ms", "p99 ms", "max ms"):
        table.add_column(column, justify="left" if column == "kind" else "right")
    for kind, row in by_kind(records).items():
        table.add_row(kind, *(f"{value:g}" for value in row.values()))
    console.print(table)
    console.print(
        f"{told['requests']} requests, {told['failed']} failed, {told['out_of_order']} out of order, "
        f"{told['websockets_reopened']} WebSockets opened again."
    )
    console.print(f"Picture: {told['picture']}", soft_wrap=True)
