"""Scores in the light of the calendar: where a step reaches the threshold, what comes again is taken off, and it is scored anew."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.insights.detection.counters import as_rates
from tasks.insights.detection.model import Model
from tasks.insights.detection.recurrence import Earlier, Memory, Recurrence, excursions, forgive, level_of
from tasks.insights.detection.scoring import Scores, judge_again, score, standard_values
from tasks.insights.detection.steps import to_steps
from tasks.insights.detection.windows import Flags, Matrix, Series

HOUR = 60


@dataclass(frozen=True)
class Recalled:
    """Earlier values of a host, a row a metric of its model, a column a minute from `first` on: the least, the mean, the greatest
    that was read. By the minute the three are one."""

    first: int
    least: Matrix
    mean: Matrix
    greatest: Matrix


@dataclass(frozen=True)
class Reconsidered:
    """What the calendar says of a window's scores, an element a step.

    Attributes:
        left: the score of what does not come again; the score itself where it is below the threshold.
        is_usual: anomalous, and not by what is left.
        is_slight: anomalous, and not but for changes of metrics that hardly move, each of no practical size.
        recurrences: of the usual steps, by column.
        level: log z-scores of what is left of anomalous steps that are not usual, of the values elsewhere.
    """

    left: Series
    is_usual: Flags
    is_slight: Flags
    recurrences: dict[int, Recurrence]
    level: Matrix


def unconsidered(scores: Scores) -> Reconsidered:
    """Before anything was recalled."""
    none = np.zeros(len(scores.score), dtype=np.bool_)
    return Reconsidered(scores.score, none, none, {}, scores.level)


def hours_to_recall(minutes: NDArray[np.int64], lead_in: int) -> tuple[int, ...]:
    """The hours, by their first minute, that lie in the `lead_in` minutes up to the minutes, which are since the epoch."""
    if not len(minutes):
        return ()
    hours = [np.arange((minute - lead_in) // HOUR, minute // HOUR + 1) for minute in np.unique(minutes)]
    return tuple((np.unique(np.concatenate(hours)) * HOUR).tolist())


def reconsider(
    model: Model, values: Matrix, first: int, start: int, before: Series, scores: Scores, recalled: Sequence[Recalled]
) -> Reconsidered:
    """Score the steps of a window that reach the threshold anew, without what comes again by the calendar.

    Args:
        values, first, start, before: as they were scored.
        recalled: earlier values around the same times.
    """
    expected, reasons = _expected(model, values, first, start, scores, recalled)
    slight = _slight(model, values)
    is_usual, left, level = np.zeros(len(scores.score), dtype=np.bool_), scores.score, scores.level
    if expected.any():
        anew = score(model, values, first, start, before, expected)
        left = _at_threshold(scores, anew)
        is_usual = scores.is_anomalous & ~judge_again(scores, left, before, model.windows)
        level = np.where(is_usual[None, :], scores.level, anew.level)
    is_slight = np.zeros_like(is_usual)
    if slight.any() and (scores.is_anomalous & ~is_usual).any():
        without = score(model, values, first, start, before, np.where(slight == 0, expected, slight))
        is_slight = scores.is_anomalous & ~is_usual & ~judge_again(scores, _at_threshold(scores, without), before, model.windows)
    recurrences = _recurrences(is_usual, np.abs(expected), reasons, start) if is_usual.any() else {}
    return Reconsidered(left, is_usual, is_slight, recurrences, level)


def _at_threshold(scores: Scores, anew: Scores) -> Series:
    """The new scores of the steps that reach the threshold, where they are lower."""
    return np.where(scores.score >= scores.threshold, np.fmin(anew.score, scores.score), scores.score)


def _slight(model: Model, values: Matrix) -> Matrix:
    """Of metrics that hardly move, the changes of no practical size, in spreads; 0 elsewhere."""
    changes = np.abs(as_rates(values, model.is_counter) - model.baseline.middle[:, None])
    return np.where(changes < model.slight[:, None], standard_values(model, values), 0.0)


def _expected(
    model: Model, values: Matrix, first: int, start: int, scores: Scores, recalled: Sequence[Recalled]
) -> tuple[Matrix, NDArray[Any]]:
    """What comes again, in spreads, 0 elsewhere; and the recurrence of each."""
    windows = model.windows
    standard = standard_values(model, values)
    off = standard - level_of(standard, first, windows)
    memory = Memory([Earlier(first, off, -off), *(_earlier(model, each) for each in recalled)], windows)
    expected, reasons = np.zeros(values.shape), np.full(values.shape, None, dtype=object)
    per_hour = max(HOUR // windows.step, 1)
    reaching = (np.flatnonzero(scores.score >= scores.threshold) + first + start) * windows.step
    for hour in hours_to_recall(reaching, windows.lead_in * windows.step):
        column = hour // windows.step - first
        part = slice(max(column, 0), min(column + per_hour, values.shape[1]))
        if part.start >= part.stop or column < 0:
            continue
        left, why = forgive(off[:, part], memory, hour, windows)
        expected[:, part], reasons[:, part] = np.nan_to_num(off[:, part] - left), why
    return expected, reasons


def _earlier(model: Model, recalled: Recalled) -> Earlier:
    """Rises and falls from the level; by the hour the level is that of the whole window, and a counter's rate is not known."""
    windows = model.windows
    first = recalled.first // windows.step
    if recalled.least is recalled.greatest:
        return excursions(standard_values(model, to_steps(recalled.mean, windows.step)), first, windows)
    least, mean, greatest = (
        np.where(model.is_counter[:, None], np.nan, standard_values(model, to_steps(each, windows.step)))
        for each in (recalled.least, recalled.mean, recalled.greatest)
    )
    level = np.array([np.nanmedian(row) if np.isfinite(row).any() else np.nan for row in mean])[:, None]
    return Earlier(first, greatest - level, level - least)


def _recurrences(is_usual: Flags, taken: Matrix, reasons: NDArray[Any], start: int) -> dict[int, Recurrence]:
    """Of each usual step the recurrence by which most was taken off; of the last step before it where nothing was of its own."""
    worst = taken.argmax(axis=0)
    named = np.flatnonzero([reasons[row, column] is not None for column, row in enumerate(worst)])
    last = named[np.maximum(np.searchsorted(named, np.flatnonzero(is_usual) + start, side="right") - 1, 0)]
    return {column: reasons[worst[at], at] for column, at in zip(np.flatnonzero(is_usual).tolist(), last.tolist(), strict=True)}
