"""Rows of a benchmark: held against what is required, shown as a table, kept as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
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
    required: Bound | None = None
    note: str = ""

    @property
    def ratio(self) -> float:
        """Ours over baseline."""
        return self.ours / self.baseline

    @property
    def ok(self) -> bool | None:
        """Whether what is required is reached; None where nothing is."""
        return self.required.holds(self) if self.required else None


def table_of(rows: Sequence[Row]) -> Table:
    """The rows as people read them."""
    table = Table(show_lines=False)
    for column in ("what", "ours", "baseline", "ratio", "required", "ok"):
        table.add_column(column, justify="left" if column == "what" else "right", overflow="fold")
    for row in rows:
        mark = {True: "[green]yes[/]", False: "[red]NO[/]", None: ""}[row.ok]
        ours, baseline = f"{_short(row.ours)} {row.unit}", f"{_short(row.baseline)} ({row.baseline_is})"
        what = f"{row.what}\n[dim]{row.note}[/]" if row.note else row.what
        table.add_row(what, ours, baseline, f"{_short(row.ratio)} x", str(row.required or ""), mark)
    return table


def show(rows: Sequence[Row]) -> None:
    """Print the table."""
    Console(width=max(120, Console().width)).print(table_of(rows))


def keep(rows: Sequence[Row], arguments: Sequence[str], took_s: float) -> None:
    """Replace results.json."""
    document = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "arguments": list(arguments),
        "took_s": round(took_s),
        "machine": machine(),
        "rows": [_document(row) for row in rows],
    }
    FILE.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")


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
    figures = {"ours": _rounded(row.ours), "baseline": _rounded(row.baseline), "ratio": _rounded(row.ratio)}
    return {**asdict(row), **figures, "required": str(row.required) if row.required else None, "ok": row.ok}


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
