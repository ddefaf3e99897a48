"""Slopes and shapes, on series that one can work out in one's head."""

import numpy as np
import pytest

from tasks.insights.hosts.filling import fit_weekly
from tasks.insights.hosts.growth import LEAST_P, fit_growth
from tasks.insights.hosts.shapes import is_line

TIMES = np.arange(24.0)


def test_a_line_has_its_slope_and_no_doubt() -> None:
    growth = fit_growth(TIMES, 1 + 0.5 * TIMES)
    assert (growth.slope, growth.low, growth.high) == pytest.approx((0.5, 0.5, 0.5))
    assert growth.p_value == LEAST_P


def test_a_constant_does_not_grow() -> None:
    growth = fit_growth(TIMES, np.full(24, 0.4))
    assert (growth.slope, growth.low, growth.high, growth.p_value) == (0, 0, 0, 1)


def test_five_values_are_too_few() -> None:
    assert fit_growth(TIMES[:5], TIMES[:5]) is None
    assert fit_growth(TIMES[:6], TIMES[:6]) is not None


def test_an_outlier_does_not_matter() -> None:
    values = 0.1 * TIMES
    values[7] = 1000
    assert fit_growth(TIMES, values).slope == pytest.approx(0.1)


def test_noise_that_lingers_has_a_wider_interval_than_noise_that_does_not() -> None:
    rng = np.random.default_rng(1)
    noise = rng.normal(size=24)
    lingering = np.convolve(rng.normal(size=31), np.ones(8) / np.sqrt(8), "valid")
    widths = [fit_growth(TIMES, values / values.std()) for values in (noise, lingering)]
    assert widths[0].high - widths[0].low < widths[1].high - widths[1].low


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (1 + 0.005 * TIMES, True),
        (1 + 0.15 * (TIMES >= 9), False),
        (1 + 0.15 * (TIMES >= 6) + 0.15 * (TIMES >= 15), False),
        (1 + 0.3 * (1 - np.exp(-TIMES / 6)), False),
        (1 + 0.3 * (1 - np.exp(-np.maximum(TIMES - 8, 0) / 3)), False),
    ],
    ids=["line", "step", "two steps", "warm-up", "warm-up later"],
)
def test_what_has_grown_once_is_no_line(values: np.ndarray, expected: bool) -> None:
    assert is_line(values + np.random.default_rng(1).normal(0, 0.002, 24)) == expected


def test_what_is_rotated_each_week_does_not_grow_from_two_weeks_on() -> None:
    days = np.arange(21.0) - 20.5
    growth = fit_weekly(days, 0.5 + 0.01 * (np.arange(21) % 7))
    assert (growth.slope, growth.low, growth.high) == pytest.approx((0, 0, 0))
    with_growth = fit_weekly(days, 0.5 + 0.01 * (np.arange(21) % 7) + 0.02 * np.arange(21))
    assert with_growth.slope == pytest.approx(0.02)


def test_of_two_weeks_with_gaps_the_pairs_that_there_are_count() -> None:
    days = np.array([-13.5, -12.5, -11.5, -6.5, -5.5, -4.5, -0.5])
    assert fit_weekly(days, 0.01 * days).slope == pytest.approx(0.01)
