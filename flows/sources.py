"""Reads what changed in the platform's database since the last time, loads it while it is read, and judges the running scans."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import Event

from prefect import flow
from prefect.futures import PrefectFuture

from flows.insight_step import compute_one
from flows.pacing import show_pace
from flows.report import Report
from flows.run import Run, begin, finish
from flows.settings import SourceSettings
from flows.warehouse_steps import load, note_loaded, publish
from storage.errors import ConfigurationError
from storage.intake.sample_rows import SAMPLE
from storage.people.pseudonyms import Pseudonyms
from storage.people.stored_addresses import read_pseudonyms
from tasks.loading import load_as_landed
from tasks.overviews import reason_overview, scan_overview
from tasks.sources.address import Address
from tasks.sources.aliases import read_aliases
from tasks.sources.database.opening import Source
from tasks.sources.extraction import Extraction, extract_datasets
from tasks.sources.files.extraction import extract_files
from tasks.sources.progress import name_source, read_progress


def find_sources(run: Run) -> list[tuple[SourceSettings, Source]]:
    """What the settings name, with its settings; the sample, brought up to now, where that is asked for. None where nobody knows
    what is to become of people's ids."""
    named = [(settings, source) for settings in run.settings.all_sources if (source := _named_source(run, settings))]
    pseudonyms = _pseudonyms(run) if named else None
    return [(settings, replace(source, pseudonyms=pseudonyms)) for settings, source in named] if pseudonyms else []


def step_of(run: Run, what: str, source: Source) -> str:
    """What a step is called: with the source's name where there are several."""
    return f"{what} {source.name}" if run.settings.sources else what


def _pseudonyms(run: Run) -> Pseudonyms | None:
    settings = run.settings
    found = run.step("people", read_pseudonyms, settings.folder, settings.limits, settings.people.addresses, run.started_at)
    run.results.pop("people", None)
    return found


def _named_source(run: Run, settings: SourceSettings) -> Source | None:
    if settings.kind == "none":
        return None
    if settings.kind != SAMPLE:
        try:
            return source_of(settings)
        except ConfigurationError as error:
            run.failures[f"extract {settings.name}" if run.settings.sources else "extract"] = str(error)
            return None
    from tasks.sources.sample.database import SAMPLE_ZONE, prepare_sample

    prepared = run.step("sample", prepare_sample, run.home, until=run.started_at)
    return Source(SAMPLE, Address("sqlite", prepared.path), "racine", SAMPLE_ZONE) if prepared else None


def source_of(settings: SourceSettings) -> Source:
    """The source that the settings name.

    Raises:
        ConfigurationError: the variable that holds its URL is not set.
    """
    if settings.url_env and not settings.address.url:
        raise ConfigurationError(f"the environment variable {settings.url_env} is not set; it holds the source's url")
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
        time_limit_seconds=settings.time_limit_seconds,
    )


def extract(run: Run, full: bool = False) -> None:
    if not run.has_room("extract"):
        return
    load(run)
    extract_aliases(run)
    sources = find_sources(run)
    if not sources:
        return
    with loading_meanwhile(run):
        read_sources(run, sources, full)
    load(run, "load extracted")


def extract_aliases(run: Run) -> None:
    path = run.settings.people.aliases
    if path and (pseudonyms := _pseudonyms(run)):
        options = {"limits": run.settings.limits, "seen_at": run.started_at, "pseudonyms": pseudonyms}
        run.step("aliases", read_aliases, run.home, path=str(path), **options)


def read_sources(run: Run, sources: Sequence[tuple[SourceSettings, Source]], full: bool) -> None:
    """Side by side: one that is slow, or down, costs the others nothing."""
    names = [source.name for _, source in sources]
    begun = {source.name: _begin_reading(run, settings, source, names, full) for settings, source in sources}
    for _, source in sources:
        reading, step = begun[source.name], step_of(run, "extract", source)
        extraction = run.step(step, reading.result) if reading else None
        if extraction is not None:
            run.failures |= {f"{step} {what}": why for what, why in extraction.failures.items()}


def _begin_reading(
    run: Run, settings: SourceSettings, source: Source, names: Sequence[str], full: bool
) -> PrefectFuture[Extraction] | None:
    """The reading of one source, begun; None where how far it was read cannot be known."""
    limits = run.settings.limits
    if source.address.kind == "files":
        return extract_files.submit(run.home, limits=limits, source=source)
    so_far = run.step(step_of(run, "progress", source), read_progress, run.home, limits=limits, source=source.name, known=names)
    if so_far is None:
        return None
    return extract_datasets.submit(
        run.home,
        source=source,
        so_far=replace(so_far, datasets={}) if full else so_far,
        overlap_seconds=settings.overlap_seconds,
        extracted_at=run.started_at,
        report=show_pace(),
    )


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
    loading = load_as_landed.submit(run.home, limits=run.settings.limits, until=done, zero_days=run.settings.zero_instants)
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
