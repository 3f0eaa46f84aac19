"""`python -m bench.report`: update the tables and plots in docs/ from bench/results.json."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bench import capacity_tables, plots
from bench.capacity import Measured
from bench.results import FILE, said_of, short
from domain.marked_pages import MarkerError, filled

DOCS = Path(__file__).parent.parent / "docs"
Results = Mapping[str, Any]


def pages(results: Results, docs: Path = DOCS) -> dict[Path, str]:
    """The new text of the pages with figures. Raises MarkerError; KeyError naming a row that is missing."""
    measured = Measured.of(results)
    tables = {
        "performance.md": {
            "run": _run(results),
            "required": _table(_required(results)),
            "costs": _table(_costs(results)),
            "others": _table(_others(results)),
        },
        "capacity.md": {
            "run": _run(results),
            "loads": _table(capacity_tables.loads_table(measured)),
            "limits": _table(capacity_tables.limits_table(measured)),
            "ceilings": _table(capacity_tables.ceilings_table(measured)),
        },
    }
    return {docs / name: filled((docs / name).read_text(), blocks) for name, blocks in tables.items()}


def _run(results: Results) -> str:
    how = " ".join(["python -m bench", *results["arguments"]])
    commit = f" at commit {results['commit']}" if "commit" in results else ""
    return f"`{how}`{commit} on {results['measured_on']}, {results['took_s']} s; {said_of(results['machine'])}.\n"


def _required(results: Results) -> Iterable[Sequence[str]]:
    yield "", "ours", "beside it", "ratio", "required", "reached"
    for row in results["rows"]:
        if row["required"]:
            bounds = [str(bound["bound"]) for bound in row["required"]]
            reached = [_reached(bound) for bound in row["required"]]
            yield (*_figures(row), "<br>".join(bounds), "<br>".join(reached))


def _reached(bound: Mapping[str, Any]) -> str:
    if not bound["judged"]:
        return "(yes)" if bound["ok"] else "(no)"
    return "yes" if bound["ok"] else "**no**"


def _others(results: Results) -> Iterable[Sequence[str]]:
    yield "", "ours", "beside it", "ratio"
    for row in results["rows"]:
        if not row["required"] and not row["name"].endswith("-cpu"):
            yield _figures(row)


def _figures(row: Mapping[str, Any]) -> Sequence[str]:
    note = f"<br><sub>{row['note']}</sub>" if row["note"] else ""
    ours, beside = f"{short(row['ours'])} {row['unit']}", f"{short(row['baseline'])} ({row['baseline_is']})"
    return f"{row['what']}{note}", ours, beside, f"{short(row['ratio'])} x"


def _costs(results: Results) -> Iterable[Sequence[str]]:
    """CPU time by kind of process."""
    kinds = MappingProxyType({"worker": "workers", "postgres": "PostgreSQL", "redis": "Redis", "other": "beat"})
    yield "CPU µs a person", *kinds.values(), "together", "naive", "times less"
    for row in results["rows"]:
        if row["name"].endswith("-cpu") and row["parts"]:
            parts = (short(row["parts"].get(kind, 0.0)) for kind in kinds)
            less = short(1 / row["ratio"])
            yield row["name"].removesuffix("-cpu"), *parts, short(row["ours"]), short(row["baseline"]), less


def _table(rows: Iterable[Sequence[str]]) -> str:
    """Markdown; the first row is the heading, and figures are right-aligned."""
    lines = [f"| {' | '.join(row)} |" for row in rows]
    columns = lines[0].count("|") - 1
    return "\n".join([lines[0], f"|---|{'---:|' * (columns - 1)}", *lines[1:]]) + "\n"


def renew(results: Results) -> None:
    """Write the pages and the plots."""
    for path, page in pages(results).items():
        path.write_text(page)
    plots.draw(results)


if __name__ == "__main__":
    try:
        renew(json.loads(FILE.read_text()))
    except (MarkerError, KeyError) as error:
        sys.exit(f"the pages stay as they are: {error}")
