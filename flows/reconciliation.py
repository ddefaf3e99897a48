"""Compares the warehouse with the platform's database: what extraction cannot see, deleted and backdated rows, is found here."""

from datetime import datetime
from typing import Annotated

from prefect import flow
from pydantic import Field

from flows.report import Report
from flows.run import Run, begin, finish
from flows.sources import extract, find_source
from flows.warehouse_steps import load, publish
from storage.catalogue import LISTINGS
from tasks.overviews import reconciliation_overview
from tasks.sources.database.opening import DATABASES
from tasks.sources.progress import ALL_OPEN, read_progress
from tasks.sources.reconciliation import reconcile_datasets


def reconcile(run: Run, most_deleted_ratio: float) -> None:
    if not run.has_room("reconcile"):
        return
    source = find_source(run)
    if source is None or source.address.kind not in DATABASES:
        return
    so_far = run.step("progress", read_progress, run.home, limits=run.settings.limits, source=source.name, most_open=ALL_OPEN)
    if so_far is None:
        return
    run.read_clock()
    found = run.step(
        "reconcile",
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
                run.failures.pop(f"extract {dataset}", None)
        run.failures |= {f"reconcile {dataset}": why for dataset, why in found.failures.items()}
    load(run, "load repaired")


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
