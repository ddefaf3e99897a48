"""What plots show, read from the warehouse in one turn: hosts with anomalies, and forecasts with what they were fitted to."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import duckdb
import polars as pl

from storage.frames import fetch, registered
from storage.sql_files import sql_beside
from tasks.insights.hours import hour_of

SHOWN = timedelta(days=3)
"""How far back a plot of anomalies goes: an episode beside the same hours of two usual days."""
RECENT = timedelta(hours=24)
"""An episode that ended longer ago is history: who looks once a day has seen it."""
HOSTS = 6
"""More hosts at once are no longer looked at one by one; the worst ones are shown, the table has them all."""
METRICS = 4
"""Of a host: the shares of the guilty ones fall fast, and with the score five panels fit a screen."""
HORIZON_DAYS = 30
"""What fills up later than in a month is nothing to look at today."""
FORECASTS = 6
"""As for the hosts; the soonest are shown."""
HOUR = timedelta(hours=1)
KEY = ("host", "metric", "attributes")
Series = tuple[str, str]


@dataclass(frozen=True)
class HostAnomalies:
    """A host's last days: its episodes in order, and by bin its guiltiest series in order and its score."""

    host: str
    since: datetime
    until: datetime
    bin: timedelta
    episodes: pl.DataFrame
    series: tuple[Series, ...]
    metrics: pl.DataFrame
    scores: pl.DataFrame

    @property
    def words(self) -> str:
        """What can be read on its plot and in its caption."""
        return "\n".join((self.host, *(word for each in self.series for word in each), *self.episodes["top_metrics"]))


@dataclass(frozen=True)
class Filling:
    """A row of insights.forecasts, and the hours that it was fitted to."""

    forecast: dict[str, Any]
    since: datetime
    until: datetime
    hours: pl.DataFrame

    @property
    def words(self) -> str:
        """What can be read on its plot and in its caption."""
        return "\n".join(self.forecast[name] for name in KEY)


def read_anomalies(con: duckdb.DuckDBPyConnection, as_of: datetime) -> list[HostAnomalies]:
    """The hosts that are worth a plot, the worst first; one without rows is none."""
    since = as_of - SHOWN
    instants = {"since": since, "as_of": as_of}
    episodes = _ask(con, "anomaly_episodes", instants | {"recent": as_of - RECENT, "hosts": HOSTS})
    by_host = {host: rows for (host,), rows in episodes.group_by("host", maintain_order=True)}
    guilty = {host: guiltiest(rows["top_metrics"].to_list()) for host, rows in by_host.items()}
    widths = {host: rows["bin_minutes"][0] for host, rows in by_host.items()}
    drawn = _relation(
        [(host, *each, widths[host]) for host in by_host for each in guilty[host] or [("", "")]], bin_minutes=pl.Int64()
    )
    with registered(con, "drawn", drawn):
        metrics, scores = _ask(con, "anomaly_metrics", instants), _ask(con, "anomaly_scores", instants)
    found = [
        HostAnomalies(
            host,
            since,
            as_of,
            timedelta(minutes=widths[host]),
            rows,
            guilty[host],
            metrics.filter(pl.col("host") == host),
            scores.filter(pl.col("host") == host),
        )
        for host, rows in by_host.items()
    ]
    return [each for each in found if each.metrics.height or each.scores.height]


def guiltiest(top_metrics: Sequence[str]) -> tuple[Series, ...]:
    """Of episodes in the order of time, the latest one's guiltiest series first, then those of the ones before."""
    named = [(each["metric"], each["attributes"]) for text in reversed(top_metrics) for each in json.loads(text)]
    return tuple(dict.fromkeys(named))[:METRICS]


def read_forecasts(con: duckdb.DuckDBPyConnection) -> list[Filling]:
    """What reaches its limit soon, the soonest first."""
    rows = _ask(con, "forecasts", {"days": HORIZON_DAYS, "forecasts": FORECASTS}).rows(named=True)
    spans = [(hour_of(row["as_of"]) - row["window_hours"] * HOUR, hour_of(row["as_of"])) for row in rows]
    instant = pl.Datetime("us", "UTC")
    drawn = _relation(
        [(*(row[name] for name in KEY), *span) for row, span in zip(rows, spans, strict=True)], since=instant, until=instant
    )
    with registered(con, "drawn", drawn):
        hours = _ask(con, "forecast_hours", {})
    return [
        Filling(row, *span, hours.filter(pl.all_horizontal(pl.col(name) == row[name] for name in KEY)))
        for row, span in zip(rows, spans, strict=True)
    ]


def _ask(con: duckdb.DuckDBPyConnection, name: str, parameters: dict[str, Any]) -> pl.DataFrame:
    return fetch(con, sql_beside(__file__, name), parameters)


def _relation(rows: Sequence[tuple[Any, ...]], **more: pl.DataType) -> pl.DataFrame:
    return pl.DataFrame(rows, schema={**dict.fromkeys(KEY, pl.String()), **more}, orient="row")
