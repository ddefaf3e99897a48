"""Reads what changed in the platform's database since the last time, and loads it."""

from datetime import datetime

from prefect import flow

from flows.report import Report
from flows.run import Run, begin, finish, load
from storage.catalogue import GOVERNANCE
from storage.sample_rows import SAMPLE
from tasks.sources.extraction import extract_dataset
from tasks.sources.progress import Progress, Standing, name_source, read_progress
from tasks.sources.sample.database import SAMPLE_ZONE, prepare_sample


def extract(run: Run, full: bool = False) -> None:
    settings = run.settings.source
    load(run)
    if settings.kind == "none":
        return
    source, kind, url, zone = name_source(settings.mapping, settings.url), settings.kind, settings.url, settings.timezone
    if settings.kind == SAMPLE:
        prepared = run.step("sample", prepare_sample, run.home, until=run.started_at)
        if prepared is None:
            return
        source, kind, url, zone = SAMPLE, "sqlite", prepared.path, SAMPLE_ZONE
    standing = Standing({}) if full else run.step("progress", read_progress, run.home, limits=run.settings.limits, source=source)
    if standing is None:
        return
    for dataset in GOVERNANCE:
        run.step(
            f"extract {dataset}",
            extract_dataset,
            run.home,
            kind=kind,
            url=url,
            mapping=settings.mapping,
            server_zone=zone,
            source=source,
            dataset=dataset,
            progress=standing.datasets.get(dataset, Progress()),
            overlap_seconds=settings.overlap_seconds,
            extracted_at=run.started_at,
        )
    load(run, "load extracted")


@flow(name="extract_sources", timeout_seconds=3600)
def extract_sources(full: bool = False, as_of: datetime | None = None) -> Report:
    """Read scans, deployments, activity and users from the platform's database.

    Args:
        full: read everything again, not only what changed since the last time.
        as_of: written on the run's record; a source is always read as it is now.
    """
    run = begin("extract_sources", as_of)
    extract(run, full)
    return finish(run)
