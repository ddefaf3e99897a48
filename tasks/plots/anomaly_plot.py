"""A host's last days: the metrics to blame one under the other, the score with its threshold, and the episodes behind them all."""

from datetime import timedelta

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tasks.insights.findings.wording import minute, times
from tasks.insights.statistics.intervals import Values
from tasks.plots.labels import Caption, cut, series_name
from tasks.plots.reading import HostAnomalies
from tasks.plots.style import BAND, CRITICAL, DAY, INK, LINE, PALE, SHADES, WARNING, look, new_figure, place, time_axis, unit_axis
from tasks.wording import counted

PANEL = 0.85
"""Inches of a panel."""
MINUTE = timedelta(minutes=1)
EDGES = {"warning": (WARNING, ""), "critical": (CRITICAL, "///")}
"""Colour and hatch of an episode's severity."""


def caption(rows: HostAnomalies) -> Caption:
    last, count = rows.episodes.row(-1, named=True), rows.episodes.height
    ends = "is still going on" if last["is_ongoing"] else f"ended at {minute(last['ended_at'])}"
    return Caption(
        f"{cut(rows.host)}: {counted(count, 'anomaly')} in {counted((rows.until - rows.since).days, 'day')}",
        f"The latest ({last['severity']}) began at {minute(last['started_at'])} and {ends};"
        f" its score reached {times(last['peak'])}, the threshold is {times(last['threshold'])}.",
    )


@look()
def draw(rows: HostAnomalies) -> Figure:
    said = caption(rows)
    figure, panels = new_figure(said.heading, said.sentence, PANEL, len(rows.series) + 1)
    bins = (rows.until - rows.since) // rows.bin
    middles: Values = place(rows.since) + (np.arange(bins, dtype=np.float64) + 0.5) * (rows.bin / DAY)
    for axes, (metric, attributes) in zip(panels, rows.series, strict=False):
        of_series = (pl.col("metric") == metric) & (pl.col("attributes") == attributes)
        _draw_metric(axes, middles, rows.metrics.filter(of_series), series_name(metric, attributes))
    _draw_score(panels[-1], middles, rows.scores)
    _name(panels[-1], f"anomaly score, the highest of every {rows.bin // MINUTE} min")
    for axes in panels:
        _shade(axes, rows.episodes)
    time_axis(panels[-1], rows.since, rows.until)
    _draw_legend(figure, f"mean of {rows.bin // MINUTE} min", rows.episodes["severity"].unique().to_list())
    return figure


def _draw_metric(axes: Axes, middles: Values, bins: pl.DataFrame, name: str) -> None:
    low, mean, high = _filled(bins, len(middles), "low", "mean", "high")
    axes.fill_between(middles, low, high, color=BAND, linewidth=0, antialiased=False)
    _draw_line(axes, middles, mean, LINE)
    unit_axis(axes, next(iter(bins["unit"]), None))
    _name(axes, name if bins.height else f"{name}: no values")


def _draw_score(axes: Axes, middles: Values, bins: pl.DataFrame) -> None:
    score, threshold = _filled(bins, len(middles), "score", "threshold")
    _draw_line(axes, middles, score, INK)
    axes.plot(middles, threshold, color=CRITICAL, linestyle=(0, (4, 2)), linewidth=1)
    unit_axis(axes, None)


def _draw_line(axes: Axes, middles: Values, values: Values, color: str) -> None:
    """Bins without a value break the line, and one between two such is a dot."""
    known = np.pad(np.isfinite(values), 1)
    alone = known[1:-1] & ~known[:-2] & ~known[2:]
    axes.plot(middles, values, color=color)
    axes.plot(middles[alone], values[alone], color=color, linestyle="", marker=".", markersize=3)


def _shade(axes: Axes, episodes: pl.DataFrame) -> None:
    """From the first to the last anomalous minute; the edge keeps short ones visible."""
    for started_at, ended_at, severity in episodes.select("started_at", "ended_at", "severity").iter_rows():
        edge, hatch = EDGES[severity]
        span = axes.axvspan(place(started_at), place(ended_at), facecolor=SHADES[severity], edgecolor=edge, linewidth=0.8)
        span.set(hatch=hatch, zorder=0.5)


def _draw_legend(figure: Figure, mean: str, severities: list[str]) -> None:
    shades = [
        Patch(facecolor=SHADES[severity], edgecolor=edge, hatch=hatch, label=f"{severity} episode")
        for severity, (edge, hatch) in EDGES.items()
        if severity in severities
    ]
    lines = [
        Line2D([], [], color=LINE, label=mean),
        Patch(facecolor=BAND, label="lowest to highest"),
        Line2D([], [], color=CRITICAL, linestyle=(0, (4, 2)), label="threshold"),
    ]
    figure.legend(handles=[*lines, *shades], loc="lower left", ncols=5, bbox_to_anchor=(0.075, 0))


def _name(axes: Axes, name: str) -> None:
    axes.set_title(name, loc="left", size=8.5, color=PALE, pad=3)


def _filled(bins: pl.DataFrame, count: int, *names: str) -> list[Values]:
    """By bin, NaN where there is none."""
    grid = pl.DataFrame({"bin": pl.Series(range(count), dtype=pl.Int64)}).join(bins, on="bin", how="left", maintain_order="left")
    return [grid[name].cast(pl.Float64).to_numpy() for name in names]
