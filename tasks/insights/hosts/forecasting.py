"""From the growth of a filesystem or of memory to when it reaches its limit, or to the reason why nobody can say."""

from dataclasses import dataclass

import numpy as np

from tasks.insights.hosts import filling, leaks
from tasks.insights.hosts.filling import find_filling
from tasks.insights.hosts.growth import Growth
from tasks.insights.hosts.leaks import find_trend, is_held
from tasks.insights.statistics.intervals import Values

FILLING_HORIZON_DAYS, LEAK_HORIZON_DAYS = 14.0, 7.0
RECENT_HOURS = 2
"""Without a value in so many whole hours nothing is foretold."""
FARTHEST_DAYS = 3650.0
"""Later instants are as good as none."""


@dataclass(frozen=True)
class Hours:
    """The hours of a series that are known: ascending ages from 0, the last whole hour, and least, mean and greatest values."""

    ages: Values
    lows: Values
    means: Values
    highs: Values

    def filled(self, name: str, hours: int) -> Values:
        """The values of the last `hours` hours in the order of time, NaN where there is none."""
        ages = self.ages.astype(np.int64)
        kept = ages < hours
        values = np.full(hours, np.nan)
        values[hours - 1 - ages[kept]] = getattr(self, name)[kept]
        return values


@dataclass(frozen=True)
class Forecast:
    """A row's figures; days are from as_of on. The columns are described in the catalogue."""

    horizon_days: float
    no_forecast_reason: str | None
    hours: int
    window_hours: int | None = None
    level: float | None = None
    slope: float | None = None
    slope_low: float | None = None
    slope_high: float | None = None
    p_value: float | None = None
    is_growing: bool = False
    point: float | None = None
    low: float | None = None
    high: float | None = None
    crosses: float | None = None
    crosses_low: float | None = None
    crosses_high: float | None = None


@dataclass(frozen=True)
class Growing:
    """What a forecast is made of: the level with the ends of its interval, its growth a day, and whether it is one beyond doubt.

    Attributes:
        why_not: where it grows and that is no growth to be told, the reason.
    """

    window_hours: int
    growth: Growth
    levels: tuple[float, float, float]
    is_growing: bool
    why_not: str | None = None


def forecast(hours: Hours, limit: float | None, is_filesystem: bool, available: Hours | None = None) -> Forecast:
    """Foretell one series, of a filesystem or of memory.

    Args:
        limit: what it can reach at the most, where that is known.
        available: of memory that includes page cache, what its host has available.
    """
    horizon = FILLING_HORIZON_DAYS if is_filesystem else LEAK_HORIZON_DAYS
    if len(hours.ages) and not (hours.ages < RECENT_HOURS).any():
        return Forecast(horizon, "no_recent_data", len(hours.ages))
    growing = (_filling(hours) if is_filesystem else _leak(hours, available)) if len(hours.ages) else None
    if growing is None:
        return Forecast(horizon, _too_little(hours, is_filesystem), len(hours.ages))
    return _ahead(growing, horizon, limit, len(hours.ages))


def _filling(hours: Hours) -> Growing | None:
    found = find_filling(hours.filled("means", filling.HOURS), hours.filled("highs", filling.HOURS))
    if found is None:
        return None
    levels = (found.level, found.level_low, found.level_high)
    return Growing(filling.HOURS, found.growth, levels, found.growth.low > 0)


def _leak(hours: Hours, available: Hours | None) -> Growing | None:
    trend = find_trend(hours.filled("lows", leaks.HOURS))
    if trend is None:
        return None
    is_cache = trend.is_leak and available is not None and not is_held(trend, available.filled("means", leaks.HOURS))
    level = float(hours.highs[hours.ages < leaks.DAY.hours].max())
    return Growing(
        trend.window.hours, trend.growth, (level,) * 3, trend.is_leak and not is_cache, "page_cache" if is_cache else None
    )


def _too_little(hours: Hours, is_filesystem: bool) -> str:
    """Long enough since the first hour, yet not enough of them."""
    needed = 24 * filling.DAYS_NEEDED if is_filesystem else leaks.DAY.needed
    return "gaps" if hours.ages.max(initial=0) >= needed else "too_little_history"


def _ahead(growing: Growing, horizon: float, limit: float | None, hours: int) -> Forecast:
    growth, (level, level_low, level_high) = growing.growth, growing.levels
    crossings = _crossings(growing, limit)
    reason = _reason(growing, limit, crossings[0], horizon)
    ends = (None, None, None) if reason else (bounded(days) for days in crossings)
    return Forecast(
        horizon, reason, hours, growing.window_hours, level,
        growth.slope, growth.low, growth.high, growth.p_value, growing.is_growing,
        max(0.0, level + growth.slope * horizon),
        max(0.0, level_low + growth.low * horizon),
        max(0.0, level_high + growth.high * horizon),
        *ends,
    )  # fmt: skip


def _crossings(growing: Growing, limit: float | None) -> tuple[float, float, float]:
    """Days until the limit: likeliest, soonest and latest; infinite where it does not grow, or has no limit."""
    growth, (level, low, high) = growing.growth, growing.levels
    if limit is None or not growing.is_growing:
        return (np.inf,) * 3
    return tuple(max(0.0, limit - at) / by for at, by in ((level, growth.slope), (high, growth.high), (low, growth.low)))  # type: ignore[return-value]


def _reason(growing: Growing, limit: float | None, crosses: float, horizon: float) -> str | None:
    if not growing.is_growing:
        return growing.why_not or "no_growth"
    if limit is None:
        return "no_limit"
    return "beyond_horizon" if crosses > horizon else None


def bounded(days: float) -> float | None:
    return days if days <= FARTHEST_DAYS else None
