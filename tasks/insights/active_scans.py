"""insights.active_scans: every scan not finished at `as_of`, when it should finish, and whether it is alive. Reads raw.scans."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.insights.insight import Insight
from tasks.insights.scans.durations import LEAST_RUNS
from tasks.insights.scans.finishes import Finish, finish_by_ranks, queued_finish, running_finish
from tasks.insights.scans.history import DAY_SECONDS, GRAINS, History, read_history
from tasks.insights.scans.verdicts import DEAD, counting_signs, dead_probability, evidence, kept_in_grace, verdict
from tasks.insights.statistics.intervals import Values

FINISHES = {"low": "finish_low_at", "median": "expected_finish_at", "high": "finish_high_at"}


def judge(groups: pl.DataFrame) -> pl.DataFrame:
    """The table, from one row per data_source x scan_type with its runs and its unfinished scans."""
    scans = unfinished_scans(groups)
    by_state = {state: scans.filter(pl.col("status") == state) for state in GRAINS}
    histories = {state: read_history(groups, of_state, state) for state, of_state in by_state.items()}
    table = pl.concat(_judge_state(of_state, histories, state) for state, of_state in by_state.items())
    table = table.with_columns(verdict=verdict(), evidence=evidence(), no_finish_reason=_no_finish_reason())
    table = table.with_columns(_instant(seconds).alias(name) for seconds, name in FINISHES.items())
    return table.sort("elapsed_seconds", "scan_id", "source", descending=[True, False, False], nulls_last=True)


def unfinished_scans(groups: pl.DataFrame) -> pl.DataFrame:
    """One row per unfinished scan, with the row number of its group.

    `known_seconds` is the time for which it is known to have been unfinished: until the source was last read. Of that
    `telling_seconds` says something of the scan itself: of a queued one, up to when the last scan of the platform began. A queue
    that stands still says nothing of one scan in it.
    """
    numbered = groups.with_columns(group=pl.int_range(pl.len()), last_started_at=pl.col("last_started_at").max())
    kept = numbered.select("as_of", "window_days", "data_source", "scan_type", "group", "last_started_at", "unfinished")
    scans = kept.explode("unfinished", empty_as_null=False, keep_nulls=False).unnest("unfinished")
    moved = (pl.col("last_started_at") - pl.col("queued_at")).dt.total_microseconds() / 1e6
    scans = scans.with_columns(known_seconds=(pl.col("elapsed_seconds") - pl.col("unread_seconds")).clip(0.0))
    return scans.with_columns(
        changed_seconds=pl.min_horizontal(pl.col("changed_seconds").fill_null(0.0).clip(0.0), "known_seconds"),
        telling_seconds=pl.when(pl.col("status") == "queued")
        .then(pl.min_horizontal("known_seconds", moved.fill_null(0.0).clip(0.0)))
        .otherwise("known_seconds"),
        is_queue_still=(pl.col("status") == "queued") & (moved <= 0).fill_null(True),
    )


def _judge_state(scans: pl.DataFrame, histories: dict[str, History], state: str) -> pl.DataFrame:
    history = histories[state]
    known, telling, changed = (
        scans[name].fill_null(np.nan).to_numpy() for name in ("known_seconds", "telling_seconds", "changed_seconds")
    )
    rows = scans["group"].to_numpy().astype(np.intp)
    usual = history.survival.seconds(rows, np.full(rows.size, 0.5))
    longest = history.figures["longest_seconds"].fill_null(np.nan).to_numpy()[rows]
    alive_at = counting_signs(np.minimum(changed, telling), known, longest)
    dead = kept_in_grace(dead_probability(history.survival, rows, telling, alive_at, history.dying), known, usual)
    dead[scans["outdated_reason"].is_not_null().to_numpy()] = np.nan
    finish = _finish(histories, state, rows, known)
    found = {"dead_probability": dead, "alive_seconds": alive_at, "low": finish.low, "median": finish.median, "high": finish.high}
    columns = (pl.Series(name, values).fill_nan(None) for name, values in found.items())
    return pl.concat([scans, history.figures[rows]], how="horizontal").with_columns(*columns)


def _finish(histories: dict[str, History], state: str, rows: NDArray[np.intp], elapsed: Values) -> Finish:
    queue, run = histories["queued"], histories["running"]
    if state == "running":
        by_ranks = finish_by_ranks(run.times, run.times, rows, elapsed)
        return by_ranks.where_known(running_finish(run.survival, rows, elapsed))
    by_ranks = finish_by_ranks(queue.times, queue.times + run.times, rows, elapsed)
    return by_ranks.where_known(queued_finish(queue.survival, run.survival, rows, elapsed))


def _no_finish_reason() -> pl.Expr:
    return (
        pl.when(pl.col("outdated_reason").is_not_null())
        .then(pl.lit("outdated"))
        .when(pl.col("elapsed_seconds").is_null())
        .then(pl.lit("start_unknown"))
        .when(pl.col("history_runs") < LEAST_RUNS)
        .then(pl.lit("too_little_history"))
        .when(pl.col("dead_probability") >= DEAD)
        .then(pl.lit("probably_dead"))
        .when(pl.col("high") - pl.col("elapsed_seconds") > pl.col("window_days") * DAY_SECONDS)
        .then(pl.lit("too_uncertain"))
    )


def _instant(seconds: str) -> pl.Expr:
    """`as_of` plus what is left of the seconds, where there is no reason against it."""
    left = pl.when(pl.col("no_finish_reason").is_null()).then((pl.col(seconds) - pl.col("elapsed_seconds")) * 1e6)
    return pl.col("as_of") + pl.duration(microseconds=left.round().cast(pl.Int64))


ACTIVE_SCANS = Insight(
    __file__,
    reads=("scans",),
    takes={"window_days": "insights.window_days", "queue_bound_seconds": "insights.queue_bound_seconds"},
    derive=judge,
)
