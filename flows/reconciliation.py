"""Compares the warehouse with the platform's database: what extraction cannot see, deleted and backdated rows, is found here."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.report import Report
from flows.run import Run, begin, finish
from flows.sources import extract, find_sources, step_of
from flows.warehouse_steps import load, publish
from storage.catalogue import LISTINGS
from tasks.overviews import reconciliation_overview
from tasks.sources.database.opening import DATABASES, Source
from tasks.sources.progress import ALL_OPEN, read_progress
from tasks.sources.reconciliation import reconcile_datasets


def reconcile(run: Run, most_deleted_ratio: float) -> None:
    if not run.has_room("reconcile"):
        return
    sources = [source for _, source in find_sources(run)]
    for source in sources:
        if source.address.kind in DATABASES:
            _reconcile_one(run, source, [each.name for each in sources], most_deleted_ratio)
    load(run, "load repaired")


def _reconcile_one(run: Run, source: Source, names: Sequence[str], most_deleted_ratio: float) -> None:
    options = {"limits": run.settings.limits, "source": source.name, "known": names, "most_open": ALL_OPEN}
    so_far = run.step(step_of(run, "progress", source), read_progress, run.home, **options)
    if so_far is None:
        return
    run.read_clock()
    step = step_of(run, "reconcile", source)
    found = run.step(
        step,
        reconcile_datasets,
        run.home,
        limits=run.settings.limits,
        source=source,
        so_far=so_far,
        most_deleted_ratio=most_deleted_ratio,
        listed_at=run.as_of,
    )
    if found is not None:
        for dataset in LISTINGS:  # extraction said so already, or somebody has insisted since
            if dataset not in found.failures:
                run.failures.pop(f"{step_of(run, 'extract', source)} {dataset}", None)
        run.failures |= {f"{step} {dataset}": why for dataset, why in found.failures.items()}


@flow(name="reconcile_sources", timeout_seconds=14_400)
def reconcile_sources(most_deleted_ratio: Annotated[float, Field(ge=0, le=1)] = 0.5, as_of: datetime | None = None) -> Report:
    """Extract new rows, then compare keys with the platform's database, and repair differences.

    Args:
        most_deleted_ratio: if the source lost this share of its rows, the run fails and marks none as deleted; 1: no limit.
        as_of: instant for the run's record; a source is always read as it is now.
    """
    run = begin("reconcile_sources", as_of)
    extract(run)
    reconcile(run, most_deleted_ratio)
    return finish(run, publish=publish, overviews={"reconciliation": reconciliation_overview})
