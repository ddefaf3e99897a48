"""Forecasts of one series: by hand, whatever the rows, and of made-up filesystems; benchmarks/calibration/disk_forecasts.py has the
figures."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.insights.hosts.forecasting import Forecast, Hours, forecast
from tests.disk_series import Disk, fill, hours_of


def of(means: np.ndarray, highs: np.ndarray | None = None) -> Hours:
    """Hours in the order of time, the last one just over; NaN is a gap."""
    highs = means if highs is None else highs
    ages = np.flatnonzero(np.isfinite(means[::-1]))
    return Hours(ages, *(values[::-1][ages] for values in (means, means, highs)))


def of_disk(means: np.ndarray, highs: np.ndarray | None = None) -> Forecast:
    return forecast(of(means, highs), 1.0, is_filesystem=True)


GROWING = 0.6 + 0.02 * np.arange(24 * 21) / 24
"""From 60 % by 2 % a day to 102 % - .083 %; its daily medians lie on the line."""


def test_a_filesystem_that_grows_evenly_is_full_when_the_line_says_so() -> None:
    found = of_disk(GROWING - 0.2)
    assert found.slope == pytest.approx(0.02)
    assert (found.no_forecast_reason, found.is_growing, found.window_hours, found.hours) == (None, True, 504, 504)
    # Its peak of a day is the last hour's, 11.5 hours after the middle, .02 * 11.5 / 24 above the line.
    assert found.level == pytest.approx(0.82 + 0.02 * 11 / 24, abs=1e-3)
    assert found.crosses == pytest.approx((1 - found.level) / 0.02)
    assert found.crosses_low <= found.crosses <= found.crosses_high
    assert found.point == pytest.approx(found.level + 14 * 0.02)


def test_what_is_farther_than_the_horizon_has_no_instant() -> None:
    found = of_disk(GROWING - 0.4)
    assert (found.no_forecast_reason, found.crosses, found.is_growing) == ("beyond_horizon", None, True)


def test_what_is_full_already_is_full_now() -> None:
    assert of_disk(np.minimum(GROWING, 1.0) + 0.01).crosses == 0


@pytest.mark.parametrize("values", [np.full(504, 0.99), GROWING[::-1] - 0.2], ids=["constant", "shrinks"])
def test_without_growth_nothing_is_foretold(values: np.ndarray) -> None:
    found = of_disk(values)
    assert (found.no_forecast_reason, found.crosses, found.is_growing) == ("no_growth", None, False)


def test_less_than_a_week_is_too_little_and_holes_are_gaps() -> None:
    assert of_disk(GROWING[:100]).no_forecast_reason == "too_little_history"
    holes = np.where(np.arange(504) % 24 < 11, GROWING, np.nan)
    holes[-1] = GROWING[-1]
    assert of_disk(holes).no_forecast_reason == "gaps"


def test_a_host_that_has_vanished_has_no_forecast() -> None:
    assert of_disk(np.append(GROWING - 0.2, [np.nan] * 2)).no_forecast_reason == "no_recent_data"
    assert of_disk(np.append(GROWING - 0.2, np.nan)).no_forecast_reason is None


def test_memory_leaks_to_its_limit() -> None:
    found = forecast(of(1e9 + 5e6 * np.arange(24.0)), 1.5e9, is_filesystem=False)
    assert found.slope == pytest.approx(1.2e8)
    assert found.crosses == pytest.approx((1.5e9 - 1e9 - 23 * 5e6) / 1.2e8)
    assert forecast(of(1e9 + 5e6 * np.arange(24.0)), None, is_filesystem=False).no_forecast_reason == "no_limit"
    assert forecast(of(1e9 + 5e6 * np.arange(24.0)), 9e9, is_filesystem=False).no_forecast_reason == "beyond_horizon"


values = st.floats(0, 1) | st.just(float("nan")) | st.sampled_from([0.0, 0.5, 1.0])


@given(st.lists(values, max_size=200), st.integers(1, 4), st.booleans(), st.none() | st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_whatever_the_hours_it_is_a_forecast_or_a_reason(drawn, times: int, is_filesystem: bool, limit: float | None) -> None:
    series = np.repeat(np.array(drawn, dtype=float), times)[-504:]
    found = forecast(of(series), limit, is_filesystem)
    assert (found.crosses is None) == (found.no_forecast_reason is not None)
    assert found.slope is None or found.slope_low <= found.slope <= found.slope_high
    if found.crosses is not None:
        assert 0 <= found.crosses_low <= found.crosses <= found.horizon_days
        assert found.is_growing


def looks(disk: Disk, seed: int) -> list[tuple[int, Forecast]]:
    means, highs = hours_of(fill(disk, 45, seed))
    return [
        (day, of_disk(means[max(0, 24 * day - 504) : 24 * day], highs[max(0, 24 * day - 504) : 24 * day])) for day in range(1, 46)
    ]


@pytest.mark.parametrize("disk", [Disk(), Disk(0.6), Disk(logs=0.05, rotation=1), Disk(logs=0.01)])
def test_temporary_files_and_rotated_logs_are_no_growth(disk: Disk) -> None:
    assert [day for seed in range(6) for day, found in looks(disk, seed) if found.crosses is not None] == []


def test_a_percent_a_day_is_warned_of_ten_to_twenty_days_ahead() -> None:
    disk = Disk(0.45, growth=0.01)
    leads = []
    for seed in range(20):
        full = np.flatnonzero(fill(disk, 45, seed) >= 1)[0] / 288
        leads.append(full - next(day for day, found in looks(disk, seed) if found.crosses is not None))
    assert sum(10 <= lead <= 20 for lead in leads) >= 18
