"""`govpulse load`: files in the contract's shape into a raw table, or what was refused once more."""

import getpass
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import polars as pl
import typer

from flows.printing import say, working
from flows.settings import Settings, load_settings
from storage.audit import record_action
from storage.catalogue import DATASETS
from storage.errors import ConfigurationError, GovpulseError
from storage.intake.load_result import LoadResult
from storage.intake.loading import load_dataset
from storage.intake.rejected_rows import forget_replayed, rejected_rows
from storage.people.pseudonyms import Pseudonyms
from storage.people.stored_addresses import read_pseudonyms, settle_addresses
from storage.transaction import transaction
from storage.warehouse import warehouse
from tasks.wording import counted

if TYPE_CHECKING:
    from tasks.sources.database.opening import Source

WHY = 'why: govpulse query --private "SELECT dataset, reason, count(*) FROM ops.rejected_rows GROUP BY ALL"'


def load(
    dataset: Annotated[str | None, typer.Argument(help=f"One of {', '.join(DATASETS)}.")] = None,
    files: Annotated[list[Path] | None, typer.Argument(help="Parquet, CSV or NDJSON files.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="Instead of files: retry rejected rows, after a fix.")] = False,
) -> None:
    """Load files into raw.DATASET; rows are checked, repeating is safe. With --rejected: retry rejected rows after a fix."""
    if dataset is not None and dataset not in DATASETS:
        raise ConfigurationError(f"unknown dataset {dataset}; there are {', '.join(DATASETS)}")
    if rejected == bool(files) or (dataset is None and not rejected):
        raise ConfigurationError("give a dataset and its files, or --rejected with or without a dataset")
    settings = load_settings()
    settings.folder.create()
    if rejected:
        replay_rejected(settings, [dataset] if dataset else list(DATASETS))
    else:
        load_files(settings, str(dataset), files or [])


def load_files(settings: Settings, dataset: str, files: list[Path]) -> None:
    with working(f"loading {counted(len(files), 'file')}"):
        problems = land_files(settings, dataset, files)
        result = load_landed(settings, dataset, f"{dataset}: {', '.join(map(str, files))}")
    if result.files or not problems:
        say(f"raw.{dataset}: {result}")
    if result.rejected:
        say(WHY)
    if problems or result.quarantined:
        raise GovpulseError("; ".join((*problems, *result.quarantined)))


def land_files(settings: Settings, dataset: str, files: list[Path]) -> list[str]:
    """Land what can be read, as if it lay in the folder of `files`; returns what is wrong with the rest."""
    from tasks.sources.files import land_file
    from tasks.sources.mapping import zone_named

    zones = [source.timezone for source in settings.all_sources if source.kind == "files"]
    zone = zone_named("[source] timezone", zones[0] if len(zones) == 1 else "UTC")
    zero_days, problems, pseudonyms = settings.zero_instants, [], find_pseudonyms(settings)
    for path in files:
        try:
            land_file(settings.folder, dataset, path, zone=zone, zero_days=zero_days, pseudonyms=pseudonyms)
        except GovpulseError as error:
            problems.append(str(error))
    return problems


def replay_rejected(settings: Settings, datasets: list[str]) -> None:
    """Each dataset's refused rows, from the source where it is the one in the settings, else as they were kept."""
    before, kept = datetime.now(UTC), 0
    for dataset in datasets:
        with warehouse(settings.folder, settings.limits) as con:
            rows = rejected_rows(con, dataset)
        if rows.is_empty():
            continue
        replayed = land_again(settings, dataset, rows, before)
        load_landed(settings, dataset, f"{dataset}: {counted(len(replayed), 'rejected row')}")
        with warehouse(settings.folder, settings.limits) as con:
            forget_replayed(con, replayed, before)
            still = rejected_rows(con, dataset).height
        say(f"raw.{dataset}: {rows.height:,} rejected before, {still:,} now")
        kept += still
    say(WHY if kept else "no rejected rows are left")


def land_again(settings: Settings, dataset: str, rows: pl.DataFrame, now: datetime) -> list[str]:
    """Land refused rows anew; returns the ids of those that were."""
    from tasks.sources.replay import replay_kept, replay_source

    pseudonyms, replayed = find_pseudonyms(settings), list[str]()
    for source in configured_sources(settings):
        of_it = rows.filter((pl.col("source") == source.name).fill_null(value=False))
        if not of_it.is_empty():
            replayed += replay_source(settings.folder, replace(source, pseudonyms=pseudonyms), dataset, of_it, now)
    left = rows.filter(~pl.col("rejected_id").is_in(replayed))
    return replayed + replay_kept(settings.folder, dataset, left, pseudonyms)


def find_pseudonyms(settings: Settings) -> Pseudonyms:
    return read_pseudonyms(settings.folder, settings.limits, settings.people.addresses, datetime.now(UTC))


def configured_sources(settings: Settings) -> "list[Source]":
    """The databases that the settings name."""
    from flows.sources import source_of
    from tasks.sources.database.opening import DATABASES

    return [source_of(source) for source in settings.all_sources if source.kind in DATABASES]


def load_landed(settings: Settings, dataset: str, detail: str) -> LoadResult:
    with warehouse(settings.folder, settings.limits) as con:
        result = load_dataset(con, settings.folder, dataset, settings.zero_instants)
        with transaction(con):
            record_action(con, "load", detail, getpass.getuser(), datetime.now(UTC))
    settle_addresses(settings.folder, settings.limits, settings.people.addresses, datetime.now(UTC))
    return result
