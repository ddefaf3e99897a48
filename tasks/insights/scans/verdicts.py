"""Whether a scan is still alive, from how long it has lasted: the probability that it died, the verdict, and why."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.insights.scans.durations import LEAST_RUNS, Survival
from tasks.insights.scans.expressions import said
from tasks.insights.statistics.intervals import Values
from tasks.wording import counted

DEAD = 0.95
"""From this probability on a scan is said to be dead."""
SUREST = 0.9999
"""No scan is surer to be dead: that is about as far as a distribution of durations can be trusted."""
UNREAD_SECONDS = 1800.0
"""A source that has not been read for so long (two extractions missed) is told of (s)."""
PRIOR_SHARE, PRIOR_WEIGHT = 0.02, 50.0
"""Of scans that die: so often where nothing is known, which counts as so many scans."""
GRACE_SECONDS = 1800.0
"""Nobody is woken within this beyond the usual time (s): twice the 15 minutes between extractions."""
SUREST_IN_GRACE = 0.9
"""Below `DEAD`: how sure a scan can be dead within the grace."""
SIGN_LASTS_SECONDS = 3600.0
"""A sign of life counts no longer where the platform does not show how often it gives any (s)."""
LEAST_SIGN_SECONDS = 600.0
ENOUGH_SIGNS = 5
"""Fewer scans with a sign do not show how long signs last."""
SIGNS_MISSED = 3.0
"""So many times the median age of the platform's signs is as long as one lasts."""
MOST_ALIVE = 2.0
"""Beyond so many times the longest of the latest runs, and the grace, a record that changes is no sign of life."""
OUTLASTING = 3.0
"""A scan that lasted so many times as long as the longest of its latest successful runs counts as one that died."""


def share_of_dying(outlasted: int, ended: int, undecided: int) -> float:
    """The share of scans that die, by the platform's own past (mean of a Beta posterior).

    Args:
        outlasted: scans that outlasted every success threefold, whatever became of them.
        ended: scans that ended.
        undecided: scans that are unfinished and outlasted every success threefold: they are in `outlasted`, not in `ended`.
    """
    return (outlasted + PRIOR_SHARE * PRIOR_WEIGHT) / (ended + undecided + PRIOR_WEIGHT)


def dead_probability(survival: Survival, groups: NDArray[np.intp], elapsed: Values, alive_at: Values, dying: float) -> Values:
    """P(dead | unfinished after `elapsed`) by Bayes' rule, NaN where it cannot be known.

    A live scan lasts so long with S(elapsed) / S(alive_at), a dead one with certainty.

    Args:
        elapsed, alive_at: since its beginning, and at the last sign of life since (s); one per scan.
        dying: the share of scans that die.
    """
    sign = np.where(alive_at > 0, survival.share(groups, alive_at), 1.0)
    dead: Values = dying / (dying + (1 - dying) * survival.share(groups, elapsed) / sign)
    return np.minimum(dead, SUREST)


def counting_signs(changed: Values, known: Values, longest: Values) -> Values:
    """The times of the last signs of life, 0 for what is none (any more).

    A sign counts for as long as signs usually last on this platform, and not on a scan that has lasted more than twice as long as
    any of the latest: something touches its row, and no scan of this kind is known to take so long.

    Args:
        changed: when each record last changed, since the scan's beginning (s); 0 for never.
        known: for how long each is known to have been unfinished (s).
        longest: the longest of its latest runs (s).
    """
    ages = known - changed
    has_sign = changed > 0
    lasts = SIGN_LASTS_SECONDS
    if np.count_nonzero(has_sign) >= ENOUGH_SIGNS:
        lasts = float(np.clip(SIGNS_MISSED * np.nanmedian(ages[has_sign]), LEAST_SIGN_SECONDS, SIGN_LASTS_SECONDS))
    counts = has_sign & (ages <= lasts) & ~(known > MOST_ALIVE * longest + GRACE_SECONDS)
    return np.where(counts, changed, 0.0)


def kept_in_grace(dead: Values, known: Values, usual: Values) -> Values:
    """The probabilities, none surer than `SUREST_IN_GRACE` soon after the usual time (s)."""
    return np.where(known <= usual + GRACE_SECONDS, np.minimum(dead, SUREST_IN_GRACE), dead)


def verdict() -> pl.Expr:
    """From dead_probability, known_seconds and slow_seconds."""
    return (
        pl.when(pl.col("outdated_reason").is_not_null())
        .then(pl.lit("outdated"))
        .when(pl.col("dead_probability").is_null())
        .then(pl.lit("too_little_history"))
        .when(pl.col("dead_probability") >= DEAD)
        .then(pl.lit("probably_dead"))
        .when(pl.col("known_seconds") > pl.col("slow_seconds"))
        .then(pl.lit("slow"))
        .otherwise(pl.lit("on_track"))
    )


def evidence() -> pl.Expr:
    """One sentence with the numbers, from the table's columns, outdated_reason, longest_seconds, changed_seconds, alive_seconds,
    unread_seconds and is_queue_still."""
    lasting = pl.format("it has been {} for {}", "status", said("elapsed_seconds"))
    since = (
        pl.when(pl.col("elapsed_seconds").is_null())
        .then(pl.format("it is {}, for how long is not known", "status"))
        .otherwise(lasting)
    )
    judged_by = pl.when(pl.col("history_runs") < LEAST_RUNS).then(_too_few()).otherwise(pl.concat_str(_history(), _signs()))
    outdated = pl.format("; its newest version was rejected: {}", "outdated_reason")
    return pl.concat_str(since, pl.when(pl.col("outdated_reason").is_not_null()).then(outdated).otherwise(judged_by))


def _too_few() -> pl.Expr:
    some = pl.col("history_runs").map_elements(lambda n: counted(n, "earlier run"), return_dtype=pl.String)
    runs = pl.when(pl.col("history_runs") == 0).then(pl.lit("no earlier run")).otherwise(some)
    return pl.format("; {} succeeded in {} days, and judging takes at least {}", runs, "window_days", pl.lit(LEAST_RUNS))


def _history() -> pl.Expr:
    took = pl.when(pl.col("status") == "queued").then(pl.lit("waited")).otherwise(pl.lit("took"))
    figures = (said(name) for name in ("usual_seconds", "slow_seconds", "longest_seconds"))
    return pl.format("; the last {} runs {} {} (median), 95 of 100 less than {}, the longest {}", "history_runs", took, *figures)


def _signs() -> pl.Expr:
    no_sign = pl.when(pl.col("alive_seconds") > 0).then(pl.lit("")).otherwise(pl.lit(", which counts as no sign of life"))
    changed = pl.format("; its record changed {} ago{}", said(pl.col("elapsed_seconds") - pl.col("changed_seconds")), no_sign)
    still = pl.when(pl.col("is_queue_still")).then(pl.lit("; no scan has begun since")).otherwise(pl.lit(""))
    unread = pl.format("; judged as of {} ago, when the source was last read", said("unread_seconds"))
    return pl.concat_str(
        pl.when(pl.col("changed_seconds") >= 60).then(changed).otherwise(pl.lit("")),
        still,
        pl.when(pl.col("unread_seconds") >= UNREAD_SECONDS).then(unread).otherwise(pl.lit("")),
    )
