"""An episode by hand: where it starts, how bad it was, and what to blame."""

import numpy as np
import pytest

from tasks.insights.anomalies.episodes import Blame, blame, find_episodes, spans


def test_an_episode_has_its_peak_and_the_guilty_metrics_in_order() -> None:
    scores = np.array([0.0, 6.0, 13.0, 2.0, 7.0, 0.0])
    limits = np.full(6, 6.0)
    level = np.array([[0.0, 1.0, 3.0, 0.0, 0.0, 9.0], [0.0, -4.0, -6.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.1, 0.0, 0.0, 0.0]])
    (episode,) = find_episodes(scores >= limits, scores, limits, level, ["cpu", "disk", "net"])
    assert (episode.start, episode.end, episode.minutes) == (1, 4, 3)
    assert (episode.peak, episode.peak_at, episode.severity) == (13.0, 2, "critical")
    assert [b.metric for b in episode.blamed] == ["disk", "cpu"]
    assert episode.blamed[0].share == pytest.approx(6 / 9.1)


def test_spans_are_merged_up_to_ten_steps() -> None:
    is_anomalous = np.zeros(30, dtype=bool)
    is_anomalous[[2, 3, 13, 24]] = True
    assert spans(is_anomalous) == [(2, 13), (24, 24)]
    assert spans(np.zeros(3, dtype=bool)) == []


def test_equals_are_named_by_name_and_nothing_is_blamed_for_nothing() -> None:
    assert blame(np.array([1.0, 1.0]), ["b", "a"]) == (Blame("a", 0.5), Blame("b", 0.5))
    assert blame(np.zeros(2), ["a", "b"]) == ()
