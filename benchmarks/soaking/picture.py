"""The days in one picture: what is stored, what is in the tables, memory and seconds."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.soaking.record import Day

MOST_LINES = 12


def draw(days: Sequence[Day], path: Path) -> None:
    """Write the picture, the largest figures of each kind in it."""
    figure = Figure(figsize=(16, 20), layout="constrained")
    FigureCanvasAgg(figure)
    parts: dict[str, Callable[[Day], Mapping[str, float]]] = {
        "MB": lambda day: day.megabytes,
        "rows": lambda day: day.rows,
        "CPU s a step, mean of the day": lambda day: day.seconds,
        "most memory of a step (MB)": lambda day: {**day.peaks, "resident at the end of the day": day.resident},
    }
    for axes, (title, figures) in zip(figure.subplots(4, 1, sharex=True), parts.items(), strict=True):
        _draw_part(axes, title, days, figures)
    figure.savefig(path, dpi=80)


def _draw_part(axes: Axes, title: str, days: Sequence[Day], figures: Callable[[Day], Mapping[str, float]]) -> None:
    largest: dict[str, float] = {}
    for day in days:
        for name, value in figures(day).items():
            largest[name] = max(largest.get(name, 0.0), value)
    for name in sorted(largest, key=lambda each: -largest[each])[:MOST_LINES]:
        seen = [(day.number, figures(day)[name]) for day in days if name in figures(day)]
        axes.plot(*zip(*seen, strict=True), label=name)
    axes.set_title(title, loc="left")
    axes.set_yscale("log" if title in ("MB", "rows") else "linear")
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize="small")
