"""The plots of what is unusual and of what fills up: read in one turn at the warehouse, drawn once, kept as files with an index.

The folder shows the present: what is no longer drawn is removed. matplotlib takes a third of a second to start, so it is imported
where something is drawn; the command line, and a run without a plot, are spared it.
"""

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import TypeVar

import duckdb
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.errors import GovpulseError, describe, first_line
from storage.home import Home
from storage.limits import Limits
from storage.people.without_people import are_named
from storage.publishing.audience import EVERYBODY, Audience
from storage.warehouse import warehouse
from tasks.plots.index import INDEX
from tasks.plots.labels import Caption
from tasks.plots.reading import KEY, Filling, HostAnomalies, read_anomalies, read_forecasts

Drawn = TypeVar("Drawn", HostAnomalies, Filling)


@dataclass(frozen=True)
class Plot:
    """A picture, its file's name, what is seen on it, and of what it is: `anomaly` and a host, or `forecast` and a series."""

    file: str
    caption: Caption
    png: bytes
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class Gallery:
    """What was drawn, and what could not be, with the reason."""

    plots: tuple[Plot, ...] = ()
    failures: tuple[str, ...] = ()

    def __str__(self) -> str:
        return "; ".join([f"{len(self.plots)} drawn", *(f"not drawn: {each}" for each in self.failures)])


@task(name="plots", cache_policy=NO_CACHE)
def draw_plots(home: str, *, limits: Limits, as_of: datetime, audience: Audience = EVERYBODY) -> Gallery:
    """Draw what is to be seen as of `as_of`, and keep it in the place of what was there. A plot that fails costs no other.

    Raises:
        GovpulseError: the warehouse cannot be read, or the folder cannot be written.
    """
    folder = Home(Path(home))
    with warehouse(folder, limits) as con:
        anomalies, forecasts = read_anomalies(con, as_of), read_forecasts(con)
        if not audience.sees_people:
            anomalies, forecasts = without_people(con, anomalies), without_people(con, forecasts)
    os.environ.setdefault("MPLCONFIGDIR", str(folder.private / "matplotlib"))  # its list of fonts: nothing outside of our folder
    gallery = draw_all(anomalies, forecasts)
    keep(folder.plots, gallery.plots, audience)
    return gallery


def without_people(con: duckdb.DuckDBPyConnection, shown: Sequence[Drawn]) -> list[Drawn]:
    """Those on which no name is a person's: a host may be called after one, or what runs on it."""
    named = are_named(con, [each.words for each in shown])
    return [each for each, names_somebody in zip(shown, named, strict=True) if not names_somebody]


def draw_all(anomalies: Sequence[HostAnomalies], forecasts: Sequence[Filling]) -> Gallery:
    """A plot each, in their order."""
    plots, failures = [], []
    jobs: list[tuple[tuple[str, ...], Callable[[], tuple[Caption, bytes]]]] = [
        *((("anomaly", each.host), partial(_draw_anomalies, each)) for each in anomalies),
        *((("forecast", *(each.forecast[name] for name in KEY)), partial(_draw_forecast, each)) for each in forecasts),
    ]
    for names, draw in jobs:
        try:
            plots.append(Plot(file_name(*names), *draw(), names))
        except Exception as error:  # noqa: BLE001 - whatever it is, the other plots are drawn and the run's report says so
            failures.append(f"{' '.join(names)} ({describe(error)})")
    return Gallery(tuple(plots), tuple(failures))


def _draw_anomalies(rows: HostAnomalies) -> tuple[Caption, bytes]:
    from tasks.plots import anomaly_plot, style

    return anomaly_plot.caption(rows), style.to_png(anomaly_plot.draw(rows))


def _draw_forecast(filling: Filling) -> tuple[Caption, bytes]:
    from tasks.plots import forecast_plot, style

    return forecast_plot.caption(filling), style.to_png(forecast_plot.draw(filling))


def keep(folder: Path, plots: Sequence[Plot], audience: Audience = EVERYBODY) -> None:
    """Write the files for those who may read them, each whole or not at all, then their index, and remove all others.

    Raises:
        GovpulseError: the folder cannot be written.
    """
    index = [
        {"file": plot.file, "heading": plot.caption.heading, "sentence": plot.caption.sentence, "names": plot.names}
        for plot in plots
    ]
    files = {plot.file: plot.png for plot in plots} | {INDEX: json.dumps(index, ensure_ascii=False, indent=1).encode()}
    try:
        for each in (folder.parent, folder):
            audience.make_folder(each)
        for name, content in files.items():
            audience.write(folder / name, content)
        for path in folder.iterdir():
            if path.name not in files:
                path.unlink()
    except OSError as error:
        raise GovpulseError(f"cannot keep plots in {folder}: {error.strerror or first_line(error)}") from error


def kept(folder: Path) -> list[Plot]:
    """What was drawn last, in its order; nothing where nothing was."""
    index = folder / INDEX
    entries = json.loads(index.read_bytes()) if index.exists() else []
    return [
        Plot(
            entry["file"],
            Caption(entry["heading"], entry["sentence"]),
            (folder / entry["file"]).read_bytes(),
            tuple(entry.get("names", ())),
        )
        for entry in entries
        if (folder / entry["file"]).exists()
    ]


def file_name(*names: str) -> str:
    """Names as one that every file system takes, and no two alike."""
    text = "-".join(names)
    slug = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
    return f"{slug}-{hashlib.sha256(chr(0).join(names).encode()).hexdigest()[:8]}.png"
