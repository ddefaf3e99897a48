"""Scores in the light of the calendar: where a step reaches the threshold, what comes again is taken off, and the step is scored anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.insights.detection.model import Model
from tasks.insights.detection.recurrence import Earlier, Memory, Recurrence, excursions, forgive, level_of
from tasks.insights.detection.scoring import Scores, score, standard_values
from tasks.insights.detection.steps import to_steps
from tasks.insights.detection.thresholds import judge
from tasks.insights.detection.windows import Flags, Matrix, Series

HOUR = 60


@dataclass(frozen=True)
class Recalled:
    """Earlier values of a host, a row a metric of its model, a column a minute from `first` on: the least, the mean, the greatest that
    was read. By the minute the three are one."""

    first: int
    least: Matrix
    mean: Matrix
    greatest: Matrix


@dataclass(frozen=True)
class Reconsidered:
    """Scores of a window, and beside them what they were without the calendar.

    Attributes:
        plain: the scores without it.
        is_usual: would be anomalous without it.
        recurrences: of the usual steps, by column.
    """

    scores: Scores
    plain: Series
    is_usual: Flags
    recurrences: dict[int, Recurrence]


def hours_to_recall(minutes: NDArray[np.int64], lead_in: int) -> tuple[int, ...]:
    """The hours, by their first minute, that lie in the `lead_in` minutes up to the minutes, which are since the epoch."""
    if not len(minutes):
        return ()
    hours = [np.arange((minute - lead_in) // HOUR, minute // HOUR + 1) for minute in np.unique(minutes)]
    return tuple((np.unique(np.concatenate(hours)) * HOUR).tolist())


def reconsider(
    model: Model, values: Matrix, first: int, start: int, before: Series, plain: Scores, recalled: Sequence[Recalled]
) -> Reconsidered:
    """Score the steps of a window that reach the threshold anew, without what comes again by the calendar.

    Args:
        values, first, start, before: as they were scored.
        plain: the scores so far.
        recalled: earlier values around the same times.
    """
    expected, reasons = _expected(model, values, first, start, plain, recalled)
    if not expected.any():
        return Reconsidered(plain, plain.score, np.zeros(len(plain.score), dtype=np.bool_), {})
    anew = score(model, values, first, start, before, expected)
    scores = np.where(plain.score >= plain.threshold, np.fmin(anew.score, plain.score), plain.score)
    is_anomalous = plain.is_anomalous & judge(before, scores, plain.threshold)
    is_usual = plain.is_anomalous & ~is_anomalous
    level = np.where(is_anomalous[None, :], anew.level, plain.level)
    found = replace(plain, score=scores, is_anomalous=is_anomalous, level=level)
    recurrences = _recurrences(is_usual, np.abs(expected), reasons, start)
    return Reconsidered(found, plain.score, is_usual, recurrences)


def _expected(
    model: Model, values: Matrix, first: int, start: int, plain: Scores, recalled: Sequence[Recalled]
) -> tuple[Matrix, NDArray[Any]]:
    """What comes again, in spreads, 0 elsewhere; and the recurrence of each."""
    windows = model.windows
    standard = standard_values(model, values)
    off = standard - level_of(standard, first, windows)
    memory = Memory([Earlier(first, off, -off), *(_earlier(model, each) for each in recalled)], windows)
    expected, reasons = np.zeros(values.shape), np.full(values.shape, None, dtype=object)
    per_hour = max(HOUR // windows.step, 1)
    reaching = (np.flatnonzero(plain.score >= plain.threshold) + first + start) * windows.step
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
