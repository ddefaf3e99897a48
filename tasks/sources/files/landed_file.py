"""One file in the contract's shape -> landing files."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from storage.catalogue import DATASETS
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.instants import ZERO_DAYS
from storage.intake.contract import UNREADABLE
from storage.people.pseudonyms import AS_THEY_ARE, Pseudonyms
from tasks.sources.files.compression import is_packed, kind_of, open_unpacked
from tasks.sources.files.csv_file import read_csv
from tasks.sources.files.folder_columns import said_by_folders, with_said, without_need
from tasks.sources.files.json_file import read_json
from tasks.sources.files.ndjson_file import read_ndjson
from tasks.sources.files.parquet_file import read_parquet
from tasks.sources.files.pieces import LandedRows, land_pieces, regroup
from tasks.sources.files.unreadable import count_unreadable, shown
from tasks.sources.instants import UTC_ZONE, in_utc, is_text

READERS = {
    ".parquet": read_parquet,
    ".csv": read_csv,
    ".tsv": read_csv,
    ".ndjson": read_ndjson,
    ".jsonl": read_ndjson,
    ".json": read_json,
}
AS_JSON = "; write one object per line or, in a .json file, an array of objects"
CSV = (".csv", ".tsv")
UTF16 = (b"\xff\xfe", b"\xfe\xff")


def land_file(
    home: Home,
    dataset: str,
    path: Path,
    *,
    source: str = "load",
    name: str | None = None,
    origin: str | None = None,
    listed_at: datetime | None = None,
    zone: ZoneInfo = UTC_ZONE,
    zero_days: Collection[date] = ZERO_DAYS,
    pseudonyms: Pseudonyms = AS_THEY_ARE,
) -> LandedRows:
    """Land a Parquet, CSV or NDJSON file as `dataset`. What of it cannot be read is landed as rows that the contract refuses.

    Args:
        name: what the landing files are called, so that landing the same file again gives the same ones; the last is
            `name-end`, and is landed even without rows. By default they get names of their own, and no rows give no file.
        origin: what the file is called to people, with the folders that say something of its rows; its path by default.
        listed_at: when it was looked at, where it is all there is: what it lacks is gone.
        zone: of the instants without one.
        zero_days: whose midnights are no instants.
        pseudonyms: what becomes of ids that are mail addresses.

    Raises:
        GovpulseError: it is missing, empty, of another kind, lacks a required column, or nothing in it can be read.
    """
    said = {"source": source, "origin": shown(origin or str(path))}
    said |= {"watermark": listed_at.isoformat()} if listed_at else {}
    with _told(path):
        pieces = _read(path, dataset, origin, zone, zero_days)
        return land_pieces(
            home, dataset, pieces if kind_of(path) in CSV else _refuse_unreadable(pieces, path), name, said, pseudonyms
        )


def peek(
    path: Path, dataset: str, rows: int, *, origin: str, zone: ZoneInfo = UTC_ZONE, zero_days: Collection[date] = ZERO_DAYS
) -> pa.Table:
    """The first rows of a file as they would be landed, at most so many.

    Raises:
        GovpulseError: as for `land_file`.
    """
    with _told(path):
        return next(_read(path, dataset, origin, zone, zero_days)).slice(0, rows)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """What goes wrong with a file, in one line."""
    try:
        yield
    except FileNotFoundError as error:
        raise GovpulseError(f"{path} does not exist") from error
    except (pa.ArrowException, duckdb.Error, OSError, UnicodeDecodeError) as error:
        why = (error.strerror if isinstance(error, OSError) else None) or first_line(error)
        raise GovpulseError(f"cannot read {path}: {why}") from error


def _read(path: Path, dataset: str, origin: str | None, zone: ZoneInfo, zero_days: Collection[date]) -> Iterator[pa.Table]:
    """Its rows in the contract's columns, in pieces."""
    _check_beginning(path)
    reader, table = READERS[kind_of(path)], DATASETS[dataset]
    folders = said_by_folders(Path(origin or path), table)
    for piece in regroup(reader(path, without_need(table, folders))):
        yield _in_utc(with_said(piece, folders, is_json=reader in (read_json, read_ndjson)), dataset, zone, zero_days)


def _in_utc(piece: pa.Table, dataset: str, zone: ZoneInfo, zero_days: Collection[date]) -> pa.Table:
    """To the contract a text without a zone is in UTC, so that it reads those by itself."""
    columns = [column.name for column in DATASETS[dataset].columns if column.type == "TIMESTAMPTZ"]
    kinds = {name: piece.schema.field(name).type for name in columns if name in piece.column_names}
    return in_utc(piece, {name: zone for name, kind in kinds.items() if zone != UTC_ZONE or not is_text(kind)}, zero_days)


def why_not_by_name(path: Path) -> str:
    """Why no file of that name is read; empty where it is."""
    if kind_of(path) not in READERS:
        return f"its name must end in one of {', '.join(READERS)}, optionally with .gz or .zst"
    if is_packed(path) and kind_of(path) == ".parquet":
        return "Parquet compresses itself; unpack the file"
    return ""


def _check_beginning(path: Path) -> None:
    if why := why_not_by_name(path):
        raise GovpulseError(f"cannot read {path}: {why}")
    with open_unpacked(path) as file:
        start = file.read(2)
    if not start:
        raise GovpulseError(f"{path} is empty")
    if start in UTF16 or start.count(0) == 1:  # without a mark
        raise GovpulseError(f"cannot read {path}: it is UTF-16; save it as UTF-8")


def _refuse_unreadable(pieces: Iterator[pa.Table], path: Path) -> Iterator[pa.Table]:
    """A file of whose first piece nothing can be read is another kind of file. (That of a CSV file has shown in its header.)"""
    first = next(pieces)
    if first.num_rows and count_unreadable(first) == first.num_rows:
        raise GovpulseError(f"cannot read {path}: {first[UNREADABLE][0]}{'' if kind_of(path) == '.parquet' else AS_JSON}")
    return chain([first], pieces)
