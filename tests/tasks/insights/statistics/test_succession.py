"""The rule of succession, against fractions and against what it is the mean of."""

import numpy as np
import pytest

from tasks.insights.statistics.succession import chance_of_next


@pytest.mark.parametrize(
    ("times", "n", "chance"), [(0, 0, 1 / 2), (1, 1, 2 / 3), (0, 1, 1 / 3), (27, 28, 28 / 30), (28, 28, 29 / 30)]
)
def test_by_hand(times: int, n: int, chance: float) -> None:
    assert chance_of_next(times, n) == chance


def test_both_outcomes_come_to_1() -> None:
    assert chance_of_next(3, 10) + chance_of_next(7, 10) == pytest.approx(1)


def test_it_is_the_share_of_next_ones_where_all_rates_are_as_likely() -> None:
    """A million rates, of which those are left that had 4 of 5; the allowance is four standard errors."""
    draw = np.random.default_rng(1)
    rates = draw.random(1_000_000)
    left = rates[draw.binomial(5, rates) == 4]
    share = np.mean(draw.random(left.size) < left)
    assert share == pytest.approx(chance_of_next(4, 5), abs=4 * 0.5 / np.sqrt(left.size))
