"""What fills up: the hours that were fitted, the forecast with its interval up to the limit, and when it is reached."""

from datetime import datetime
from typing import Any

import numpy as np
import polars as pl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from tasks.insights.findings.hosts import amount, parsed
from tasks.insights.findings.wording import date, minute
from tasks.insights.statistics.intervals import Values
from tasks.plots.labels import Caption, cut
from tasks.plots.reading import HOUR, Filling
from tasks.plots.style import BAND, CRITICAL, DAY, HALF, INK, LINE, PALE, SHADES, look, new_figure, place, time_axis, unit_axis
from tasks.wording import counted

PANEL = 2.9
"""Inches."""
MINUTES_MATTER = 3 * DAY
"""What is so near is told by the minute, the rest by the day."""
STEPS = 400
"""Points of the band: it bends where it reaches the limit."""
Row = dict[str, Any]


def caption(filling: Filling) -> Caption:
    row = filling.forecast
    point, low, high = (_when(row, f"crosses{end}_at") for end in ("", "_low", "_high"))
    slope, slope_low, slope_high = (amount(row[f"slope_per_day{end}"], row["unit"]) for end in ("", "_low", "_high"))
    return Caption(
        f"{_subject(row)}: {_reached(row)} about {point}",
        f"The 95 % interval is {low} to {high}. It grows by {slope} a day ({slope_low} to {slope_high}),"
        f" estimated from {counted(min(row['hours'], row['window_hours']), 'hour')}.",
    )


@look()
def draw(filling: Filling) -> Figure:
    said = caption(filling)
    figure, (axes,) = new_figure(said.heading, said.sentence, PANEL)
    _draw_history(axes, filling)
    _draw_forecast(axes, filling.forecast, _end(filling))
    _draw_limit(axes, filling)
    unit_axis(axes, filling.forecast["unit"])
    end = _end(filling)
    time_axis(axes, filling.since, end + 0.02 * (end - filling.since))
    _draw_legend(figure)
    return figure


def _draw_history(axes: Axes, filling: Filling) -> None:
    """By whole hours; those without a value break line and band."""
    hours = pl.datetime_range(filling.since, filling.until, HOUR, closed="left", eager=True, time_unit="us").alias("hour_at")
    grid = hours.to_frame().join(filling.hours, on="hour_at", how="left", maintain_order="left")
    low, mean, high = (grid[name].to_numpy() for name in ("low", "mean", "high"))
    middles = place(filling.since) + (np.arange(grid.height) + 0.5) * (HOUR / DAY)
    axes.fill_between(middles, low, high, color=BAND, linewidth=0, antialiased=False)
    axes.plot(middles, mean, color=LINE)


def _draw_forecast(axes: Axes, row: Row, end: datetime) -> None:
    days = np.linspace(0, (end - row["as_of"]) / DAY, STEPS)
    at, limit = place(row["as_of"]) + days, row["limit_value"]
    low, high = (_line(row, name, days) for name in ("_low", "_high"))
    axes.fill_between(at, np.minimum(low, limit), np.minimum(high, limit), color=SHADES["critical"], linewidth=0)
    ends = [place(row["as_of"]), place(row["crosses_at"])]
    axes.plot(ends, [row["level"], limit], color=CRITICAL, linestyle=(0, (4, 2)), linewidth=1.2)
    axes.vlines(place(row["as_of"]), 0, limit, color=PALE, linewidth=0.7, linestyle=":")


def _line(row: Row, end: str, days: Values) -> Values:
    """An end of the interval so many days after as_of: the table has its slope, and where it is at the horizon."""
    at_horizon, slope = float(row[f"point{end}"]), float(row[f"slope_per_day{end}"])
    return at_horizon + slope * (days - float(row["horizon_days"]))


def _draw_limit(axes: Axes, filling: Filling) -> None:
    """The limit, and on it when it is reached."""
    row, limit = filling.forecast, filling.forecast["limit_value"]
    lowest = min([row["level"], *filling.hours["low"]])
    room = max(limit - lowest, 0.01 * limit)
    axes.set_ylim(max(0.0, lowest - 0.08 * room), limit + 0.16 * room)
    axes.axhline(limit, color=INK, linewidth=0.9)
    soonest, latest = place(row["crosses_low_at"]), place(min(row["crosses_high_at"] or _end(filling), _end(filling)))
    axes.plot([soonest, latest], [limit, limit], color=HALF, linewidth=3.5, solid_capstyle="butt")
    axes.plot([place(row["crosses_at"])], [limit], color=CRITICAL, marker="o", markersize=5)
    _note(axes, f"limit {amount(limit, row['unit'])}", (place(filling.since), limit), (4, 3), INK)
    _note(axes, _when(row, "crosses_at"), (place(row["crosses_at"]), limit), (3, 5), CRITICAL, ha="right")


def _note(axes: Axes, text: str, at: tuple[float, float], points: tuple[float, float], color: str, ha: str = "left") -> None:
    axes.annotate(text, at, xytext=points, textcoords="offset points", va="bottom", ha=ha, size=8.5, color=color)


def _end(filling: Filling) -> datetime:
    """Where the axis ends: where the limit is reached at the latest, which may be years away, or else as much later again."""
    row = filling.forecast
    crosses: datetime = row["crosses_at"]
    farthest: datetime = crosses + max(crosses - row["as_of"], (row["as_of"] - filling.since) / 8)
    return min(row["crosses_high_at"] or farthest, farthest)


def _draw_legend(figure: Figure) -> None:
    handles = [
        Line2D([], [], color=LINE, label="hourly mean"),
        Patch(facecolor=BAND, label="lowest to highest"),
        Line2D([], [], color=CRITICAL, linestyle=(0, (4, 2)), label="forecast of the peaks"),
        Patch(facecolor=SHADES["critical"], label="95 % interval"),
        Line2D([], [], color=HALF, linewidth=3.5, marker="o", markersize=5, label="limit reached"),
    ]
    figure.legend(handles=handles, loc="lower left", ncols=5, bbox_to_anchor=(0.075, 0))


def _subject(row: Row) -> str:
    host = cut(row["host"])
    if row["metric"] == "process.memory.usage":
        known = parsed(row["attributes"])
        return f"Memory of {cut(known.get('name', 'a process'))} (pid {known.get('pid', 'unknown')}) on {host}"
    if row["metric"] == "system.filesystem.utilization":
        return f"{cut(parsed(row['attributes']).get('mountpoint') or row['attributes'])} of {host}"
    return f"Memory of {host}" if row["metric"].startswith("system.") else f"Memory of the container on {host}"


def _reached(row: Row) -> str:
    return "full" if row["metric"] == "system.filesystem.utilization" else "limit reached"


def _when(row: Row, name: str) -> str:
    instant: datetime | None = row[name]
    if instant is None:
        return "over ten years from now"
    return minute(instant) if row["crosses_at"] - row["as_of"] < MINUTES_MATTER else date(instant)
