"""insights.anomaly_scores: how unusual each minute of each host is. Reads raw.system_metrics, ops to know which hours are new and
which models there are, and its own earlier scores for the thresholds."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import duckdb
import polars as pl

from storage.catalogue import INSIGHTS, TABLES
from storage.frames import registered, schema_of
from storage.intake.ledger import uncovered_since
from storage.write import replace, upsert
from tasks.insights.book import check_output
from tasks.insights.detection.fleet import ScoredWindow, judge_fleet
from tasks.insights.detection.judging import ROWS, Judged
from tasks.insights.detection.reading import instant_of
from tasks.insights.hours import choose_window_start, hour_of
from tasks.insights.insight import Insight, Underway

TABLE, MODELS = INSIGHTS["anomaly_scores"], TABLES["ops.anomaly_models"]
CATCH_UP = timedelta(days=2)
"""Without being asked, older minutes are not judged: an anomaly of last week wakes nobody."""


def choose_span(con: duckdb.DuckDBPyConnection, as_of: datetime, asked: datetime | None) -> tuple[datetime, ScoredWindow]:
    """From where on rows are new, and the window of it that is judged: all of it where it was asked for."""
    new = choose_window_start(as_of, asked, uncovered_since(con, TABLE.name, "system_metrics"))
    return new, ScoredWindow(new if asked else max(new, hour_of(as_of - CATCH_UP)), as_of)


def as_rows(judged: Sequence[Judged], as_of: datetime, trained_at: datetime) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the table, and of the models that were trained for it."""
    rows = pl.concat([pl.DataFrame(schema=ROWS), *(each.rows for each in judged)])
    models = [each.model for each in judged if each.model]
    instants = ("trained_from", "trained_until")
    trained = pl.DataFrame(
        [row | {name: instant_of(row[name]) for name in instants} | {"trained_at": trained_at} for row in models],
        schema=schema_of(MODELS),
    )
    return rows.with_columns(pl.lit(as_of).alias("as_of")).select(TABLE.column_names), trained


def compute_scores(underway: Underway) -> None:
    """Judge the hours that have new samples, or those that were asked for, up to as_of, by what precedes them.

    A host's model is the day's, trained once on what precedes the day that the window starts in. A window asked for is judged by
    one model, however long it is.
    """
    as_of = underway.as_of
    with underway.reading() as con:
        underway.window_start, span = choose_span(con, as_of, underway.asked_start)
    assert underway.read_at is not None
    rows, models = as_rows(judge_fleet(underway.home, underway.limits, span), as_of, underway.read_at)
    check_output(TABLE, rows)
    underway.rows = rows.height
    with underway.writing() as con, registered(con, "rows", rows), registered(con, "models", models):
        replace(con, TABLE, "rows", (span.start, as_of))
        upsert(con, MODELS, "models")


ANOMALY_SCORES = Insight(__file__, reads=("system_metrics",), compute=compute_scores)
