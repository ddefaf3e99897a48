"""What must hold of a host's scores, whatever its metrics."""

from dataclasses import replace

import numpy as np
import pytest

from tasks.insights.detection.model import FOREST, Model, train
from tasks.insights.detection.scoring import Scores, score
from tasks.insights.detection.thresholds import count_episodes
from tasks.insights.detection.windows import Windows

WINDOWS = Windows(day=288, shorter=36, block=6, shorter_block=2, sampled=2, rolling=(3, 6), held=6)
NAMES = ["a", "b", "c", "d"]
HISTORY, WINDOW = 4 * 288, 288
INCIDENT = slice(100, 106)


def _values() -> np.ndarray:
    """Four metrics, the last of which never moves, and an incident of two of them in the window."""
    values = np.random.default_rng(3).normal(size=(4, HISTORY + WINDOW))
    values[3] = 5.0
    values[:2, HISTORY + INCIDENT.start : HISTORY + INCIDENT.stop] += [[12.0], [-30.0]]
    return values


def _model(values: np.ndarray, names: list[str] = NAMES, is_forest_on: bool = True) -> Model:
    model = train(names, values[:, :HISTORY], 0, 7, WINDOWS, is_forest_on)
    assert model is not None
    return model


def _scores(values: np.ndarray, names: list[str] = NAMES, is_forest_on: bool = True) -> Scores:
    model = _model(values, names, is_forest_on)
    return score(model, values[[names.index(name) for name in model.names]], 0, HISTORY)


@pytest.mark.parametrize("is_forest_on", [True, False], ids=["with the forest", "without"])
def test_an_incident_is_found_and_its_metrics_are_named(is_forest_on: bool) -> None:
    found = _scores(_values(), is_forest_on=is_forest_on)
    assert found.is_anomalous[INCIDENT].any()
    assert count_episodes(found.is_anomalous, WINDOWS.merged) <= 3
    assert (FOREST in found.strands) == is_forest_on
    assert [b.metric for b in found.blamed(INCIDENT.start)[:2]] == ["b", "a"]


def test_the_order_of_the_metrics_does_not_matter() -> None:
    values = _values()
    order = [2, 0, 3, 1]
    np.testing.assert_array_equal(_scores(values).score, _scores(values[order], [NAMES[i] for i in order]).score)


def test_the_unit_of_a_metric_does_not_matter() -> None:
    values = _values()
    scaled = values * np.array([[1024.0], [1.0], [2.0**-20], [4.0]])
    np.testing.assert_array_equal(_scores(values).score, _scores(scaled).score)


def test_a_constant_metric_contributes_nothing() -> None:
    found = _scores(_values())
    assert not found.level[3].any()


def test_the_future_does_not_matter() -> None:
    """Whatever comes after a step, and however much of what precedes it is scored along, it has one score."""
    values = _values()
    model, whole = _model(values), _scores(values)
    start = HISTORY + 150
    part = score(model, values[:, start - WINDOWS.needed : start + 20], start - WINDOWS.needed, WINDOWS.needed)
    np.testing.assert_array_equal(part.score, whole.score[150:170])


def test_gaps_neither_crash_nor_score() -> None:
    values = _values()
    values[:, HISTORY + 20 : HISTORY + 30] = np.nan
    values[1, HISTORY + 40 : HISTORY + 60] = np.nan
    values[0, 100:400] = np.nan
    found = _scores(values)
    assert np.isnan(found.score[20:30]).all()
    assert not found.is_anomalous[20:30].any()
    assert np.isfinite(np.delete(found.score, range(20, 30))).all()
    assert found.metrics[25] == 0
    assert found.metrics[50] == 3


def test_a_metric_without_history_does_not_count() -> None:
    values = _values()
    values[2, :HISTORY] = np.nan
    found = _scores(values)
    assert not found.level[2].any()
    assert np.isfinite(found.score).all()


def test_under_a_day_only_the_z_score_speaks_and_under_an_hour_nothing() -> None:
    values = _values()
    short = train(NAMES, values[:, HISTORY - 100 : HISTORY], HISTORY - 100, 7, WINDOWS)
    assert short is not None
    found = score(short, values[:, HISTORY - 100 :], HISTORY - 100, 100)
    assert found.strands == ("z",)
    assert found.is_anomalous[INCIDENT].any()
    assert train(NAMES, values[:, :59], 0, 7, WINDOWS) is None
    assert train([], values[:0], 0, 7, WINDOWS) is None


def test_one_step_can_be_scored_alone() -> None:
    values = _values()
    at = HISTORY + INCIDENT.start + 2
    found = score(_model(values), values[:, at - WINDOWS.needed : at + 1], at - WINDOWS.needed, WINDOWS.needed)
    assert found.score.shape == (1,)
    assert found.score[0] == _scores(values).score[INCIDENT.start + 2]


def test_what_stays_shifted_for_a_day_is_usual() -> None:
    values = _values()[:, : HISTORY + 2]
    shifted = np.concatenate([values, values[:, 2 * 288 : 4 * 288] + 8.0], axis=1)
    found = score(_model(values), shifted, 0, HISTORY)
    assert found.score[10] > 5
    assert np.median(found.score[-200:]) < 3


def test_the_same_seed_gives_the_same_scores() -> None:
    values = _values()
    np.testing.assert_array_equal(_scores(values).score, _scores(values).score)
    assert replace(_model(values), seed=1).seed == 1
