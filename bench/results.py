"""Rows of a benchmark: compared with what is required, shown as a table, stored as JSON."""

import json
import os
import platform
import subprocess
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
    """The bounds of a figure; `figure` is "ratio" or "ours".

    Only ratios are judged, because they do not depend on the machine's speed. Bounds of "ours" are only shown.
    """

    figure: str
    least: float | None = None
    most: float | None = None

    @property
    def judged(self) -> bool:
        """Whether a run can fail by it."""
        return self.figure == "ratio"

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
    """The parts of `ours`, in its unit."""
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
        """Whether everything judged holds; None where nothing is judged."""
        judged = [bound for bound in self.bounds if bound.judged]
        return all(bound.holds(self) for bound in judged) if judged else None


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
        marks = "\n".join(_mark(bound, row) for bound in row.bounds)
        table.add_row(what, ours, baseline, f"{short(row.ratio)} x", required, marks)
    return table


def _mark(bound: Bound, row: Row) -> str:
    if not bound.judged:
        return "[dim](yes)[/]" if bound.holds(row) else "[dim](no)[/]"
    return "[green]yes[/]" if bound.holds(row) else "[red]NO[/]"


def show(rows: Sequence[Row]) -> None:
    """Print the table, with commit and machine."""
    console = Console(width=max(120, Console().width))
    console.print(table_of(rows))
    console.print(
        f"commit {commit()}; {said_of(machine())}. Ratios are judged; (…) depends on the machine.", style="dim"
    )


def keep(
    rows: Sequence[Row], arguments: Sequence[str], took_s: Mapping[str, float], file: Path = FILE
) -> dict[str, Any]:
    """Replace results.json, one row a line so that runs can be compared; returns its contents. `took_s`: by
    scenario."""
    head = {
        "measured_on": datetime.now(UTC).date().isoformat(),
        "commit": commit(),
        "arguments": list(arguments),
        "took_s": round(sum(took_s.values())),
        "scenarios_took_s": {name: round(seconds) for name, seconds in took_s.items()},
        "machine": machine(),
    }
    documents = [_document(row) for row in rows]
    opened = json.dumps(head, indent=2, ensure_ascii=False).removesuffix("\n}")
    lines = ",\n".join(f"    {json.dumps(document, ensure_ascii=False)}" for document in documents)
    whole = file.with_suffix(".new")  # a run that is stopped while writing keeps the last figures
    whole.write_text(f'{opened},\n  "rows": [\n{lines}\n  ]\n}}\n')
    whole.replace(file)
    return {**head, "rows": documents}


def commit() -> str:
    """The commit measured, and whether files differ from it; "unknown" outside a repository."""
    git = ["git", "-C", str(FILE.parent)]
    try:
        found = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=True)
        changed = subprocess.run([*git, "status", "--porcelain", "-uno"], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return found.stdout.strip() + (" and changes" if changed.stdout.strip() else "")


def said_of(machine: Mapping[str, Any]) -> str:
    """A machine in a few words."""
    return f"{machine['cores']} cores ({machine['processor']}), {machine['memory_gb']} GB, Python {machine['python']}"


def machine() -> dict[str, Any]:
    """What the figures depend on, without what identifies the machine."""
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
        "required": [{"bound": str(bound), "judged": bound.judged, "ok": bound.holds(row)} for bound in row.bounds],
        "ok": row.ok,
    }


def rounded(value: float) -> float:
    """Rounded to four digits: more would be noise."""
    return float(f"{value:.4g}")


def short(value: float) -> str:
    """For display: no decimals from three digits on."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
