"""Rows of a benchmark: held against what is required, shown as a table, kept as JSON."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
from rich.console import Console
from rich.table import Table

FILE = Path(__file__).parent / "results.json"


@dataclass(frozen=True)
class Bound:
    """What a figure must keep within; `figure` is "ratio" or "ours"."""

    figure: str
    least: float | None = None
    most: float | None = None

    def holds(self, row: "Row") -> bool:
        """Whether the row keeps within this bound."""
        value = row.ratio if self.figure == "ratio" else row.ours
        return (self.least is None or value >= self.least) and (self.most is None or value <= self.most)

    def __str__(self) -> str:
        sign = " x" if self.figure == "ratio" else ""
        if self.least is not None and self.most is not None:
            return f"{self.least:,g} to {self.most:,g}{sign}"
        return f"≥ {self.least:,g}{sign}" if self.least is not None else f"≤ {self.most:,g}{sign}"


@dataclass(frozen=True)
class Row:
    """Two figures of one run. `baseline_is` says what the second one is; `note` what one must know to read them."""

    name: str
    what: str
    unit: str
    ours: float
    baseline: float
    baseline_is: str
    required: Bound | Sequence[Bound] | None = None
    note: str = ""
    parts: Mapping[str, float] = field(default_factory=dict)
    """What `ours` is the sum of, in its unit."""
    series: Mapping[str, Sequence[float]] = field(default_factory=dict)
    """What a plot draws: columns of equal length."""

    @property
    def ratio(self) -> float:
        """Ours over baseline."""
        return self.ours / self.baseline

    @property
    def bounds(self) -> Sequence[Bound]:
        """Everything that is required."""
        if self.required is None:
            return ()
        return (self.required,) if isinstance(self.required, Bound) else self.required

    @property
    def ok(self) -> bool | None:
        """Whether all that is required is reached; None where nothing is."""
        return all(bound.holds(self) for bound in self.bounds) if self.bounds else None


def table_of(rows: Sequence[Row]) -> Table:
    """The rows as people read them."""
    table = Table(show_lines=False)
    for column in ("what", "ours", "baseline", "ratio", "required", "ok"):
        table.add_column(column, justify="left" if column == "what" else "right", overflow="fold")
    for row in rows:
        ours, baseline = f"{short(row.ours)} {row.unit}", f"{short(row.baseline)} ({row.baseline_is})"
        parts = ", ".join(f"{name} {short(value)}" for name, value in row.parts.items())
        what = "\n".join((row.what, *(f"[dim]{line}[/]" for line in (row.note, parts) if line)))
        required = "\n".join(str(bound) for bound in row.bounds)
        marks = "\n".join("[green]yes[/]" if bound.holds(row) else "[red]NO[/]" for bound in row.bounds)
        table.add_row(what, ours, baseline, f"{short(row.ratio)} x", required, marks)
    return table


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    Console(width=max(120, Console().width)).print(table_of(rows))


def keep(
    rows: Sequence[Row], arguments: Sequence[str], took_s: Mapping[str, float], file: Path = FILE
) -> dict[str, Any]:
    """Replace results.json, a row a line so that runs can be compared; what it holds now. `took_s`: by scenario."""
    head = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "arguments": list(arguments),
        "took_s": round(sum(took_s.values())),
        "scenarios_took_s": {name: round(seconds) for name, seconds in took_s.items()},
        "machine": machine(),
    }
    documents = [_document(row) for row in rows]
    opened = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(f"    {json.dumps(document, ensure_ascii=False)}" for document in documents)
    file.write_text(f'{opened},\n  "rows": [\n{lines}\n  ]\n}}\n')
    return {**head, "rows": documents}


def machine() -> dict[str, Any]:
    """What the figures depend on, and nothing that tells whose machine it is."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "processor": _processor(),
        "memory_gb": round(psutil.virtual_memory().total / 2**30),
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in ("celery", "aiohttp", "httpx", "sqlalchemy", "psycopg", "uvloop")},
    }


def _document(row: Row) -> dict[str, Any]:
    return {
        **asdict(row),
        **{
            name: rounded(value)
            for name, value in (("ours", row.ours), ("baseline", row.baseline), ("ratio", row.ratio))
        },
        "parts": {name: rounded(value) for name, value in row.parts.items()},
        "series": {name: [rounded(value) for value in column] for name, column in row.series.items()},
        "required": [{"bound": str(bound), "ok": bound.holds(row)} for bound in row.bounds],
        "ok": row.ok,
    }


def rounded(value: float) -> float:
    """To four digits: more would be noise."""
    return float(f"{value:.4g}")


def short(value: float) -> str:
    """For people: no decimals where there are three digits before them."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
