"""insights.scan_queues: whether the queues in which scans wait move. Reads raw.scans."""

import polars as pl

from tasks.insights.insight import Insight
from tasks.insights.scans.expressions import said, seconds
from tasks.insights.statistics.quantiles import list_quantile
from tasks.wording import counted

LEAST_STARTS = 20
"""Fewer starts do not tell how long nothing begins as a rule."""
LEAST_WAITING = 2
"""One scan alone that waits may have been lost: `active_scans` judges it by how long such scans wait."""
LEAST_SECONDS = 600.0
"""No queue stands still sooner (s): schedulers look once in a minute, and records come later than what they record."""
BEYOND = 3.0
"""So many times what 99 of 100 starts stay under is beyond what a busy day brings."""
WHOLE = "all"


def judge_queues(queues: pl.DataFrame) -> pl.DataFrame:
    """The table's rows, from one row per queue with its waiting scans, and `any_times` and `free_times`, one per start (s).

    Time counts from when a slot is known to be free: a scan has ended since the last one began, or none runs. Where that is not
    known, it counts from the last start, and is held against how long such starts took.
    """
    is_free = pl.col("freed_at").is_not_null() | (pl.col("running") == 0)
    queues = queues.with_columns(
        times=pl.when(is_free).then("free_times").otherwise("any_times").cast(pl.List(pl.Float64)).list.drop_nulls().list.sort(),
        still_since=pl.max_horizontal(pl.coalesce("freed_at", "last_started_at"), "waiting_since"),
    )
    judged = queues.with_columns(
        starts=pl.col("times").list.len().fill_null(0).cast(pl.Int64),
        usual_still_seconds=list_quantile(queues["times"], 0.95),
        rare=list_quantile(queues["times"], 0.99),
        still_seconds=seconds(pl.when(pl.col("waiting") > 0).then(pl.col("known_until") - pl.col("still_since"))).clip(0.0),
        subject=pl.when(pl.col("scanner") == WHOLE).then("source").otherwise(pl.format("{}, {}", "source", "scanner")),
    )
    judged = judged.with_columns(
        limit_seconds=pl.when(pl.col("starts") >= LEAST_STARTS).then((pl.col("rare") * BEYOND).clip(LEAST_SECONDS))
    )
    judged = judged.with_columns(verdict=_verdict())
    stands = (pl.col("verdict") == "stands_still") & (pl.col("scanner") == WHOLE)
    judged = judged.with_columns(is_covered=(pl.col("scanner") != WHOLE) & stands.any().over("source"), evidence=_evidence())
    return judged.sort("source", "scanner")


def _verdict() -> pl.Expr:
    is_still = (pl.col("waiting") >= LEAST_WAITING) & (pl.col("still_seconds") > pl.col("limit_seconds"))
    return (
        pl.when(pl.col("limit_seconds").is_null())
        .then(pl.lit("too_little_history"))
        .when(is_still)
        .then(pl.lit("stands_still"))
        .otherwise(pl.lit("moving"))
    )


def _evidence() -> pl.Expr:
    """One sentence; a queue in which only overtaken scans wait says that."""
    since = pl.format(
        "{} and none has begun for {}",
        _waiting("waiting"),
        said("still_seconds"),
    )
    usual = pl.format(
        "; while something waited, 95 of 100 of the last {} starts came within {}",
        "starts",
        said("usual_still_seconds"),
    )
    few = pl.format("; {} in the window, and judging takes at least {}", _starts(), pl.lit(LEAST_STARTS))
    lost = pl.format("{}; others requested later have begun", _waiting("overtaken"))
    told = pl.concat_str(since, pl.when(pl.col("starts") < LEAST_STARTS).then(few).otherwise(usual))
    return pl.when(pl.col("waiting") == 0).then(lost).otherwise(told)


def _starts() -> pl.Expr:
    return pl.col("starts").map_elements(lambda n: counted(n, "start"), return_dtype=pl.String)


def _waiting(scans: str) -> pl.Expr:
    return pl.col(scans).map_elements(lambda n: f"{counted(n, 'scan')} {'waits' if n == 1 else 'wait'}", return_dtype=pl.String)


SCAN_QUEUES = Insight(__file__, reads=("scans",), takes={"window_days": "insights.window_days"}, derive=judge_queues)
