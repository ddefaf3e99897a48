"""Made-up platforms whose executors take scans from a queue in order, and stop for hours now and then; when is known."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR = 86_400.0, 3600.0
LOST = 0.003
"""So many of the scans are lost in the queue: they wait for ever."""
EARLIEST_STOP_DAYS = 30


@dataclass(frozen=True)
class Platform:
    """Its scans, a row each: asked, begun and ended (s since `BEGIN`), NaN for what never was; and when executors stood still.

    Attributes:
        stops: from when to when nothing began (s).
    """

    scans: pl.DataFrame
    stops: Sequence[tuple[float, float]]


def simulate_platform(seed: int, days: int, sources: int, slots: int, stops: int) -> Platform:
    """Scans asked for by the hour or by the day, many of them at full hours, and taken by so many slots in the order of asking."""
    rng = np.random.default_rng(seed)
    begins = EARLIEST_STOP_DAYS * DAY + np.sort(rng.uniform(0, max(days - EARLIEST_STOP_DAYS - 1, 1) * DAY, stops))
    stood = [(float(begin), float(begin + rng.uniform(2, 10) * HOUR)) for begin in begins]
    asked = np.concatenate([_asked(rng, days) for _ in range(sources)])
    order = np.argsort(asked, kind="stable")
    asked, lengths = asked[order], 600 * np.exp(0.6 * rng.standard_normal(asked.size))
    begun = _begin(asked, lengths, rng.random(asked.size) < LOST, slots, stood)
    return Platform(pl.DataFrame({"asked": asked, "begun": begun, "ended": begun + lengths}), stood)


def _asked(rng: np.random.Generator, days: int) -> np.ndarray:
    gap = rng.choice([HOUR, DAY], p=[0.3, 0.7])
    first = rng.choice([0.0, float(rng.uniform(0, gap))])
    times = np.arange(first, days * DAY, gap)
    return times + rng.uniform(0, 5, times.size)


def _begin(
    asked: np.ndarray, lengths: np.ndarray, is_lost: np.ndarray, slots: int, stood: Sequence[tuple[float, float]]
) -> np.ndarray:
    free = [0.0] * slots
    heapq.heapify(free)
    begun = np.full(asked.size, np.nan)
    for number in np.flatnonzero(~is_lost):
        at = max(asked[number] + 2.0, heapq.heappop(free))
        at = next((until for begin, until in stood if begin <= at < until), at)
        begun[number] = at
        heapq.heappush(free, at + lengths[number])
    return begun


def as_read(platform: Platform, at: float) -> pl.DataFrame:
    """The rows of raw.scans as an extraction at that instant found them."""
    then = platform.scans.with_row_index("number").filter(pl.col("asked") < at)
    has_begun, is_over = pl.col("begun") < at, pl.col("ended") < at
    return then.select(
        scan_id=pl.format("s{}", "number"),
        source=pl.lit("racine"),
        data_source=pl.lit("crm"),
        scan_type=pl.lit("full"),
        status=pl.when(is_over).then(pl.lit("succeeded")).when(has_begun).then(pl.lit("running")).otherwise(pl.lit("queued")),
        queued_at=_instant("asked"),
        started_at=pl.when(has_begun).then(_instant("begun")),
        finished_at=pl.when(is_over).then(_instant("ended")),
        updated_at=pl.when(is_over).then(_instant("ended")).when(has_begun).then(_instant("begun")).otherwise(_instant("asked")),
        extracted_at=pl.lit(BEGIN + timedelta(seconds=at)),
        is_deleted=pl.lit(value=False),
    )


def _instant(seconds: str) -> pl.Expr:
    return pl.lit(BEGIN) + pl.duration(microseconds=(pl.col(seconds).fill_nan(None) * 1e6).cast(pl.Int64))
