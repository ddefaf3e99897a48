"""Operations that are worse than usual up to as_of: since when, and how sure it is. Pure."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.insights.health.excess import DAYS, HOURS, Usual, excess_tail, fit_usual, q_over_operations
from tasks.insights.hours import hour_of
from tasks.insights.statistics.intervals import Counts, Values
from tasks.insights.statistics.quantiles import quantile_ranks

RECENT = 24
"""Hours up to as_of that are judged; the four weeks before them are what is usual."""
SURE = 0.002
"""An hour with a q-value up to it begins a finding: 168 looks a week make a third of a false one of each kind."""
CONTINUES = 0.05
"""An hour with such a tail goes on with one: a run ends with an hour that looks as usual."""
SILENT = 3
"""Hours without one that could be judged, after which nobody knows whether it goes on."""
WEEK = 7 * HOURS

Flags = NDArray[np.bool_]


Matters = Callable[[Sequence[Counts], Counts, Usual], Flags]


class Share(NamedTuple):
    """What is counted.

    Attributes:
        hits: columns, each of which may betray it.
        totals: what they are hits among.
        needs: how many of them an hour needs, or a day.
        matters: whether a day's hits and totals are more than a trifle.
    """

    hits: tuple[str, ...]
    totals: str
    needs: int
    matters: Matters


def is_much_slower(hits: Sequence[Counts], totals: Counts, _: Usual) -> Flags:
    """Whether the 95th percentile is at least 1.5 times the usual at the lower end of its interval: by order statistics, so many
    have taken longer than that."""
    ranks = np.array([quantile_ranks(int(n), 0.95)[0] or 0 for n in totals])
    flags: Flags = (ranks > 0) & (hits[1] > totals - ranks)
    return flags


def is_a_point_more(hits: Sequence[Counts], totals: Counts, usual: Usual) -> Flags:
    """Whether at least one in a hundred more fails than usual."""
    flags: Flags = hits[0] / np.maximum(totals, 1) >= usual.share + 0.01
    return flags


SLOW = Share(("slow", "very_slow"), "timed", 30, is_much_slower)
"""Beyond the usual 95th percentile there is every request of a service that is slow; far beyond it those of a tail alone."""
FAILED = Share(("failed",), "requests", 20, is_a_point_more)


class Run(NamedTuple):
    """A run of bad hours of one operation.

    Attributes:
        hours: those that could be judged, as places among the RECENT, ascending.
        q_value: the least of them.
    """

    hours: list[int]
    q_value: float


def find_runs(rows: pl.DataFrame, share: Share) -> pl.DataFrame:
    """The operations that are bad now, each with the row of the last hour of its run. Those that have no hour of the last day that
    could be judged are judged by the day, and have its counts.

    Args:
        rows: the hours up to as_of in any order: as_of, operation, hour_at, requests, the share's columns, is_large (it matters).

    Returns:
        the rows, with is_day, started_at, bad_hours (count), q_value, usual_share (of the first hits) and usual_requests (mean of
        that hour of the week in the past four, NULL without any).
    """
    placed = _placed(rows)
    hits, totals = [_dense(placed, name) for name in share.hits], _dense(placed, share.totals)
    usuals = [usual_of(each[:, :-RECENT], totals[:, :-RECENT]) for each in hits]
    recent = [each[:, -RECENT:].T for each in (*hits, totals)]
    tails = hour_tails(recent[:-1], recent[-1], usuals, share.needs)
    runs = judge(tails, _dense(placed, "is_large")[:, -RECENT:].T > 0, is_whole=_is_whole(rows))
    by_hour = _with_runs(placed, runs, usuals[0], _dense(placed, "requests")).with_columns(is_day=pl.lit(False))
    is_thin: Flags = np.atleast_1d(np.isnan(tails).all(axis=0))
    days, usual = judge_days(hits, totals, is_thin, share)
    return pl.concat([by_hour, _with_days(placed, days, usual, share)])


def judge_days(hits: Sequence[Counts], totals: Counts, is_thin: Flags, share: Share) -> tuple[dict[int, float], Usual]:
    """The q-value of each thin operation whose last day is bad, and what is usual.

    Args:
        hits, totals: of shape (operations, hours), the last RECENT of which are the day.
    """
    by_day = [each.reshape(len(each), DAYS + 1, HOURS).sum(axis=2, keepdims=True) for each in (*hits, totals)]
    usuals = [fit_usual(each[:, :-1], by_day[-1][:, :-1]) for each in by_day[:-1]]
    *today, n = (each[:, -1, 0] for each in by_day)
    tails = np.where(is_thin, hour_tails([each[None] for each in today], n[None], usuals, share.needs), np.nan)
    q = q_over_operations(tails)[0]
    found = np.flatnonzero((q <= SURE) & share.matters(today, n, usuals[0]))
    return {int(code): float(q[code]) for code in found}, usuals[0]


def usual_of(hits: Counts, totals: Counts) -> Usual:
    """What is usual in whole days of hours, of shape (operations, hours)."""
    shape = (hits.shape[0], hits.shape[1] // HOURS, HOURS)
    return fit_usual(hits.reshape(shape), totals.reshape(shape))


def hour_tails(hits: Sequence[Counts], totals: Counts, usuals: Sequence[Usual], needs: int) -> Values:
    """The tail of each hour: the least over the kinds of hits, times their number (Bonferroni).

    Args:
        hits, totals: of shape (hours, operations).

    Returns:
        of that shape, NaN for hours with fewer than `needs`.
    """
    tails = np.min([excess_tail(each, totals, usual) for each, usual in zip(hits, usuals, strict=True)], axis=0)
    return np.where(totals >= needs, np.minimum(tails * len(hits), 1.0), np.nan)


def judge(tails: Values, is_large: Flags, is_whole: bool = True) -> dict[int, Run]:
    """The run of each operation that is bad now, by its place.

    Args:
        tails, is_large: of shape (RECENT, operations).
        is_whole: the last hour is over.
    """
    q = q_over_operations(tails)
    is_sure = (q <= SURE) & is_large
    runs = {int(place): last_run(tails[:, place], is_whole) for place in np.flatnonzero(is_sure.any(axis=0))}
    return {place: Run(run, float(np.min(q[run, place]))) for place, run in runs.items() if is_sure[run, place].any()}


def last_run(tails: Values, is_whole: bool) -> list[int]:
    """The bad hours up to now of one operation, ascending; hours that could not be judged are passed over. An hour that is not
    over yet may begin a run or go on with it, but does not end it."""
    judged = np.flatnonzero(np.isfinite(tails)).tolist()
    if judged and not is_whole and judged[-1] == len(tails) - 1 and tails[judged[-1]] > CONTINUES:
        judged.pop()
    run: list[int] = []
    later = len(tails)
    for hour in reversed(judged):
        if tails[hour] > CONTINUES or later - hour > SILENT:
            break
        run.insert(0, hour)
        later = hour
    return run


def _is_whole(rows: pl.DataFrame) -> bool:
    return rows.is_empty() or rows["as_of"][0] == hour_of(rows["as_of"][0])


def _placed(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the place of their operation and of their hour, the last before as_of being the last of DAYS and RECENT."""
    last = (pl.col("as_of") - pl.duration(microseconds=1)).dt.truncate("1h")
    place = DAYS * HOURS + RECENT - 1 - (last - pl.col("hour_at")).dt.total_hours()
    placed = rows.with_columns(place=place).filter(pl.col("place") >= 0)
    return placed.with_columns(code=pl.col("operation").rank("dense").cast(pl.Int64) - 1)


def _dense(placed: pl.DataFrame, name: str) -> Counts:
    """A column by operation x hour, 0 where there is no row."""
    dense = np.zeros((placed["operation"].n_unique(), DAYS * HOURS + RECENT), dtype=np.int64)
    dense[placed["code"].to_numpy(), placed["place"].to_numpy()] = placed[name].fill_null(0).cast(pl.Int64).to_numpy()
    return dense


def _with_runs(placed: pl.DataFrame, runs: dict[int, Run], usual: Usual, requests: Counts) -> pl.DataFrame:
    columns = {
        "code": list(runs),
        "place": [DAYS * HOURS + run.hours[-1] for run in runs.values()],
        "bad_hours": [len(run.hours) for run in runs.values()],
        "began_before": [run.hours[-1] - run.hours[0] for run in runs.values()],
        "q_value": [run.q_value for run in runs.values()],
        "usual_share": [float(usual.share[code]) for code in runs],
        "usual_requests": [_usual_requests(requests[code], DAYS * HOURS + run.hours[-1]) for code, run in runs.items()],
    }
    whole = dict.fromkeys(("code", "place", "bad_hours", "began_before"), pl.Int64())
    found = pl.DataFrame(columns, schema=whole | dict.fromkeys(("q_value", "usual_share", "usual_requests"), pl.Float64()))
    joined = placed.join(found, on=["code", "place"], how="inner", maintain_order="right")
    return joined.with_columns(started_at=pl.col("hour_at") - pl.duration(hours=pl.col("began_before")))


def _usual_requests(requests: Counts, place: int) -> float | None:
    past = requests[place - WEEK :: -WEEK][: DAYS // 7]
    return float(past[past > 0].mean()) if (past > 0).any() else None


def _with_days(placed: pl.DataFrame, days: dict[int, float], usual: Usual, share: Share) -> pl.DataFrame:
    """The last row of each operation with the sums of its last day."""
    summed = list(dict.fromkeys((*share.hits, share.totals, "requests")))
    found = pl.DataFrame(
        {"code": list(days), "q_value": list(days.values()), "usual_share": [float(usual.share[code]) for code in days]},
        schema={"code": pl.Int64(), "q_value": pl.Float64(), "usual_share": pl.Float64()},
    )
    today = placed.filter(pl.col("place") >= DAYS * HOURS).join(found, on="code")
    last = (
        today.sort("place")
        .group_by("code", maintain_order=True)
        .agg(pl.exclude("code", *summed).last(), pl.col(summed).sum(), bad_hours=pl.len().cast(pl.Int64))
    )
    began = (pl.col("as_of") - pl.duration(microseconds=1)).dt.truncate("1h") - pl.duration(hours=RECENT - 1)
    return last.with_columns(
        pl.lit(None, pl.Float64).alias("usual_requests"), started_at=began, began_before=pl.lit(None, pl.Int64), is_day=pl.lit(True)
    ).select(*placed.columns, "bad_hours", "began_before", "q_value", "usual_share", "usual_requests", "started_at", "is_day")
