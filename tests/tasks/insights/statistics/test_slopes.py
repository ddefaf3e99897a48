"""Slopes of lines known by hand, orders counted, and simulations of what the verdict does in noise."""

import math

import numpy as np
import pytest

from tasks.insights.statistics.slopes import Slope, fit_slope, judge_slopes

WEEKS = np.arange(12)
LEAST = math.log(1.2) / 12
SERVICES = 40


def test_a_line_with_gaps_has_its_slope() -> None:
    """6 values in perfect order: 2 of 6! = 720 orders are."""
    values = np.array([5.0, np.nan, 9.0, 11.0, np.nan, 15.0, 17.0, 19.0])
    assert fit_slope(values) == Slope(2.0, 2.0, 2.0, pytest.approx(2 / 720))


def test_one_outlier_does_not_move_the_slope() -> None:
    """Of the 28 slopes between 8 weeks, 7 are of the outlier: the 14th and 15th of 28 are still of the line."""
    values = 3.0 * np.arange(8.0)
    values[2] = 1000.0
    slope = fit_slope(values)
    assert slope is not None
    assert slope.per_week == 3.0


def test_values_that_are_all_the_same_have_no_slope() -> None:
    assert fit_slope(np.full(12, 0.9)) == Slope(0.0, 0.0, 0.0, 1.0)


def test_five_weeks_are_too_few() -> None:
    assert fit_slope(np.array([1.0, 2.0, np.nan, 3.0, 4.0, 5.0])) is None
    assert fit_slope(np.array([])) is None


@pytest.mark.parametrize(
    ("slope", "verdict"),
    [
        (Slope(0.1, 0.05, 0.2, 0.001), "rising"),
        (Slope(-0.1, -0.2, -0.05, 0.001), "falling"),
        (Slope(0.01, 0.005, 0.02, 0.001), "no_evidence"),
        (Slope(0.1, 0.0, 0.2, 0.001), "no_evidence"),
        (Slope(0.1, 0.05, 0.2, 0.06), "no_evidence"),
        (None, "too_little_data"),
    ],
    ids=["up", "down", "below the floor", "interval with 0", "not sure", "none"],
)
def test_evidence_needs_all_three(slope: Slope | None, verdict: str) -> None:
    adjusted, verdicts = judge_slopes([slope], LEAST)
    assert verdicts == [verdict]
    assert adjusted == [slope and slope.p_value]


def test_what_is_sure_alone_is_not_sure_among_many() -> None:
    """p = .03 of one in ten with nothing: q = .3."""
    quiet = [Slope(0.1, -0.1, 0.2, 0.9)] * 9
    assert judge_slopes([Slope(0.1, 0.05, 0.2, 0.03)], LEAST)[1] == ["rising"]
    adjusted, verdicts = judge_slopes([Slope(0.1, 0.05, 0.2, 0.03), *quiet], LEAST)
    assert verdicts[0] == "no_evidence"
    assert adjusted[0] == pytest.approx(0.3)


def called(slopes: list[Slope | None], family: int) -> np.ndarray:
    """Which are called rising or falling, judged in families of that many."""
    families = [slopes[start : start + family] for start in range(0, len(slopes), family)]
    return np.array([[verdict in ("rising", "falling") for verdict in judge_slopes(some, LEAST)[1]] for some in families])


def test_noise_is_rarely_called_a_trend() -> None:
    slopes = [fit_slope(values) for values in np.random.default_rng(1).normal(0, 0.3, (30 * SERVICES, 12))]
    assert called(slopes, 1).mean() <= 0.06
    assert called(slopes, SERVICES).mean() <= 0.005


def test_a_tenth_more_every_week_is_seen_and_lies_in_the_interval() -> None:
    noise = np.random.default_rng(2).normal(0, 0.2, (400, 12))
    slopes = [fit_slope(values) for values in noise + 0.1 * WEEKS]
    assert called(slopes, 1).mean() >= 0.95
    assert np.mean([slope.low <= 0.1 <= slope.high for slope in slopes]) >= 0.92
