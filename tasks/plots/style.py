"""How plots look, and how a figure becomes bytes: the same for the same data, whatever a matplotlibrc says."""

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from matplotlib import rc_context, rcParamsDefault
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import EngFormatter, FuncFormatter, MultipleLocator
from PIL import Image

from tasks.insights.findings.wording import MONTHS

EPOCH, DAY = datetime(1970, 1, 1, tzinfo=UTC), timedelta(days=1)
TICK_DAYS, TICKS = (1 / 24, 1 / 8, 1 / 4, 1 / 2, 1, 2, 4, 7, 14), 10
TOP, GAP, BOTTOM = 0.76, 0.3, 0.72
"""Inches over, between and under the panels."""
WIDTH, DPI = 9.0, 100
"""Inches and pixels an inch: 900 pixels, as wide as a page is read."""
BOLD = 2.0
"""Points; a line as thick as that is a mark."""
MOST_BYTES = 30_000
"""A page of twelve is half a megabyte at most: each run leaves one in Prefect's database."""
INK, PALE, GRID = "#333333", "#6b6b6b", "#e8e8e8"
LINE, WARNING, CRITICAL = "#0072b2", "#e69f00", "#a3195b"
"""Blue, orange, dark purple-red (after Okabe & Ito 2008): the colour-blind tell them apart, and they differ in lightness."""
BAND, HALF = "#c7dfee", "#c66f98"
SHADES = {"warning": "#f8e5bf", "critical": "#ecd1de"}
PALETTE = [
    *("#ffffff", GRID, "#cccccc", "#a0a0a0", PALE, INK),
    *(LINE, "#66aad1", BAND),
    *(WARNING, "#f0c468", SHADES["warning"]),
    *(CRITICAL, HALF, SHADES["critical"]),
    "#b3b6cf",
]
"""All colours, with what smooths lines and letters: 16, so that two pixels are a byte, and the same whatever the data. The last one
is the band on a critical shade."""
LOOK: dict[Any, Any] = {
    "font.family": ["DejaVu Sans"],
    "font.size": 8.5,
    "text.parse_math": False,  # names may hold dollar signs
    "text.color": INK,
    "axes.edgecolor": "#a0a0a0",
    "axes.labelcolor": PALE,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.solid_capstyle": "round",
    "hatch.linewidth": 0.5,
    "xtick.color": PALE,
    "ytick.color": PALE,
    "xtick.major.size": 3,
    "ytick.major.size": 0,
    "legend.frameon": False,
    "legend.fontsize": 8,
}
KEPT = ("backend", "interactive", "toolbar")
BASE: dict[Any, Any] = {name: value for name, value in rcParamsDefault.items() if not name.startswith(KEPT)}
SYMBOLS = {"By": "B", "By/s": "B/s", "s": "s"}


@contextmanager
def look() -> Iterator[None]:
    """Inside the block figures are made and rendered in our look."""
    with rc_context({**BASE, **LOOK}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name in letters that the font lacks is boxes, and no failure
        yield


def new_figure(heading: str, said: str, panel: float, count: int = 1) -> tuple[Figure, list[Axes]]:
    """A figure with a heading, a line under it, and panels of so many inches one above the other; made within `look`."""
    height = TOP + count * panel + (count - 1) * GAP + BOTTOM
    figure = Figure(figsize=(WIDTH, height), dpi=DPI)
    panels: list[Axes] = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0].tolist()
    figure.subplots_adjust(left=0.085, right=0.975, top=1 - TOP / height, bottom=BOTTOM / height, hspace=GAP / panel)
    figure.text(0.02, 1 - 0.15 / height, heading, size=_fitting(heading, 11.5, 80), weight="bold", va="top")
    figure.text(0.02, 1 - 0.38 / height, said, size=_fitting(said, 8.5, 138), color=PALE, va="top")
    return figure, panels


def _fitting(text: str, size: float, letters: int) -> float:
    """The size in points; smaller where more letters than fit in a line have to."""
    return size * min(1.0, letters / max(len(text), 1))


def place(instant: datetime) -> float:
    """Where an instant is on the time axis: days since 1970."""
    return (instant - EPOCH) / DAY


def time_axis(axes: Axes, since: datetime, until: datetime) -> None:
    """From one instant to the other, UTC, with the finest step that leaves the labels room."""
    days = (until - since) / DAY
    step = next((each for each in TICK_DAYS if days / each <= TICKS), days)
    axes.set_xlim(place(since), place(until))
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: _tick(EPOCH + at * DAY, step)))
    axes.set_xlabel("UTC", loc="right")


def _tick(instant: datetime, step: float) -> str:
    at = instant + timedelta(seconds=30)  # what floating-point days lost
    day = f"{at.day} {MONTHS[at.month - 1]}"
    return day if step >= 1 else f"{at:%H:%M}\n{day}"


def unit_axis(axes: Axes, unit: str | None) -> None:
    """Numbers with their unit: a share as percent, bytes as kB, MB and so on, and what is longer beside the axis."""
    is_share = unit == "1"
    axes.yaxis.set_major_formatter(FuncFormatter(_percent) if is_share else EngFormatter(SYMBOLS.get(unit or "", "")))
    axes.locator_params(axis="y", nbins=4)
    if unit and not is_share and unit not in SYMBOLS:
        axes.set_ylabel(unit.replace("{", "").replace("}", ""))


def _percent(share: float, _: int) -> str:
    return f"{100 * share:.6g} %"


def to_png(figure: Figure) -> bytes:
    """The figure as a PNG of at most MOST_BYTES, and nothing in it that the data do not say, such as who drew it and when."""
    png = _render(figure)
    for spare in SPARING:
        if len(png) <= MOST_BYTES:
            break
        spare(figure)
        png = _render(figure)
    return png


def _render(figure: Figure) -> bytes:
    canvas = FigureCanvasAgg(figure)
    with look():
        canvas.draw()  # type: ignore[no-untyped-call]
    pixels = canvas.buffer_rgba()  # type: ignore[no-untyped-call]
    image = Image.frombuffer("RGBA", canvas.get_width_height(), pixels).convert("RGB")
    palette = Image.new("P", (1, 1))
    palette.putpalette(b"".join(bytes.fromhex(color[1:]) for color in PALETTE))
    out = io.BytesIO()
    image.quantize(palette=palette, dither=Image.Dither.NONE).save(out, "PNG", optimize=True)
    return out.getvalue()


def _thin_out(figure: Figure) -> None:
    """Lines of one pixel, with the corners that pixels have; dashes would run together."""
    lines = [line for line in figure.findobj(Line2D) if isinstance(line, Line2D)]
    for line in lines:
        if line.get_linestyle() == "-" and line.get_linewidth() < BOLD:
            line.set(antialiased=False, linewidth=72 / DPI)


def _shrink(figure: Figure, factor: float) -> None:
    figure.set_dpi(factor * DPI)


SPARING = (_thin_out, partial(_shrink, factor=0.9), partial(_shrink, factor=0.8))
"""What makes a picture smaller, in this order: what is noise from end to end does not compress."""
