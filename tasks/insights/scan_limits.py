"""insights.scan_limits: whether scans keep the limits that the settings state, and how likely the run in question misses its own.
Reads raw.scans."""

import numpy as np
import polars as pl

from tasks.insights.insight import Insight
from tasks.insights.scans.durations import LEAST_RUNS, fit_survival, padded
from tasks.insights.scans.expressions import said, seconds
from tasks.insights.scans.history import GRAINS
from tasks.insights.scans.misses import (
    DAY_SECONDS,
    Past,
    miss_after_failure,
    miss_not_requested,
    miss_under_way,
    never_shares,
    rescued_shares,
)
from tasks.insights.statistics.intervals import Counts, Values
from tasks.insights.statistics.quantiles import list_quantile

AT_RISK = 0.5
"""From this probability on a run is at risk: it is likelier to miss its limit than to keep it."""
REGULAR = 0.5
"""A scan that was requested on fewer of the earlier days is not expected on every one."""


def judge_limits(runs: pl.DataFrame) -> pl.DataFrame:
    """The table's rows, from one row per kind of limit and scan with the run in question and the earlier ones."""
    judged = pl.concat([_judge_lengths(runs.filter(kind="longer_than")), _judge_days(runs.filter(kind="done_by"))], how="diagonal")
    judged = judged.with_columns(
        verdict=_verdict(),
        limit_name=_limit_name(),
        usual_seconds=list_quantile(judged["took"].list.sort(), 0.5),
        slow_seconds=list_quantile(judged["took"].list.sort(), 0.95),
        history_runs=pl.col("took").list.len().cast(pl.Int64),
    )
    judged = judged.with_columns(
        miss_probability=pl.when(pl.col("is_missed")).then(1.0).when(pl.col("reason").is_null()).then("chance"),
        evidence=_evidence(),
        subject=pl.format("{}, {}: {}", "data_source", "scan_type", "limit_name"),
    )
    return judged.sort("kind", "data_source", "scan_type")


def _judge_lengths(runs: pl.DataFrame) -> pl.DataFrame:
    """Of the run that has been running longest; where none runs, of the next one."""
    runs = runs.with_columns(
        took=_seconds_of("run_seconds"),
        age=seconds(pl.col("known_until") - pl.col("started_at")).clip(0.0).fill_null(0.0),
        state=pl.col("status").fill_null("not_begun"),
    ).with_columns(left=pl.col("longest_seconds") - pl.col("age"))
    past = _past(runs, never=np.zeros(runs.height, np.int64))
    chances = miss_under_way(past, np.arange(runs.height), runs["age"].to_numpy(), runs["left"].to_numpy())
    return runs.with_columns(
        chance=pl.Series(chances).fill_nan(None),
        is_missed=pl.col("left") < 0,
        is_met=pl.lit(False),
        reason=pl.when(pl.col("took").list.len() < LEAST_RUNS).then(pl.lit("too_little_history")),
    )


def _judge_days(runs: pl.DataFrame) -> pl.DataFrame:
    """Of the run requested for the next deadline, or for the last one while that is late."""
    nights, night = pl.col("nights").list, pl.element().struct.field
    runs = runs.with_columns(
        asked=_seconds_of(nights.eval(night("asked_seconds"))),
        took=_seconds_of(nights.eval(night("took_seconds"))),
        failed=nights.eval(night("has_failed")).list.sum().fill_null(0),
        rescued=nights.eval(night("has_failed") & night("took_seconds").is_not_null()).list.sum().fill_null(0),
        days=nights.len().fill_null(0),
        age=seconds(pl.col("known_until") - pl.col("asked_at")).clip(0.0).fill_null(0.0),
        left=seconds(pl.col("due_at") - pl.col("known_until")),
        state=_state(),
    )
    few = pl.col("took").list.len() < LEAST_RUNS
    irregular = (pl.col("state") == "not_requested") & (pl.col("asked").list.len() < REGULAR * pl.col("days"))
    reason = pl.when(few).then(pl.lit("too_little_history")).when(irregular).then(pl.lit("irregular"))
    is_fact = (pl.col("left") < 0) & (pl.col("state") != "not_requested")
    return runs.with_columns(
        chance=pl.Series(_chances_of_days(runs)).fill_nan(None),
        reason=pl.when(~is_fact & (pl.col("state") != "succeeded")).then(reason),
        is_met=pl.col("state") == "succeeded",
    ).with_columns(is_missed=(pl.col("left") < 0) & ~pl.col("is_met") & pl.col("reason").is_null())


def _chances_of_days(runs: pl.DataFrame) -> Values:
    """The probability that each misses its deadline, by its state."""
    every = np.arange(runs.height)
    age, left = runs["age"].to_numpy(), runs["left"].to_numpy()
    days, rescued, failed, requested, done = (
        runs.select(each).to_series().cast(pl.Int64).to_numpy()
        for each in ("days", "rescued", "failed", pl.col("asked").list.len(), pl.col("took").list.len())
    )
    past = _past(runs, never=requested - done)
    shares = rescued_shares(rescued, failed)
    by_state = {
        "not_requested": miss_not_requested(past, padded(runs["asked"]), days, DAY_SECONDS - left),
        "failed": miss_after_failure(past, every, age, left, shares),
        "under_way": miss_under_way(past, every, age, left),
        "succeeded": np.zeros(runs.height),
    }
    states = runs["state"].to_numpy()
    return np.select([states == state for state in by_state], list(by_state.values()), np.nan)


def _past(runs: pl.DataFrame, never: Counts) -> Past:
    done = runs["took"].list.len().cast(pl.Int64).to_numpy()
    return Past(fit_survival(padded(runs["took"]), GRAINS["running"]), never_shares(never, done + never))


def _state() -> pl.Expr:
    return (
        pl.when(pl.col("done_at").is_not_null())
        .then(pl.lit("succeeded"))
        .when(pl.col("status").is_null())
        .then(pl.lit("not_requested"))
        .when(pl.col("status").is_in(["queued", "running"]))
        .then(pl.lit("under_way"))
        .otherwise(pl.lit("failed"))
    )


def _verdict() -> pl.Expr:
    return (
        pl.when(pl.col("is_missed"))
        .then(pl.lit("missed"))
        .when(pl.col("is_met"))
        .then(pl.lit("met"))
        .when(pl.col("reason").is_not_null())
        .then(pl.lit("not_judged"))
        .when(pl.col("chance") >= AT_RISK)
        .then(pl.lit("at_risk"))
        .otherwise(pl.lit("on_track"))
    )


def _limit_name() -> pl.Expr:
    return (
        pl.when(pl.col("kind") == "longer_than")
        .then(pl.format("longer than {}", said("longest_seconds")))
        .otherwise(pl.format("done by {} {}", "done_by", "zone"))
    )


def _evidence() -> pl.Expr:
    """One sentence: how it stands, how long is left, what earlier runs took, and what follows."""
    judged = pl.concat_str(_history(), _probability())
    ending = pl.when(pl.col("reason").is_not_null()).then(_why_not()).otherwise(judged)
    return pl.when(pl.col("is_met")).then(_met()).otherwise(pl.concat_str(_standing(), _due(), ending))


def _met() -> pl.Expr:
    early = said(seconds(pl.col("due_at") - pl.col("done_at")))
    return pl.format("it succeeded {} before it was due", early)


def _standing() -> pl.Expr:
    ago = said("age")
    return (
        pl.when(pl.col("state") == "running")
        .then(pl.format("it has been running for {}", ago))
        .when(pl.col("state") == "not_begun")
        .then(pl.lit("none is running"))
        .when(pl.col("state") == "not_requested")
        .then(pl.lit("none has been requested for it"))
        .when(pl.col("state") == "failed")
        .then(pl.format("it was requested {} ago and ended as {}", ago, "status"))
        .otherwise(pl.format("it was requested {} ago and is {}", ago, "status"))
    )


def _due() -> pl.Expr:
    overdue = pl.format(", due {} ago", said(-pl.col("left")))
    due = pl.when(pl.col("left") < 0).then(overdue).otherwise(pl.format(", due in {}", said("left")))
    return pl.when(pl.col("kind") == "done_by").then(due).otherwise(pl.lit(""))


def _history() -> pl.Expr:
    figures = pl.format(
        "; the last {} took {} (median), 95 of 100 less than {}", "history_runs", said("usual_seconds"), said("slow_seconds")
    )
    return pl.when(pl.col("history_runs") > 0).then(figures).otherwise(pl.lit(""))


def _probability() -> pl.Expr:
    percent = (pl.col("chance") * 100).round().cast(pl.Int64)
    return pl.when(pl.col("is_missed")).then(pl.lit("")).otherwise(pl.format("; the probability of a miss is {} %", percent))


def _why_not() -> pl.Expr:
    few = pl.format("; {} earlier ones succeeded, and judging takes at least {}", "history_runs", pl.lit(LEAST_RUNS))
    irregular = pl.format("; it was requested on {} of the last {} days", pl.col("asked").list.len(), "days")
    return pl.when(pl.col("reason") == "irregular").then(irregular).otherwise(few)


def _seconds_of(lists: str | pl.Expr) -> pl.Expr:
    """The numbers of lists, without gaps; an empty list for none."""
    exact = pl.col(lists) if isinstance(lists, str) else lists
    return exact.cast(pl.List(pl.Float64)).list.drop_nulls().fill_null(pl.lit([], pl.List(pl.Float64)))


SCAN_LIMITS = Insight(
    __file__,
    reads=("scans",),
    takes={"window_days": "insights.window_days", "limits": "scans.as_rows"},
    derive=judge_limits,
)
