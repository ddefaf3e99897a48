"""Counts and lists of times per environment x service, joined to what they are of all of them together."""

from collections.abc import Iterator, Sequence

import polars as pl

PLACE = ("environment", "service")
COUNTS = (
    *("deployments", "attempts", "succeeded", "failed", "rolled_back", "canceled", "succeeded_at_once", "failed_changes", "rework"),
    *("incidents", "incident_failed_changes"),
)
"""Counts of what ended, which any span of time has."""
COUNTING = {
    "gap_seconds": "insights.attempt_gap_seconds",
    "environments": "insights.environment_names",
    "bound_seconds": "insights.duration_bound_seconds",
    "lead_bound_seconds": "insights.lead_bound_seconds",
    "rework_seconds": "insights.rework_seconds",
    "link_seconds": "insights.incident_link_seconds",
}
"""What counting takes from the settings: the parameters of `deployment_counts_as_of`."""
TIMES = ("durations", "lead_times", "recovery_times", "open_times", "incident_recovery_times", "incident_open_times")


def unions(parts: pl.DataFrame, counts: Sequence[str], spans: Sequence[str] = ()) -> Iterator[pl.DataFrame]:
    """The parts as they are, joined over environments, over services, and over both.

    Args:
        counts: the columns that are added up.
        spans: the columns of the spans of time that stay apart.
    """
    for names in ((), ("environment",), ("service",), PLACE):
        yield _joined(parts.with_columns(pl.lit("all").alias(name) for name in names), counts, spans)


def _joined(parts: pl.DataFrame, counts: Sequence[str], spans: Sequence[str]) -> pl.DataFrame:
    """A team is named where it is the only one."""
    key = (*spans, *PLACE)
    return (
        parts.group_by(key)
        .agg(
            pl.col(counts).sum(),
            *(pl.col(name).explode(keep_nulls=False, empty_as_null=False).sort() for name in TIMES),
            pl.when(pl.col("team").n_unique() == 1).then(pl.col("team").first()).alias("team"),
            pl.col("known_since").min(),
            pl.col("is_sample", "knows_incidents").any(),
        )
        .sort(key)
    )


def nothing(parts: pl.DataFrame, counts: Sequence[str]) -> pl.DataFrame:
    """A part that says that there is none."""
    row: dict[str, object] = dict.fromkeys(PLACE, "all") | dict.fromkeys(counts, 0) | {name: [] for name in TIMES}
    return pl.DataFrame([row | {"is_sample": False, "knows_incidents": False}], schema=parts.schema)
