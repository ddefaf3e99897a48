"""Hosts as the schedules judge them: a model trained anew each day on what was known then, and the calendar by what came before."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import polars as pl

from tasks.insights.detection.artifacts import Artifact
from tasks.insights.detection.fleet import EARLIER
from tasks.insights.detection.judging import Job, Judged, judge
from tasks.insights.detection.planning import HISTORY, LEAD
from tasks.insights.detection.reconsidering import Recalled
from tasks.insights.detection.windows import DAY, Flags, Matrix, Series

SAMPLES_KEPT = 30 * DAY


@dataclass(frozen=True)
class Host:
    """A row a metric, in order of name, a column a minute from `begin` on, the start of a day since the epoch."""

    name: str
    names: tuple[str, ...]
    values: Matrix
    begin: int
    units: tuple[str, ...] = ()


def judge_days(host: Host, start: int, seed: int) -> pl.DataFrame:
    """Rows of anomaly_scores for the days from the minute `start` on, with the minute of each."""
    scores, flags = np.full(host.values.shape[1], np.nan), np.zeros(host.values.shape[1], dtype=np.bool_)
    with TemporaryDirectory() as folder:
        return pl.concat(_days(host, start, seed, Path(folder), scores, flags))


def _days(host: Host, start: int, seed: int, folder: Path, scores: Series, flags: Flags) -> Iterator[pl.DataFrame]:
    end = host.begin + host.values.shape[1]
    for day in range(start, end, DAY):
        judged = _judge_day(host, _job(host, scores, flags, day, min(day + DAY, end), seed, folder))
        rows = judged.rows.with_columns(minute=pl.col("observed_at").dt.epoch("s") // 60)
        at = rows["minute"].to_numpy() - host.begin
        scores[at] = rows["score"].fill_null(np.nan).to_numpy()
        flags[at] = rows["is_anomalous"].to_numpy()
        yield rows


def _judge_day(host: Host, job: Job) -> Judged:
    judged = judge(job)
    assert judged is not None
    if not judged.hours or judged.model is None:
        return judged
    first = job.start - LEAD
    again = replace(
        job,
        values=job.values[:, max(first - job.first, 0) :],
        first=max(first, job.first),
        artifact=Artifact(judged.model["file"], judged.model["sha256"]),
        recalled=tuple(_recalled(host, job.start)),
    )
    considered = judge(again)
    assert considered is not None
    return considered


def _recalled(host: Host, day: int) -> Iterator[Recalled]:
    """All samples that would be kept, and what was before them by the hour."""
    known = host.values[:, : day - host.begin]
    samples = known[:, -SAMPLES_KEPT:]
    yield Recalled(day - samples.shape[1], samples, samples, samples)
    if known.shape[1] > SAMPLES_KEPT:
        hours = known.reshape(len(known), -1, 60)
        least, mean, greatest = (np.repeat(each, 60, axis=1) for each in (hours.min(axis=2), hours.mean(axis=2), hours.max(axis=2)))
        yield Recalled(host.begin, least, mean, greatest)


def _job(host: Host, scores: Series, flags: Flags, day: int, end: int, seed: int, folder: Path) -> Job:
    first = max(host.begin, day - HISTORY)
    before = np.full(EARLIER, np.nan)
    stored = scores[max(day - EARLIER - host.begin, 0) : day - host.begin]
    before[EARLIER - len(stored) :] = stored
    flagged = np.flatnonzero(flags[first - host.begin : day - host.begin]) + first
    values = host.values[:, first - host.begin : end - host.begin]
    return Job(host.name, host.names, values, first, day, day, before, flagged, folder, None, seed, host.units)


def labelled_host(name: str, names: tuple[str, ...], history: Matrix, window: Matrix, start: int) -> Host:
    """Of a history and what follows it from the minute `start` on; what lacks of its first day is not known."""
    lacking = -history.shape[1] % DAY
    values = np.concatenate([np.full((len(history), lacking), np.nan), history, window], axis=1).astype(np.float64)
    return Host(name, names, values, start - history.shape[1] - lacking)
