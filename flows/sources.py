"""Reads what changed in the platform's database since the last time, loads it while it is read, and judges the running scans."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event

from prefect import flow

from flows.insight_step import compute_one
from flows.pacing import show_pace
from flows.report import Report
from flows.run import Run, begin, finish
from flows.settings import SourceSettings
from flows.warehouse_steps import load, note_loaded, publish
from storage.intake.sample_rows import SAMPLE
from storage.people.pseudonyms import Pseudonyms
from storage.people.stored_addresses import read_pseudonyms
from tasks.loading import load_as_landed
from tasks.overviews import reason_overview, scan_overview
from tasks.sources.address import Address
from tasks.sources.aliases import read_aliases
from tasks.sources.database.opening import Source
from tasks.sources.extraction import extract_datasets
from tasks.sources.files.extraction import extract_files
from tasks.sources.progress import name_source, read_progress


def find_source(run: Run) -> Source | None:
    """The database that the settings name; the sample, brought up to now, where that is asked for. None also where nobody knows
    what is to become of people's ids."""
    source = _named_source(run)
    pseudonyms = _pseudonyms(run) if source else None
    return replace(source, pseudonyms=pseudonyms) if source and pseudonyms else None


def _pseudonyms(run: Run) -> Pseudonyms | None:
    settings = run.settings
    found = run.step("people", read_pseudonyms, settings.folder, settings.limits, settings.people.addresses, run.started_at)
    run.results.pop("people", None)
    return found


def _named_source(run: Run) -> Source | None:
    settings = run.settings.source
    if settings.kind == "none":
        return None
    if settings.kind != SAMPLE:
        return source_of(settings)
    from tasks.sources.sample.database import SAMPLE_ZONE, prepare_sample

    prepared = run.step("sample", prepare_sample, run.home, until=run.started_at)
    return Source(SAMPLE, Address("sqlite", prepared.path), "racine", SAMPLE_ZONE) if prepared else None


def source_of(settings: SourceSettings) -> Source:
    return Source(
        settings.name or name_source(settings.mapping if settings.kind != "files" else "files", settings.address),
        settings.address,
        settings.mapping,
        settings.timezone,
        settings.statement_timeout_seconds,
        settings.fallback_overlap_seconds,
        settings.zero_instants,
        settings.lock_timeout_seconds,
        settings.datasets,
    )


def extract(run: Run, full: bool = False) -> None:
    if not run.has_room("extract"):
        return
    load(run)
    extract_aliases(run)
    source = find_source(run)
    if source is None:
        return
    with loading_meanwhile(run):
        if source.address.kind == "files":
            read_files(run, source)
        else:
            read_database(run, source, full)
    load(run, "load extracted")


def extract_aliases(run: Run) -> None:
    path = run.settings.people.aliases
    if path and (pseudonyms := _pseudonyms(run)):
        options = {"limits": run.settings.limits, "seen_at": run.started_at, "pseudonyms": pseudonyms}
        run.step("aliases", read_aliases, run.home, path=str(path), **options)


def read_database(run: Run, source: Source, full: bool) -> None:
    so_far = run.step("progress", read_progress, run.home, limits=run.settings.limits, source=source.name)
    if so_far is None:
        return
    if full:
        so_far = replace(so_far, datasets={})
    extraction = run.step(
        "extract",
        extract_datasets,
        run.home,
        source=source,
        so_far=so_far,
        overlap_seconds=run.settings.source.overlap_seconds,
        extracted_at=run.started_at,
        report=show_pace(),
    )
    if extraction is not None:
        run.failures |= {f"extract {dataset}": why for dataset, why in extraction.failures.items()}


def read_files(run: Run, source: Source) -> None:
    extraction = run.step("extract", extract_files, run.home, limits=run.settings.limits, source=source)
    if extraction is not None:
        run.failures |= {f"extract {path}": why for path, why in extraction.failures.items()}


def judge_scans(run: Run) -> None:
    from tasks.insights.active_scans import ACTIVE_SCANS
    from tasks.insights.scan_limits import SCAN_LIMITS
    from tasks.insights.scan_queues import SCAN_QUEUES

    with run.turn() as is_ours:
        if is_ours:
            compute_one(run, ACTIVE_SCANS)
            compute_one(run, SCAN_QUEUES)
            compute_one(run, SCAN_LIMITS)


@contextmanager
def loading_meanwhile(run: Run) -> Iterator[None]:
    """Load what the block lands while it goes on, so that a long extraction is not waited for twice."""
    done = Event()
    loading = load_as_landed.submit(run.home, limits=run.settings.limits, until=done, zero_days=run.settings.source.zero_instants)
    try:
        yield
    finally:
        done.set()
        loaded = run.step("load meanwhile", loading.result)
        if loaded is not None and loaded.files:
            note_loaded(run, "load meanwhile", loaded)
        else:
            run.results.pop("load meanwhile", None)


@flow(name="extract_sources", timeout_seconds=14_400)
def extract_sources(full: bool = False, as_of: datetime | None = None) -> Report:
    """Read scans, deployments, activity, users and owners from the platform, and judge unfinished scans.

    Scans are judged here and not by the hourly run, so that a dead scan is known within an hour of when it should have ended.

    Args:
        full: read everything again, not only what changed since the last run.
        as_of: the instant to judge the scans for; default: now. A source is always read as it is now.
    """
    run = begin("extract_sources", as_of)
    extract(run, full)
    if as_of is None:
        run.read_clock()
    judge_scans(run)
    return finish(run, publish=publish, overviews={"active-scans": scan_overview, "rejected-rows": reason_overview})
