"""Rates, medians and frequencies of deployments with their intervals, and why there are none."""

import polars as pl

from tasks.insights.statistics.intervals import with_poisson_rate, with_rate
from tasks.insights.statistics.kaplan_meier import with_censored_median
from tasks.insights.statistics.quantiles import with_median

DEFINITION = 2
"""Of what the tables of deployments count; docs/metrics.md says what each version changed."""
LEAST_DAYS = 1.0
"""Of one deployment within the first hour nobody expects 24 a day."""


def with_figures(rows: pl.DataFrame) -> pl.DataFrame:
    """What any span of time has, of counts and sorted lists of times.

    Args:
        rows: with `known_days`, which frequencies are taken over.
    """
    changes = pl.when(pl.col("knows_incidents")).then(pl.col("deployments")).otherwise(0)
    judged = rows.with_columns(changes.alias("judged_by_incidents"))
    return judged.with_columns(
        *with_rate("success_rate", "succeeded", "deployments"),
        *with_rate("first_attempt_success_rate", "succeeded_at_once", "deployments"),
        *_lengths(
            durations="durations",
            recovered="recovery_times",
            unrecovered="open_times",
            lead_times="lead_times",
            incidents_resolved="incident_recovery_times",
            incidents_open="incident_open_times",
        ),
        *with_median(rows["durations"], "median_duration"),
        *with_poisson_rate("deployments_per_day", rows["deployments"], rows["known_days"]),
        *with_rate("change_failure_rate", "failed_changes", "deployments"),
        *with_censored_median(rows["recovery_times"], rows["open_times"], "recovery_median"),
        *with_rate("rework_rate", "rework", "deployments"),
        *with_median(rows["lead_times"], "lead_time_median"),
        *with_rate("incident_change_failure_rate", "incident_failed_changes", "judged_by_incidents"),
        *with_censored_median(rows["incident_recovery_times"], rows["incident_open_times"], "incident_recovery_median"),
        _incident_reason().alias("incident_no_data_reason"),
        pl.lit(DEFINITION, pl.Int64).alias("definition"),
    )


def known_days(start: pl.Expr, end: pl.Expr) -> pl.Expr:
    """The days from `start` to `end` since the first deployment that is known, at least one."""
    seconds = (end - pl.max_horizontal(start, "known_since")).dt.total_microseconds() / 1e6
    return pl.max_horizontal(seconds / 86_400, pl.lit(LEAST_DAYS)).alias("known_days")


def _lengths(**lists: str) -> list[pl.Expr]:
    return [pl.col(times).list.len().cast(pl.Int64).alias(name) for name, times in lists.items()]


def _incident_reason() -> pl.Expr:
    without = pl.when(~pl.col("knows_incidents")).then(pl.lit("no_incidents_known"))
    return without.when(pl.col("deployments") == 0).then(pl.lit("no_deployments"))
