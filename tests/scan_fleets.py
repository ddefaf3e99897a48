"""Made-up fleets of scans of which the truth is known: how long each takes, which fail, and which die without a word."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
from scipy.special import ndtr

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
INSTANT = pl.Datetime("us", "UTC")
HOUR, DAY = 3600.0, 86_400.0
GRID = np.linspace(-4, 10, 20_001)


@dataclass(frozen=True)
class Kind:
    """What the scans of a fleet are like. Running times are log-normal, their medians log-uniform, their sigmas uniform.

    Attributes:
        medians: the smallest and the largest median running time (s).
        stretched: the share of runs that take longer, and how many times.
        changing: the share of scans whose running time changes once, by 1.5 to 2.5 times up or down, on a day drawn at random.
        dying: the share of runs that stop without a word and stay `running`; `lost`: that stay `queued`.
        cleaned_after: when somebody marks a dead one as failed (s); None if nobody ever does.
    """

    medians: tuple[float, float] = (120.0, 3600.0)
    sigmas: tuple[float, float] = (0.2, 0.5)
    stretched: tuple[float, float] = (0.0, 1.0)
    changing: float = 0.3
    dying: float = 0.02
    lost: float = 0.005
    failing: float = 0.04
    canceled: float = 0.01
    cleaned_after: float | None = None


KINDS = {
    "mixed": Kind(),
    "steady": Kind(changing=0.0),
    "cleaned up": Kind(cleaned_after=DAY),
    "long and wide": Kind(medians=(3600.0, 14_400.0), sigmas=(0.5, 0.5)),
    "heavy tails": Kind(stretched=(0.05, 5.0)),
    "two modes": Kind(stretched=(0.3, 6.0)),
}


def simulate(kind: Kind, seed: int, sources: int = 60, days: int = 90) -> pl.DataFrame:
    """A fleet from `BEGIN` on: the columns of raw.scans as they stand when all is over, and the truth.

    The truth is in `fate` (succeeded, failed, canceled, dead, lost) and `p99_seconds`, the 99th percentile of the running time of
    that very run. Most sources have one scan, by the hour where it is short, else by the day; a sixth of them a large weekly one
    besides, and an eighth only 3 to 8 runs in all.
    """
    rng = np.random.default_rng(seed)
    frames = [frame for number in range(sources) for frame in _source(kind, rng, f"source-{number:03}", days)]
    return pl.concat(frames).with_row_index("number").with_columns(scan_id=pl.format("s{}", "number")).drop("number")


def _source(kind: Kind, rng: np.random.Generator, name: str, days: int) -> Iterator[pl.DataFrame]:
    median = np.exp(rng.uniform(*np.log(kind.medians)))
    if rng.random() < 1 / 8:
        yield _runs(kind, rng, (name, "rare"), np.sort(rng.uniform(0, days * DAY, rng.integers(3, 9))), median)
        return
    gap = HOUR if median < HOUR / 2 and rng.random() < 0.7 else DAY
    yield _runs(kind, rng, (name, "incremental"), np.arange(rng.uniform(0, gap), days * DAY, gap), median)
    if rng.random() < 1 / 6:
        yield _runs(kind, rng, (name, "full"), np.arange(rng.uniform(0, 7 * DAY), days * DAY, 7 * DAY), 3 * median)


def _runs(kind: Kind, rng: np.random.Generator, scan: tuple[str, str], asked: np.ndarray, median: float) -> pl.DataFrame:
    size, sigma = asked.size, rng.uniform(*kind.sigmas)
    share, times = kind.stretched
    change = rng.uniform(1.5, 2.5) ** rng.choice([-1, 1]) if rng.random() < kind.changing else 1.0
    level = median * np.where(asked < rng.uniform(0, asked[-1]), 1.0, change)
    seconds = level * np.exp(sigma * rng.standard_normal(size)) * np.where(rng.random(size) < share, times, 1.0)
    shares = [kind.failing, kind.canceled, kind.dying, kind.lost]
    fate = rng.choice(["failed", "canceled", "dead", "lost", "succeeded"], size, p=[*shares, 1 - sum(shares)])
    seconds *= np.where((fate == "failed") | (fate == "canceled"), rng.uniform(0.05, 1, size), 1.0)
    waited = 20 * np.exp(0.8 * rng.standard_normal(size))
    rows = _rows(scan, fate, asked, waited, seconds, level * _p99(sigma, share, times))
    return rows if kind.cleaned_after is None else _cleaned(rows, kind.cleaned_after)


def _p99(sigma: float, share: float, times: float) -> float:
    """The 99th percentile of exp(sigma * normal), of which a share is that many times longer."""
    below = (1 - share) * ndtr(GRID / sigma) + share * ndtr((GRID - np.log(times)) / sigma)
    return float(np.exp(np.interp(0.99, below, GRID)))


def _rows(
    scan: tuple[str, str], fate: np.ndarray, asked: np.ndarray, waited: np.ndarray, seconds: np.ndarray, p99: np.ndarray
) -> pl.DataFrame:
    started = [None if lost else at for lost, at in zip(fate == "lost", _instants(asked + waited), strict=True)]
    ended = [
        None if is_open else at
        for is_open, at in zip(np.isin(fate, ["dead", "lost"]), _instants(asked + waited + seconds), strict=True)
    ]
    rows = {"fate": fate, "p99_seconds": p99, "queued_at": _instants(asked), "started_at": started, "finished_at": ended}
    return pl.DataFrame(rows, schema_overrides={"started_at": INSTANT, "finished_at": INSTANT, "queued_at": INSTANT}).with_columns(
        data_source=pl.lit(scan[0]),
        scan_type=pl.lit(scan[1]),
        status=pl.col("fate").replace({"dead": "running", "lost": "queued"}),
        updated_at=pl.coalesce("finished_at", "started_at", "queued_at"),
    )


def _instants(seconds: np.ndarray) -> list[datetime]:
    return [BEGIN + timedelta(seconds=round(second, 3)) for second in seconds.tolist()]


def _cleaned(rows: pl.DataFrame, seconds: float) -> pl.DataFrame:
    is_dead, end = pl.col("fate") == "dead", pl.col("started_at") + timedelta(seconds=seconds)
    return rows.with_columns(
        status=pl.when(is_dead).then(pl.lit("failed")).otherwise("status"),
        finished_at=pl.when(is_dead).then(end).otherwise("finished_at"),
        updated_at=pl.when(is_dead).then(end).otherwise("updated_at"),
    )
