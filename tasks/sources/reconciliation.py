"""What extraction cannot see: rows that were deleted, or stamped with an instant that had already been passed.

Lists the keys and change instants of the source (which costs the source a fifth of hashing its keys into ranges) and compares them
with the warehouse. What is missing or stale is read again, and so is every row that was still open, because a status may change
without an instant; what the source no longer has is landed as deleted. Listings are read whole anyway, and left alone here.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from prefect import task
from prefect.cache_policies import NO_CACHE

from storage.catalogue import DATASETS, LISTINGS, TABLES
from storage.errors import GovpulseError, first_line
from storage.frames import registered
from storage.home import Home
from storage.intake.comparison import Comparison, compare
from storage.intake.landing import COMPRESSION
from storage.intake.listings import doubt, insist_on_gone
from storage.limits import Limits
from storage.lock import fair_lock
from storage.people.columns import user_columns
from storage.people.pseudonyms import AS_THEY_ARE, AT, Pseudonyms
from storage.transaction import transaction
from storage.warehouse import warehouse
from storage.write import append
from tasks.sources.database.opening import Source, open_session
from tasks.sources.database.session import Session, read_many_keys
from tasks.sources.landing_stream import LandingStream
from tasks.sources.progress import SourceProgress
from tasks.sources.pseudonyms import hashed_keys

MOST_SINGLE_KEYS = 50_000
"""Above it reading everything costs the source less than looking up keys."""


@dataclass(frozen=True)
class Drift:
    """What comparing one dataset found (counts of rows)."""

    dataset: str
    source_rows: int
    raw_rows: int
    missing: int
    stale: int
    outdated: int
    deleted: int
    repaired: int

    def __str__(self) -> str:
        found = [f"{count:,} {what}" for what in ("missing", "stale", "outdated", "deleted") if (count := getattr(self, what))]
        return f"{self.dataset} {', '.join(found)} of {self.source_rows:,}" if found else ""


@dataclass(frozen=True)
class Reconciliation:
    """What comparing a source with the warehouse found, and by dataset why it could not be compared."""

    drifts: tuple[Drift, ...]
    failures: dict[str, str]

    def __str__(self) -> str:
        agreeing = ", ".join(drift.dataset for drift in self.drifts if not str(drift))
        said = [*filter(None, map(str, self.drifts)), f"in agreement: {agreeing}" if agreeing else ""]
        return "; ".join(filter(None, said)) or "nothing to compare"


OwnKeys = dict[str, list[str]]
"""By pseudonym the source's own keys, where these are mail addresses: two may differ in capital letters alone."""


def list_source(session: Session, dataset: str, path: Path, pseudonyms: Pseudonyms = AS_THEY_ARE) -> OwnKeys:
    """Write the key, as the warehouse has it, and change instant of every row of the source to the Parquet file `path`.

    Raises:
        GovpulseError: the source cannot be read, or the file cannot be written.
    """
    writer: pq.ParquetWriter | None = None
    own: OwnKeys = {}
    is_hashed = pseudonyms.rule == "hash" and _is_of_people(dataset)
    try:
        for table in session.list_rows(dataset):
            columns = table.select(["key", "updated_at"])
            if is_hashed:
                keys, stands_for = hashed_keys(columns["key"], pseudonyms)
                columns = columns.set_column(0, "key", keys)
                for address, stands in stands_for.items():
                    own.setdefault(stands, []).append(address)
            writer = writer or pq.ParquetWriter(path, columns.schema, compression=COMPRESSION)
            writer.write_table(columns.cast(writer.schema))
    except (OSError, pa.ArrowException) as error:
        raise GovpulseError(f"cannot list {dataset} in {path}: {first_line(error)}") from error
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        pq.write_table(pa.table({"key": pa.array([], pa.string()), "updated_at": pa.array([], pa.string())}), path)
    return own


def _is_of_people(dataset: str) -> bool:
    """Whether the dataset's key is somebody's id."""
    return DATASETS[dataset].key[0] in {column.name for column in user_columns(DATASETS[dataset])}


@contextmanager
def listed(
    session: Session, dataset: str, home: Home, limits: Limits, pseudonyms: Pseudonyms = AS_THEY_ARE
) -> Iterator[tuple[Path, OwnKeys]]:
    """The listing of a dataset, inside the block. It holds the keys of everybody: who forgets somebody waits until it is gone."""
    listing = home.private / f"listing-{dataset}.parquet"
    with fair_lock(home.listing_lock, limits.lock_timeout_seconds):
        try:
            yield listing, list_source(session, dataset, listing, pseudonyms)
        finally:
            listing.unlink(missing_ok=True)


def refuse_mass_deletion(dataset: str, comparison: Comparison, most_deleted_ratio: float) -> None:
    """A source that lost half of its rows, were they few, is more likely the wrong database, a mapping that went wrong, or one of
    which we are no longer shown everything.

    Raises:
        GovpulseError: says how many and how to insist.
    """
    deleted, rows = comparison.deleted.num_rows, comparison.raw_rows
    if deleted and most_deleted_ratio < 1 and deleted >= most_deleted_ratio * rows:
        raise GovpulseError(doubt(dataset, deleted, rows))


def mark_deleted(comparison: Comparison, landing: LandingStream) -> None:
    """Land what the source no longer has as deleted: rows of ours, which are landed as we have them."""
    landing.put(iter([comparison.deleted] if comparison.deleted.num_rows else []), lambda: None)


def repair(session: Session, comparison: Comparison, landing: LandingStream, own: OwnKeys) -> int:
    """Land what is missing or stale as the source has it; returns the rows read again."""
    keys = _own_keys((*comparison.missing, *comparison.stale), own)
    if len(keys) > MOST_SINGLE_KEYS:
        landing.put(session.read_all(landing.dataset), lambda: None)
    else:
        landing.put(read_many_keys(session, landing.dataset, keys), lambda: None)
    return landing.rows


def _own_keys(keys: Iterable[str], own: OwnKeys) -> list[str]:
    """What the source calls the keys."""
    return [each for key in keys for each in own.get(key, [key])]


def _without_refused(comparison: Comparison, dataset: str, pseudonyms: Pseudonyms) -> Comparison:
    """Who is refused for their address is not missing."""
    if pseudonyms.rule != "refuse" or not _is_of_people(dataset):
        return comparison
    return replace(comparison, missing=tuple(key for key in comparison.missing if AT not in key))


@task(name="reconcile_datasets", cache_policy=NO_CACHE)
def reconcile_datasets(
    home: str, *, limits: Limits, source: Source, so_far: SourceProgress, most_deleted_ratio: float, listed_at: datetime
) -> Reconciliation:
    """Compare every dataset that has been read whole with its source, and land what mends it.

    Raises:
        GovpulseError: the source cannot be opened.
    """
    folder, drifts, failures, listed_at = Home(Path(home)), [], {}, so_far.seen_at(listed_at)
    mapping = source.load_mapping()
    with open_session(source) as session:
        for dataset in (dataset for dataset in session.datasets if dataset not in LISTINGS):
            mark = so_far.datasets[dataset].mark
            if mark is None or mark.read_until:
                continue
            try:
                session.check(dataset)
                with (
                    listed(session, dataset, folder, limits, source.pseudonyms) as (listing, own),
                    warehouse(folder, limits) as con,
                ):
                    since = mapping.kept_since(dataset, listed_at)
                    comparison = compare(con, dataset, source.name, listing, mark.watermark, listed_at, since)
                comparison = _without_refused(comparison, dataset, source.pseudonyms)
                refuse_mass_deletion(dataset, comparison, most_deleted_ratio)
                with LandingStream(folder, dataset, source.name, listed_at) as landing:
                    mark_deleted(comparison, landing)
                with LandingStream(folder, dataset, source.name, listed_at, source.pseudonyms) as landing:
                    repaired = repair(session, comparison, landing, own)
                    known = (comparison.renamed.get(key, key) for key in so_far.datasets[dataset].keys)
                    keys = _own_keys(known, own)
                    landing.put(read_many_keys(session, dataset, keys), lambda: None)
                drifts.append(_drift(dataset, comparison, repaired))
            except GovpulseError as error:
                failures[dataset] = str(error)
        failures |= _doubts(
            folder, limits, source.name, [name for name in session.datasets if name in LISTINGS], most_deleted_ratio
        )
    _record(folder, limits, source.name, drifts, listed_at)
    return Reconciliation(tuple(drifts), failures)


def _doubts(home: Home, limits: Limits, source: str, listings: Sequence[str], most_deleted_ratio: float) -> dict[str, str]:
    """Extraction has read the listings; what they lack is marked here where somebody insists."""
    with warehouse(home, limits) as con:
        found = {dataset: insist_on_gone(con, DATASETS[dataset], source, most_deleted_ratio) for dataset in listings}
    return {dataset: why for dataset, why in found.items() if why}


def _drift(dataset: str, comparison: Comparison, repaired: int) -> Drift:
    return Drift(
        dataset,
        comparison.source_rows,
        comparison.raw_rows,
        len(comparison.missing),
        len(comparison.stale),
        len(comparison.outdated),
        comparison.deleted.num_rows,
        repaired,
    )


def _record(home: Home, limits: Limits, source: str, drifts: list[Drift], listed_at: datetime) -> None:
    if not drifts:
        return
    rows = pl.DataFrame([vars(drift) for drift in drifts])
    rows = rows.with_columns(pl.lit(source).alias("source"), pl.lit(listed_at).alias("reconciled_at"))
    with warehouse(home, limits) as con, registered(con, "reconciled", rows), transaction(con):
        append(con, TABLES["ops.reconciliations"], "reconciled")
