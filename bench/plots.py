"""The plots of docs/performance.md, from bench/results.json: SVG that is readable on a light and on a dark page."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from bench.results import short

if TYPE_CHECKING:  # a second's import, needed for drawing only
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FOLDER = Path(__file__).parent.parent / "docs" / "performance"
INK, OURS, ALSO, THEIRS, LIMIT = "#7d8794", "#3b8eea", "#2fa77a", "#a0a8b3", "#e5534b"
"""Medium tones: pages are white or nearly black, and a picture cannot know which."""
WIDTH_IN = 7.4
STYLE: Mapping[Any, Any] = MappingProxyType(
    {
        "svg.fonttype": "none",  # text stays text: small, and searchable
        "svg.hashsalt": "consent-worker",  # the same ids every time
        "font.family": "sans-serif",
        "font.size": 9.0,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.titlesize": 10.0,
        "axes.titlelocation": "left",
        "axes.titlepad": 10.0,
        "axes.axisbelow": True,
        "legend.frameon": False,
        "legend.labelcolor": INK,
        "grid.alpha": 0.25,
        "grid.color": INK,
        **dict.fromkeys(("text.color", "axes.edgecolor", "axes.labelcolor", "axes.titlecolor"), INK),
        **dict.fromkeys(("xtick.color", "ytick.color"), INK),
    }
)
Rows = Mapping[str, Mapping[str, Any]]
SHAPES = MappingProxyType(
    {"insider": "1,000 a call", "dfinery": "20 a call", "algonomy": "one a call", "slow": "one a call,\n50 ms vendor"}
)


@dataclass(frozen=True)
class Plot:
    """How to draw one plot, and from which rows."""

    needs: frozenset[str]
    paint: Callable[[Sequence["Axes"], Rows], None]
    series_of: str = ""
    """The row whose series it draws, if any."""
    panels: int = 1
    height_in: float = 2.7


def draw(results: Mapping[str, Any], folder: Path = FOLDER, *, suffix: str = "svg") -> list[Path]:
    """Draw every plot whose rows these results have; returns the files written. The same results give the same
    bytes."""
    rows: Rows = {row["name"]: row for row in results["rows"]}
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, plot in PLOTS.items():
        if plot.needs <= rows.keys() and (not plot.series_of or rows[plot.series_of]["series"]):
            with _figure(plot) as (figure, axes):
                plot.paint(axes, rows)
                path = folder / f"{name}.{suffix}"
                figure.savefig(path, transparent=suffix == "svg", metadata={"Date": None} if suffix == "svg" else None)
            written.append(path)
    return written


@contextmanager
def _figure(plot: Plot) -> Iterator[tuple["Figure", Sequence["Axes"]]]:
    from matplotlib import figure, rc_context  # noqa: PLC0415 - it takes a second, and only plots need it

    with rc_context(dict(STYLE)):
        drawn = figure.Figure(figsize=(WIDTH_IN, plot.height_in), layout="constrained")
        yield drawn, list(drawn.subplots(1, plot.panels, squeeze=False)[0])


def _rates(axes: Sequence["Axes"], rows: Rows) -> None:
    (axis,) = axes
    shapes = [name for name in SHAPES if name in rows]
    for place, name in enumerate(reversed(shapes)):
        row = rows[name]
        axis.barh(place + 0.19, row["ours"], height=0.34, color=OURS)
        axis.barh(place - 0.19, row["baseline"], height=0.34, color=THEIRS)
        told = f" {short(row['ours'])}/s, {short(row['ratio'])} times naive"
        axis.text(row["ours"], place + 0.19, told, va="center", color=OURS)
        axis.text(row["baseline"], place - 0.19, f" {short(row['baseline'])}/s", va="center")
    axis.set_yticks(range(len(shapes)), [SHAPES[name] for name in reversed(shapes)])
    axis.tick_params(axis="y", length=0)
    axis.set_xscale("log")
    axis.set_xlim(10, max(rows[name]["ours"] for name in shapes) * 40)
    axis.set_xticks([10, 100, 1_000, 10_000, 100_000], ["10", "100", "1,000", "10,000", "100,000"])
    axis.grid(axis="x")
    axis.set_title("People delivered a second: ours and the naive design (log scale)")


def _growth(axes: Sequence["Axes"], rows: Rows) -> None:
    series = rows["growth"]["series"]
    numbers = series["number"]
    lines = (
        (axes[0], "µs a person", ("deliver_us", "delivered", OURS), ("submit_us", "submitted", ALSO), 1.15),
        (axes[1], "peak MB", ("worker_mb", "largest worker", OURS), ("submit_mb", "submitting process", ALSO), 1.1),
    )
    for axis, title, first, second, most in lines:
        for name, label, colour in (first, second):
            axis.plot(numbers, series[name], marker="o", color=colour, label=label)
        allowed = series[first[0]][0] * most
        axis.axhline(allowed, color=LIMIT, linestyle="--", linewidth=1, label=f"{most:g} times that of 10,000")
        axis.set_xscale("log")
        axis.set_xticks(numbers, [f"{number:,.0f}" for number in numbers])
        axis.minorticks_off()
        axis.set_ylim(0, max(allowed, *series[first[0]], *series[second[0]]) * 1.45)
        axis.set_xlabel("people in a request")
        axis.set_title(title)
        axis.grid(axis="y")
        axis.legend(loc="upper right", fontsize=8)


def _limiter(axes: Sequence["Axes"], rows: Rows) -> None:
    (axis,) = axes
    row = rows["limiter"]
    series, limit = row["series"], row["baseline"]
    seconds, counts = [0.0, *series["second"]], [0.0, *series["in_window"]]
    axis.fill_between(seconds, counts, color=OURS, alpha=0.25, linewidth=0)
    axis.plot(seconds, counts, color=OURS)
    axis.axhline(limit, color=LIMIT, linestyle="--", linewidth=1)
    axis.text(0, limit, f" limit {limit:,.0f}", color=LIMIT, va="bottom")
    told = f"densest window {row['ours']:,.0f}, {row['ratio'] * 100:.1f} % of the limit"
    axis.text(seconds[-1], row["ours"] * 0.93, told, ha="right", va="top", color=OURS)
    axis.set_ylim(0, limit * 1.15)
    axis.set_xlim(0, seconds[-1])
    axis.set_xlabel("seconds since the first request, 8 processes from a cold start")
    axis.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    axis.grid(axis="y")
    axis.set_title(f"Requests at the vendor {row['unit'].replace('in ', 'in the last ')}")


def _fairness(axes: Sequence["Axes"], rows: Rows) -> None:
    (axis,) = axes
    series = rows["fairness"]["series"]
    lines = (("idle_s", "on an idle stack", THEIRS), ("busy_s", "under the campaign", OURS))
    for name, label, colour in lines:
        waits = sorted(series[name])
        shares = [(place + 1) / len(waits) for place in range(len(waits))]
        axis.step([waits[0], *waits], [0.0, *shares], where="post", color=colour, label=label)
    for at, share, label in ((2.0, 0.5, "median\n≤ 2 s"), (5.0, 0.99, "p99\n≤ 5 s")):
        axis.plot([at, at], [0, share], color=LIMIT, linestyle="--", linewidth=1)
        axis.text(at * 1.06, 0.03, label, color=LIMIT, va="bottom", fontsize=8)
    axis.set_xscale("log")
    ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]
    axis.set_xlim(0.02, max(10.0, *series["busy_s"]) * 1.1)
    axis.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axis.minorticks_off()
    axis.set_ylim(0, 1.04)
    axis.yaxis.set_major_formatter(lambda value, _: f"{value * 100:.0f} %")
    axis.set_xlabel("seconds from submit to closed (log scale)")
    axis.grid()
    axis.legend(loc="upper left", fontsize=8)
    axis.set_title("One person's erasure at three vendors: share of requests closed within")


def _efficiency(axes: Sequence["Axes"], rows: Rows) -> None:
    rate, cpu = axes
    row = rows["efficiency"]
    labels = ("bare\ntransport", "ours")
    bars = rate.bar(labels, [row["baseline"], row["ours"]], color=[THEIRS, OURS], width=0.6)
    rate.bar_label(bars, [f"{short(row['baseline'])}/s", f"{short(row['ours'])}/s"], padding=2, color=INK)
    rate.axhline(row["baseline"] * 0.6, color=LIMIT, linestyle="--", linewidth=1)
    rate.text(0.5, row["baseline"] * 0.6, "60 %", color=LIMIT, va="bottom", ha="center")
    rate.set_ylim(0, max(row["baseline"], row["ours"]) * 1.2)
    rate.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    rate.set_title("One a call: people a second")
    kinds = {"worker": ("workers", OURS), "postgres": ("PostgreSQL", ALSO), "redis": ("Redis", LIMIT)}
    shapes = [name for name in ("insider", "dfinery", "algonomy") if f"{name}-cpu" in rows]
    parts = [rows[f"{name}-cpu"]["parts"] for name in shapes]
    below = [0.0] * len(shapes)
    for kind, (label, colour) in kinds.items():
        shares = [part[kind] / sum(part[one] for one in kinds) for part in parts]
        cpu.bar([SHAPES[name] for name in shapes], shares, bottom=below, color=colour, label=label, width=0.6)
        below = [under + share for under, share in zip(below, shares, strict=True)]
    for place, part in enumerate(parts):
        cpu.text(place, 1.02, f"{short(sum(part[one] for one in kinds))} µs", ha="center", va="bottom")
    cpu.set_ylim(0, 1.15)
    cpu.set_yticks([0, 0.5, 1], ["0 %", "50 %", "100 %"])
    cpu.set_title("CPU time of a person, and whose it is")
    cpu.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), fontsize=8)


PLOTS: Mapping[str, Plot] = MappingProxyType(
    {
        "rates": Plot(frozenset({"insider"}), _rates, height_in=3.0),
        "efficiency": Plot(frozenset({"efficiency", "insider-cpu"}), _efficiency, panels=2),
        "growth": Plot(frozenset({"growth"}), _growth, "growth", panels=2),
        "limiter": Plot(frozenset({"limiter"}), _limiter, "limiter"),
        "fairness": Plot(frozenset({"fairness"}), _fairness, "fairness"),
    }
)
"""By file name."""
