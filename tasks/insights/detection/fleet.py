"""The hosts of a window: which model judges each, what that takes of the warehouse, and the judging, side by side."""

import json
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
from joblib import Parallel, delayed

from storage.home import Home
from storage.limits import Limits
from storage.sql_files import sql_beside
from storage.warehouse import warehouse
from tasks.insights.detection.artifacts import Artifact, current_versions
from tasks.insights.detection.judging import Job, Judged, judge
from tasks.insights.detection.planning import HISTORY, Plan, day_of, groups, name_of, plan_training, take_up
from tasks.insights.detection.reading import (
    instant_of,
    minute_of,
    read_hosts,
    read_models,
    read_scores,
    read_series,
    read_values,
)
from tasks.insights.detection.recalling import cells_of, recall, wanted
from tasks.insights.detection.thresholds import RECENT_DAYS
from tasks.insights.detection.windows import DAY, Matrix

SEED = 0
WORTH_A_PROCESS = 2_000_000
"""Metrics x minutes, from which on hosts are judged in processes of their own: they take a second to start."""
LOOK_SECONDS = 1.0
"""How often a process that judges looks whether whoever started it is still there."""
EARLIER = (RECENT_DAYS + 1) * DAY
"""Minutes before the window whose scores the thresholds are found from."""


@dataclass(frozen=True)
class ScoredWindow:
    """The window, as instants and as minutes since the epoch; the last minute may be cut short."""

    start: datetime
    as_of: datetime

    @property
    def first(self) -> int:
        return minute_of(self.start)

    @property
    def end(self) -> int:
        return minute_of(self.as_of - timedelta(microseconds=1)) + 1


def judge_fleet(home: Home, limits: Limits, span: ScoredWindow) -> list[Judged]:
    """What came of each host that was seen in the window."""
    folder = home.models
    with warehouse(home, limits) as con:
        plans = make_plans(con, span, folder)
    judged = judge_all(home, limits, plans, span, folder)
    lost = frozenset(host for host, each in judged.items() if each is None)
    if lost:
        with warehouse(home, limits) as con:
            plans = [plan for plan in make_plans(con, span, folder, lost) if plan.host in lost]
        judged |= judge_all(home, limits, plans, span, folder)
    kept = {host: each for host, each in judged.items() if each}
    kept |= look_again(home, limits, [_plan_again(plan, kept[plan.host], span) for plan in plans if plan.host in kept], kept, span)
    return list(kept.values())


def make_plans(con: duckdb.DuckDBPyConnection, span: ScoredWindow, folder: Path, lost: frozenset[str] = frozenset()) -> list[Plan]:
    """A plan for each host of the window. The models of the hosts in `lost` are of no use."""
    models = read_models(con, json.dumps(current_versions()), SEED)
    hosts, plans = read_hosts(con, span.start, span.as_of), []
    day = instant_of(day_of(span.first))
    for host in hosts:
        row = models.get(host)
        if row and host not in lost and row["trained_until"] == day and (folder / row["file"]).exists():
            artifact = Artifact(row["file"], row["sha256"])
            plans.append(take_up(host, json.loads(row["metrics"]), minute_of(day), artifact, span.first))
    return sorted([*plans, *_train_others(con, span, hosts, plans)], key=lambda plan: plan.host)


def _train_others(con: duckdb.DuckDBPyConnection, span: ScoredWindow, hosts: Sequence[str], plans: Sequence[Plan]) -> list[Plan]:
    others = sorted({*hosts} - {plan.host for plan in plans})
    if not others:
        return []
    series = read_series(con, others, instant_of(day_of(span.first) - HISTORY), span.as_of)
    by_host = series.partition_by("host", as_dict=True)
    return [plan_training(host, by_host.get((host,), series.clear()), span.first) for host in others]


def read_jobs(con: duckdb.DuckDBPyConnection, plans: Sequence[Plan], span: ScoredWindow, folder: Path) -> Iterator[Job]:
    """The plans with all that they need of the warehouse, read before the first one is asked for."""
    names = [plan.host for plan in plans]
    values = read_values(con, sql_beside(__file__, "../anomaly_scores"), plans, span.end, span.as_of)
    since = min(span.first - EARLIER, *(plan.first for plan in plans))
    scores = read_scores(con, names, instant_of(since), span.start).partition_by("host", as_dict=True)
    nothing = pl.DataFrame(schema={"minute": pl.Int64, "score": pl.Float64, "is_anomalous": pl.Boolean})
    return (_job(plan, values[plan.host], scores.get((plan.host,), nothing), span, folder) for plan in plans)


def _job(plan: Plan, values: Matrix, scores: pl.DataFrame, span: ScoredWindow, folder: Path) -> Job:
    late = scores.filter(pl.col("minute") >= span.first - EARLIER)
    before = np.full(EARLIER, np.nan)
    before[late["minute"].to_numpy() - (span.first - EARLIER)] = late["score"].fill_null(np.nan).to_numpy()
    flagged = scores.filter("is_anomalous", pl.col("minute").is_between(plan.first, plan.trained_until, closed="left"))
    return Job(
        host=plan.host,
        names=tuple(name_of(*each) for each in plan.series),
        values=values,
        first=plan.first,
        trained_until=plan.trained_until,
        start=span.first,
        before=before,
        flagged=flagged["minute"].to_numpy(),
        folder=folder,
        artifact=plan.artifact,
        seed=SEED,
        units=plan.units,
    )


def judge_all(home: Home, limits: Limits, plans: Sequence[Plan], span: ScoredWindow, folder: Path) -> dict[str, Judged | None]:
    """By host what came of it; the warehouse is held while reading only."""
    found: dict[str, Judged | None] = {}
    for group in groups(plans, span.end):
        with warehouse(home, limits) as con:
            jobs = read_jobs(con, group, span, folder)
        found |= zip((plan.host for plan in group), _side_by_side(jobs, group, span, limits), strict=True)
    return found


def look_again(
    home: Home, limits: Limits, plans: Sequence[Plan], judged: Mapping[str, Judged], span: ScoredWindow
) -> dict[str, Judged]:
    """By host what came of those that were anomalous, now that it is known what they did at the same times before."""
    found: dict[str, Judged] = {}
    recalled = {plan.host: wanted(plan, judged[plan.host].hours) for plan in plans if judged[plan.host].hours}
    again = [plan for plan in plans if plan.host in recalled]
    for group in groups(again, span.end, more=lambda plan: cells_of(recalled[plan.host])):
        with warehouse(home, limits) as con:
            known = recall(con, [each for plan in group for each in recalled[plan.host]], span.end)
            jobs = (replace(job, recalled=known[job.host]) for job in read_jobs(con, group, span, home.models))
        pairs = zip((plan.host for plan in group), _side_by_side(jobs, group, span, limits), strict=True)
        found |= {host: replace(each, model=judged[host].model) for host, each in pairs if each}
    return found


def _plan_again(plan: Plan, judged: Judged, span: ScoredWindow) -> Plan:
    """The same with the model that was trained for it."""
    row = judged.model
    if row is None:
        return plan
    return take_up(plan.host, json.loads(row["metrics"]), row["trained_until"], Artifact(row["file"], row["sha256"]), span.first)


def _side_by_side(jobs: Iterable[Job], plans: Sequence[Plan], span: ScoredWindow, limits: Limits) -> list[Judged | None]:
    """In as many processes as DuckDB may have threads."""
    is_worth_it = len(plans) > 1 and sum(plan.cells(span.end) for plan in plans) >= WORTH_A_PROCESS
    processes = Parallel(n_jobs=limits.threads if is_worth_it else 1, initializer=end_with, initargs=(os.getpid(),))
    judged: list[Judged | None] = processes(delayed(judge)(job) for job in jobs)
    return judged


def end_with(parent: int) -> None:
    """End this process soon after `parent`, which started it, is gone: killed with -9, it tells nobody."""
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(LOOK_SECONDS)
    os._exit(1)
