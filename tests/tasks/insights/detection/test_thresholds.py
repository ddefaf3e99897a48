"""Episodes counted by hand, and the level that leaves so many a day."""

import numpy as np

from tasks.insights.detection.thresholds import EPISODES_A_DAY, FLOOR, count_episodes, find_threshold, judge, thresholds, unrest

DAY, MERGED = 100, 10


def _with(spikes: dict[int, float], steps: int = DAY) -> np.ndarray:
    scores = np.zeros(steps)
    for step, score in spikes.items():
        scores[step] = score
    return scores


def test_what_is_ten_steps_apart_is_one_episode() -> None:
    is_above = np.zeros(40, dtype=bool)
    is_above[[3, 4, 14, 25]] = True
    assert count_episodes(is_above, MERGED) == 2
    assert count_episodes(np.zeros(5, dtype=bool), MERGED) == 0


def test_a_quiet_host_has_the_floor() -> None:
    assert find_threshold(np.zeros(DAY), DAY, MERGED, floor=4.0, episodes_a_day=1) == 4.0
    assert find_threshold(np.empty(0), DAY, MERGED, floor=4.0, episodes_a_day=1) == 4.0


def test_the_threshold_rises_until_there_are_no_more_episodes_than_are_borne() -> None:
    """Three spikes in a day: with two a day the third, of 6, is left out, and 7 is the lowest level that does so."""
    scores = _with({10: 9.0, 40: 7.0, 80: 6.0})
    assert find_threshold(scores, DAY, MERGED, floor=4.0, episodes_a_day=2) == 7.0
    assert find_threshold(scores, DAY, MERGED, floor=4.0, episodes_a_day=3) == 4.0


def test_where_no_level_is_low_enough_the_threshold_is_above_all_of_them() -> None:
    assert find_threshold(_with({10: 9.0, 40: 9.0}), DAY, MERGED, floor=4.0, episodes_a_day=1) == 10.0


def test_gaps_bear_no_episodes() -> None:
    """With half of the day unread, one episode a day is half an episode: none of the levels will do."""
    scores = _with({10: 9.0})
    scores[50:] = np.nan
    assert find_threshold(scores, DAY, MERGED, floor=4.0, episodes_a_day=1) == 10.0


def test_a_threshold_knows_nothing_of_its_own_day() -> None:
    many = {step: 20.0 + step for step in range(5, 100, 15)}
    before, scores = _with({}), np.concatenate([_with(many), _with({})])
    found = thresholds(before, scores, first=0, steps_a_day=DAY, merged=MERGED)
    assert (found[:DAY] == FLOOR).all()
    assert (found[DAY:] > FLOOR).all()
    assert len(many) > 2 * EPISODES_A_DAY


def test_an_hour_has_the_thresholds_that_its_day_has() -> None:
    scores = np.random.default_rng(1).gamma(2.0, 3.0, 3 * DAY)
    whole = thresholds(scores[:DAY], scores[DAY:], DAY, DAY, MERGED)
    hour = thresholds(scores[:230], scores[230:240], 230, DAY, MERGED)
    np.testing.assert_array_equal(hour, whole[130:140])


def test_one_step_above_is_not_enough_and_two_of_three_are() -> None:
    scores = np.array([7.0, 0.0, 0.0, 7.0, 0.0, 7.0, 7.0, np.nan])
    found = judge(np.zeros(2), scores, np.full(8, 6.0))
    np.testing.assert_array_equal(found, [False, False, False, False, False, True, True, False])
    assert judge(np.array([0.0, 7.0]), scores[:1], np.full(1, 6.0)).tolist() == [True]


def test_the_unrest_is_a_share_of_the_mean_of_half_a_day() -> None:
    """Half a day is 50 steps: of 10 for all of them it is 8, of a spike of 100, which counts as 30, a 50th of it."""
    restless, spike = np.full(60, 10.0), np.concatenate([np.zeros(59), [100.0]])
    np.testing.assert_allclose(unrest(restless, np.full(2, 10.0), DAY)[-2:], 8.0)
    np.testing.assert_allclose(unrest(spike, np.zeros(1), DAY)[-2:], 0.8 * 30 / 50)
    gaps = np.where(np.arange(60) % 2, np.nan, 10.0)
    np.testing.assert_allclose(unrest(gaps, np.empty(0), DAY)[-1], 8.0)


def test_a_host_of_which_little_is_known_is_not_restless_by_its_first_scores() -> None:
    """A quarter of the half day, 12.5 steps, is the least that counts."""
    np.testing.assert_allclose(unrest(np.empty(0), np.array([25.0]), DAY), 0.8 * 25 / 12.5)
