"""Fleets of scans of which it is known who died, judged through the SQL."""

from datetime import timedelta

import pytest

from tests.scan_fleets import BEGIN, KINDS, simulate
from tests.scan_watching import Score, watch


@pytest.fixture(scope="module")
def score() -> Score:
    """A mixed fleet, looked at every 20 minutes for a day."""
    fleet = simulate(KINDS["mixed"], seed=1, sources=120, days=24)
    return watch(fleet, BEGIN + timedelta(days=23), 1, timedelta(minutes=20))


def test_scans_said_to_be_dead_are_dead(score: Score) -> None:
    assert len(score.flagged) >= 25
    assert score.precision(score.flagged) >= 0.95


def test_the_dead_are_found_within_an_hour_after_their_99th_percentile(score: Score) -> None:
    assert len(score.due) >= 25
    assert score.recall(score.flagged) >= 0.90
    assert score.recall(score.after_24_hours) == 0.0


def test_intervals_hold_the_true_finish(score: Score) -> None:
    assert score.with_interval >= 0.9 * score.live > 500
    assert score.coverage >= 0.90
