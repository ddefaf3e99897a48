"""What is known of earlier scans of each data_source x scan_type: how long they ran, or waited, and how many died."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from tasks.insights.scans.durations import LEAST_RUNS, Survival, fit_survival, padded
from tasks.insights.scans.finishes import ENOUGH
from tasks.insights.scans.verdicts import OUTLASTING, share_of_dying
from tasks.insights.statistics.intervals import Values
from tasks.insights.statistics.quantiles import list_quantile

DAY_SECONDS = 86_400
GRAINS = {"running": 1.0, "queued": 60.0}
"""Seconds that mean nothing (s): instants are often given in whole ones, and a minute more in the queue is no sign of anything."""
TIMES = {"running": "run_seconds", "queued": "queue_seconds"}


@dataclass(frozen=True)
class History:
    """What is known of the time in one state, running or queued.

    Attributes:
        times: groups x runs, the newest last, NaN where there is none (s).
        figures: of each group history_runs, usual_seconds, slow_seconds, longest_seconds.
        dying: the share of scans that die in this state.
    """

    times: Values
    survival: Survival
    figures: pl.DataFrame
    dying: float


def read_history(groups: pl.DataFrame, scans: pl.DataFrame, state: str) -> History:
    """From the groups and the unfinished scans of that state, which say by `group` in which row theirs is."""
    times = groups[TIMES[state]]
    survival = fit_survival(padded(times.list.drop_nulls()), GRAINS[state])
    figures = _figures(times.list.drop_nulls().list.sort(), survival)
    unsuccessful = groups["unsuccessful_seconds"] if state == "running" else pl.Series([None] * groups.height, dtype=pl.List(float))
    return History(padded(times), survival, figures, _dying(groups, scans, unsuccessful, figures, GRAINS[state]))


def _figures(times: pl.Series, survival: Survival) -> pl.DataFrame:
    """Of ascending times; the 95th percentile of few of them is what the distribution expects."""
    expected = survival.seconds(np.arange(len(times)), np.full(len(times), 0.05))
    runs = times.list.len().fill_null(0).cast(pl.Int64)
    figures = pl.DataFrame(
        {
            "history_runs": runs,
            "usual_seconds": list_quantile(times, 0.5),
            "slow_seconds": list_quantile(times, 0.95),
            "longest_seconds": times.list.max(),
            "expected": pl.Series(expected).fill_nan(None),
        }
    )
    slow = pl.when(pl.col("history_runs") >= ENOUGH).then("slow_seconds").otherwise("expected")
    return figures.with_columns(slow_seconds=slow).drop("expected")


def _dying(groups: pl.DataFrame, scans: pl.DataFrame, unsuccessful: pl.Series, figures: pl.DataFrame, grain: float) -> float:
    """The share of scans that died: those that outlasted every success threefold, whatever became of them."""
    longest = figures.select(
        pl.int_range(pl.len()).alias("group"),
        limit=pl.when(pl.col("history_runs") >= LEAST_RUNS).then(OUTLASTING * (pl.col("longest_seconds") + grain) - grain),
    )
    ended = pl.DataFrame({"group": pl.int_range(groups.height, eager=True), "seconds": unsuccessful})
    ended = ended.explode("seconds", empty_as_null=False, keep_nulls=False).join(longest, on="group")
    recent = scans.filter(pl.col("elapsed_seconds") <= pl.col("window_days") * DAY_SECONDS).join(longest, on="group")
    dead = ended.filter(pl.col("seconds") > pl.col("limit")).height
    undecided = recent.filter(pl.col("telling_seconds") > pl.col("limit")).height
    return share_of_dying(dead + undecided, int(groups["ended"].sum()), undecided)
