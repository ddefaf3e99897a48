"""Counters by hand: rates, gaps and resets."""

import numpy as np
import pytest

from tasks.insights.detection.counters import as_rates, find_counters

RISING = np.arange(200.0) * 7


def test_what_only_rises_is_a_counter_even_where_it_was_reset() -> None:
    reset = RISING.copy()
    reset[120:] -= reset[120]
    assert find_counters(np.stack([RISING, reset])).tolist() == [True, True]


@pytest.mark.parametrize(
    "row",
    [
        np.random.default_rng(1).normal(5, 1, 200),
        np.full(200, 3.0),
        np.where(np.arange(200) % 50 == 49, 0.9, 1.0) * (RISING + 1000),  # falls, by a tenth
        RISING - 100.0,
        np.where(np.arange(200) < 30, RISING, np.nan),
    ],
    ids=["noise", "constant", "sawtooth", "below nothing", "few readings"],
)
def test_what_falls_otherwise_rests_or_is_hardly_known_is_none(row: np.ndarray) -> None:
    assert not find_counters(row[None]).any()


def test_a_rate_is_over_the_steps_since_the_reading_before_and_none_at_a_reset() -> None:
    values = np.array([[10.0, 14.0, np.nan, 20.0, 2.0, 5.0], [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]])
    rates = as_rates(values, np.array([True, False]))
    np.testing.assert_array_equal(rates[0], [np.nan, 4.0, np.nan, 3.0, np.nan, 3.0])
    np.testing.assert_array_equal(rates[1], values[1])
