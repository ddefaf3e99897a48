"""Slowdowns: how often one that is there is found and placed, and one that is not is made up; and how good its ratio is."""

import numpy as np
import pytest
from scipy.stats import ttest_ind

from tasks.insights.scans.slowdowns import Days, find_slowdowns, geometric_ratio

DAYS = 90


def fleet(rng: np.random.Generator, scans: int, runs_a_day: int, slow_for: int = 0) -> list[Days]:
    """Scans whose running times scatter by 30 %, and are 2.2 times as long on the last days."""
    factor = np.where(np.arange(DAYS) < DAYS - slow_for, 1.0, 2.2)[:, None]
    runs = [600 * factor * np.exp(rng.normal(0, 0.3, (DAYS, runs_a_day))) for _ in range(scans)]
    return [Days(np.arange(DAYS)[::-1], np.median(times, axis=1), np.full(DAYS, np.nan)) for times in runs]


@pytest.mark.parametrize("runs_a_day", [1, 24])
@pytest.mark.parametrize("slow_for", [7, 50])
def test_slow_scans_are_found_among_quiet_ones(runs_a_day: int, slow_for: int) -> None:
    rng, found, flagged = np.random.default_rng(21), [], []
    for _ in range(10):
        verdicts = find_slowdowns(fleet(rng, 40, runs_a_day) + fleet(rng, 10, runs_a_day, slow_for))
        flagged += [slowdown.verdict != "no_evidence" for slowdown in verdicts[:40]]
        found += verdicts[40:]
    slower = [slowdown for slowdown in found if slowdown.verdict == "slower"]
    assert len(slower) >= 0.9 * len(found)
    assert np.mean(flagged) <= 0.05
    assert np.mean([abs(slowdown.since - (slow_for - 1)) <= 1 for slowdown in slower]) >= 0.8
    assert np.mean([slowdown.low <= 2.2 <= slowdown.high for slowdown in slower]) >= 0.88


def test_quiet_scans_alone_are_rarely_flagged() -> None:
    rng = np.random.default_rng(22)
    verdicts = [find_slowdowns(fleet(rng, 1, 1))[0].verdict for _ in range(400)]
    assert np.mean([verdict != "no_evidence" for verdict in verdicts]) <= 0.05


def test_the_ratio_is_that_of_welchs_test() -> None:
    values = np.exp(np.random.default_rng(23).normal(0, 1, 30))
    welch = ttest_ind(np.log(values[12:]), np.log(values[:12]), equal_var=False)
    interval = welch.confidence_interval(0.95)
    expected = np.exp([np.log(values[12:]).mean() - np.log(values[:12]).mean(), interval.low, interval.high])
    assert geometric_ratio(values, 12) == pytest.approx(tuple(expected))


def test_false_discoveries_are_controlled_over_all_scans() -> None:
    """The same scan among ever more quiet ones has ever more to prove."""
    rng = np.random.default_rng(24)
    scan, quiet = fleet(rng, 1, 1, 7), fleet(rng, 200, 1)
    alone, among = (find_slowdowns(scan + quiet[:others])[0].q_value for others in (0, 200))
    assert alone < among


def test_fewer_than_eight_days_are_too_little() -> None:
    days = fleet(np.random.default_rng(25), 1, 1)[0]
    few = Days(days.numbers[:7], days.seconds[:7], days.assets[:7])
    assert [slowdown.verdict for slowdown in find_slowdowns([few, days])] == ["too_little_data", "no_evidence"]
    assert find_slowdowns([]) == []
