"""insights.scan_performance: how well and how fast the scans of each data source run, and when the next is due. Reads raw.scans."""

from dataclasses import asdict

import polars as pl

from tasks.insights.insight import Insight
from tasks.insights.scans.cadence import Cadence, find_cadence
from tasks.insights.scans.slowdowns import Days, Slowdown, find_slowdowns
from tasks.insights.statistics.intervals import with_rate
from tasks.insights.statistics.quantiles import with_median, with_p90

DAYS = pl.List(pl.Struct({"day": pl.Int64, "seconds": pl.Float64, "assets": pl.Float64}))
SLOWDOWN = pl.Schema(
    {
        "verdict": pl.String(),
        "since": pl.Int64(),
        **dict.fromkeys(("q_value", "ratio", "low", "high", "assets"), pl.Float64()),
    }
)
CADENCE = pl.Schema(
    {
        "gaps": pl.Int64(),
        "last": pl.Datetime("us", "UTC"),
        "confidence": pl.Float64(),
        **dict.fromkeys(("typical", "low", "high"), pl.Duration("us")),
    }
)
LISTS = ("queue_times", "run_times", "speeds", "asked", "days")


def derive_performance(parts: pl.DataFrame) -> pl.DataFrame:
    """The table's rows.

    Args:
        parts: per data source x scan type counts, reasons, lists of times (s), of instants (us) and of daily medians, NULL for
            empty ones.
    """
    parts = parts.sort("data_source", "scan_type").with_columns(pl.col("days").cast(DAYS)).with_columns(pl.col(LISTS).fill_null([]))
    parts = parts.with_columns(pl.col(LISTS[:-1]).list.sort())
    slowdowns = find_slowdowns([_days(days) for days in parts["days"]])
    cadences = [find_cadence(asked.to_numpy()) for asked in parts["asked"]]
    return parts.with_columns(
        *_times(parts),
        *_slowdowns(slowdowns, parts["as_of"]),
        *_cadences(cadences, parts["known_until"]),
        *with_rate("success_rate", "succeeded", "runs"),
        pl.when(pl.col("runs") == 0).then(pl.lit("no_finished_scans")).alias("no_data_reason"),
    )


def _days(days: pl.Series) -> Days:
    numbers, seconds, assets = (days.struct.field(name) for name in ("day", "seconds", "assets"))
    return Days(numbers.to_numpy(), seconds.to_numpy(), assets.fill_null(float("nan")).to_numpy())


def _times(parts: pl.DataFrame) -> list[pl.Series]:
    queue, run, speed = (parts[name] for name in ("queue_times", "run_times", "speeds"))
    counted = {"queue_times": queue, "run_times": run, "asset_runs": speed, "days": parts["days"]}
    return [
        *(lists.list.len().cast(pl.Int64).alias(name) for name, lists in counted.items()),
        *with_median(queue, "queue_median"),
        *with_median(run, "run_median"),
        *with_p90(run, "run_p90"),
        *with_median(speed, "assets_per_second", unit=""),
    ]


def _slowdowns(slowdowns: list[Slowdown], as_of: pl.Series) -> list[pl.Series]:
    found = pl.DataFrame([asdict(slowdown) for slowdown in slowdowns], schema=SLOWDOWN).with_columns(as_of)
    return found.select(
        slowdown="verdict",
        slowed_at=pl.col("as_of") - pl.duration(days=pl.col("since") + 1),
        slowdown_ratio="ratio",
        slowdown_ratio_low="low",
        slowdown_ratio_high="high",
        slowdown_q_value="q_value",
        assets_ratio="assets",
    ).get_columns()


def _cadences(cadences: list[Cadence], known_until: pl.Series) -> list[pl.Series]:
    found = pl.DataFrame([asdict(cadence) for cadence in cadences], schema=CADENCE).with_columns(known_until)
    is_known = pl.col("high").is_not_null()
    return found.select(
        "gaps",
        cadence_seconds=pl.col("typical").dt.total_microseconds() / 1e6,
        last_start_at="last",
        next_start_at=pl.when(is_known).then(pl.col("last") + pl.col("typical")),
        next_start_low_at=pl.col("last") + pl.col("low"),
        next_start_high_at=pl.col("last") + pl.col("high"),
        next_start_confidence="confidence",
        is_late=pl.col("known_until") > pl.col("last") + pl.col("high"),
    ).get_columns()


SCAN_PERFORMANCE = Insight(
    __file__,
    reads=("scans",),
    takes={"window_days": "insights.window_days", "queue_bound_seconds": "insights.queue_bound_seconds"},
    derive=derive_performance,
)
