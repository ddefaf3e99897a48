"""One host's window: its model taken up or trained, its minutes scored, and the rows of it. Runs in a process of its own."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from storage.frames import INSTANT
from tasks.insights.detection.artifacts import Artifact, current_versions, load_model, save_model
from tasks.insights.detection.model import Model, train
from tasks.insights.detection.planning import parts_of
from tasks.insights.detection.reconsidering import Recalled, hours_to_recall, reconsider, unconsidered
from tasks.insights.detection.scoring import Scores, score
from tasks.insights.detection.steps import find_step, to_steps
from tasks.insights.detection.thresholds import RECENT_DAYS
from tasks.insights.detection.windows import DAY, Flags, Matrix, Series, windows_of

MOST_BLANKED = 0.2
"""Of a day of history: where more of it was anomalous, it is what the host does now, and is learned."""
ROWS = {
    **dict.fromkeys(("observed_at", "trained_until"), INSTANT),
    **dict.fromkeys(("score", "threshold", "coverage"), pl.Float64()),
    **dict.fromkeys(("metrics", "history_minutes"), pl.Int64()),
    **dict.fromkeys(("host", "top_metrics", "strands", "no_score_reason"), pl.String()),
    "is_anomalous": pl.Boolean(),
    "calendar_score": pl.Float64(),
    **dict.fromkeys(("is_usual", "is_slight"), pl.Boolean()),
    "comes_each": pl.String(),
    **dict.fromkeys(("times", "times_of"), pl.Int64()),
}


@dataclass(frozen=True)
class Job:
    """A host to be judged. Minutes are since the epoch.

    Attributes:
        names: its metrics, as `metric{attributes}`.
        values: a row a metric, a column a minute from `first` on, up to the end of the window; NaN where nothing was read.
        trained_until: the end of the history.
        start: the first minute of the window.
        before: the stored scores of the minutes right before the window, NaN where there are none.
        flagged: minutes of the history that were anomalous.
        folder: where models lie.
        artifact: the model to take up; None to train one.
        units: of the metrics (UCUM), where a model is to be trained.
        recalled: earlier values of `names` around the times that were anomalous, to judge these again; None at first.
    """

    host: str
    names: tuple[str, ...]
    values: Matrix
    first: int
    trained_until: int
    start: int
    before: Series
    flagged: NDArray[np.int64]
    folder: Path
    artifact: Artifact | None
    seed: int
    units: tuple[str, ...] = ()
    recalled: tuple[Recalled, ...] | None = None


@dataclass(frozen=True)
class Judged:
    """A host's window.

    Attributes:
        rows: of anomaly_scores, without `as_of`.
        model: of the model that was trained for it the row of ops.anomaly_models without `trained_at`.
        hours: that the minutes at the threshold rest on, if any is anomalous, by their first minute since the epoch.
    """

    rows: pl.DataFrame
    model: dict[str, Any] | None
    hours: tuple[int, ...] = ()


def judge(job: Job) -> Judged | None:
    """Score the window; None where the model to take up is not there any more."""
    if job.artifact is not None:
        model = load_model(job.folder, job.artifact)
        return None if model is None else _judged(job, model, None)
    history = job.values[:, : job.trained_until - job.first]
    step = find_step(history)
    history = without_anomalies(to_steps(history, step), (job.flagged - job.first) // step, DAY // step)
    trained = train(job.names, history, job.first // step, job.seed, windows_of(step), units=job.units)
    if trained is None:
        return Judged(_unjudged(job), None)
    return _judged(job, trained, _model_row(job, history, trained))


def _judged(job: Job, model: Model, row: dict[str, Any] | None) -> Judged:
    rows, step = _rows(job, model), model.windows.step
    reaching = rows.filter(pl.col("is_anomalous").any(), pl.col("score") >= pl.col("threshold"))
    at = reaching["observed_at"].dt.epoch("s").to_numpy() // 60
    return Judged(rows, row, hours_to_recall(at, model.windows.lead_in * step))


def without_anomalies(history: Matrix, flagged: NDArray[np.int64], day: int) -> Matrix:
    """The history without the flagged steps: what comes again and again is not to become usual. Days that were flagged for more
    than `MOST_BLANKED` stay whole: that is what the host does now."""
    is_blank = np.zeros(history.shape[1], dtype=np.bool_)
    is_blank[flagged] = True
    for start in range(0, len(is_blank), day):
        if is_blank[start : start + day].mean() > MOST_BLANKED:
            is_blank[start : start + day] = False
    return np.where(is_blank, np.nan, history).astype(history.dtype)


def _rows(job: Job, model: Model) -> pl.DataFrame:
    step, first = model.windows.step, job.first // model.windows.step
    values = to_steps(job.values, step)
    start = (job.start - job.first) // step
    before = _before(job, model)
    found = score(model, values, first, start, before)
    judged = unconsidered(found)
    if job.recalled is not None:
        judged = reconsider(model, values, first, start, before, found, job.recalled)
        found = replace(found, level=judged.level)
    kept = np.flatnonzero(found.metrics > 0)
    recurrences = [judged.recurrences.get(at) for at in kept.tolist()]
    return _frame(
        job,
        (first + start + kept) * step,
        score=found.score[kept],
        threshold=found.threshold[kept],
        is_anomalous=found.is_anomalous[kept],
        top_metrics=[_top(found, at) for at in kept.tolist()],
        metrics=len(model.names),
        coverage=found.metrics[kept] / len(model.names),
        strands=",".join(found.strands),
        trained_until=job.trained_until * 60_000_000,
        history_minutes=model.steps * step,
        calendar_score=judged.left[kept],
        is_usual=judged.is_usual[kept],
        is_slight=judged.is_slight[kept],
        comes_each=[each and each.every for each in recurrences],
        times=[each and each.times for each in recurrences],
        times_of=[each and each.of for each in recurrences],
    )


def _before(job: Job, model: Model) -> Series:
    """The scores right before the window: as stored, else as the model saw its own history."""
    step = model.windows.step
    length = (RECENT_DAYS + 1) * model.windows.day
    known, end = np.full(length, np.nan), job.start // step
    ours = job.trained_until // step - end + length  # where the history ends in `known`
    count = max(min(len(model.recent), ours), 0)
    known[ours - count : ours] = model.recent[len(model.recent) - count :]
    stored = job.before[::step]
    is_stored = ~np.isnan(stored)
    known[length - len(stored) :][is_stored] = stored[is_stored]
    return known


def _top(found: Scores, step: int) -> str | None:
    if not found.score[step] >= found.threshold[step]:
        return None
    named = [(*parts_of(each.metric), round(each.share, 4)) for each in found.blamed(step)]
    return json.dumps([dict(zip(("metric", "attributes", "contribution"), each, strict=True)) for each in named])


def _unjudged(job: Job) -> pl.DataFrame:
    """The window's minutes that were read, without a score."""
    is_read: Flags = np.asarray(~np.isnan(job.values).all(axis=0))
    length = job.trained_until - job.first
    step = find_step(job.values[:, :length])
    return _frame(
        job,
        job.start + np.flatnonzero(is_read[job.start - job.first :]),
        is_anomalous=False,
        is_usual=False,
        is_slight=False,
        metrics=0,
        history_minutes=step * np.count_nonzero(is_read[:length]),
        no_score_reason="too_little_history",
    )


def _frame(job: Job, minutes: NDArray[np.int64], **columns: Any) -> pl.DataFrame:
    """Rows at the minutes; columns are values each, or one for all, and NULL where they are not given."""
    constants = {name: value for name, value in columns.items() if not isinstance(value, np.ndarray | list)}
    each = {name: value for name, value in columns.items() if name not in constants}
    frame = pl.DataFrame({"observed_at": minutes.astype(np.int64) * 60_000_000, **each})
    rest = {name: constants.get(name) for name in ROWS if name not in frame.columns} | {"host": job.host}
    return frame.with_columns(pl.lit(value).alias(name) for name, value in rest.items()).select(
        pl.col(name).cast(kind) for name, kind in ROWS.items()
    )


def _model_row(job: Job, history: Matrix, model: Model) -> dict[str, Any]:
    artifact = save_model(job.folder, job.host, model)
    read: Sequence[int] = np.flatnonzero(~np.isnan(history).all(axis=0)).tolist()
    return {
        "host": job.host,
        "trained_until": job.trained_until,
        "trained_from": (job.first // model.windows.step + read[0]) * model.windows.step,
        "history_minutes": model.steps * model.windows.step,
        "step_minutes": model.windows.step,
        "metrics": json.dumps(model.names),
        "strands": ",".join(sorted(model.scales)),
        "features": 0 if model.forest is None else int(model.forest.n_features_in_),
        "seed": model.seed,
        "versions": json.dumps(current_versions()),
        "file": artifact.file,
        "sha256": artifact.sha256,
    }
