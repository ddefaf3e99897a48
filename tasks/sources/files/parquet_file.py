"""A Parquet file -> rows, in batches, with the types that a landing file can have."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.catalogue import Table
from storage.errors import GovpulseError, first_line
from tasks.sources.files.columns import known_columns
from tasks.sources.files.parquet_types import landable
from tasks.sources.files.unreadable import shown, with_unreadable

BATCH_ROWS = 16_384
BATCH_BYTES = 1 << 24


def read_parquet(path: Path, table: Table) -> Iterator[pa.Table]:
    """The rows of `path`, first an empty batch with its columns. What is lost of a damaged row group is one unreadable row.

    Raises:
        GovpulseError: it has no whole footer, so that nothing can be read, or lacks a required column.
        OSError: the disk failed.
    """
    with _open(path) as file:
        names = file.schema_arrow.names
        named = {name: names[place] for name, place in known_columns(table, names, str(path)).items()}
        yield landable(_selected(file.schema_arrow.empty_table(), named), 1, path.name)
        first = 1
        for group in range(file.num_row_groups):
            yield from _read_group(file, group, first, named, path.name)
            first += int(file.metadata.row_group(group).num_rows)


def _selected(rows: pa.Table, named: Mapping[str, str]) -> pa.Table:
    """The columns under the contract's names."""
    return rows.select([*named.values()]).rename_columns([*named])


def _read_group(file: pq.ParquetFile, group: int, first: int, named: Mapping[str, str], name: str) -> Iterator[pa.Table]:
    last = first + int(file.metadata.row_group(group).num_rows) - 1
    fault = "they are not where they should be"
    try:
        for batch in file.iter_batches(_batch_rows(file, group), row_groups=[group], columns=[*named.values()]):
            yield landable(_selected(pa.Table.from_batches([batch]), named), first, name)
            first += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        _raise_disk_failure(error)
        fault = first_line(error)
    if first <= last:
        nothing = landable(_selected(file.schema_arrow.empty_table(), named), 1, name)
        yield with_unreadable(nothing, [f"rows {first} to {last} of {shown(name)} are damaged: {fault}"])


def _open(path: Path) -> pq.ParquetFile:
    try:
        file = pq.ParquetFile(path, page_checksum_verification=True, coerce_int96_timestamp_unit="us")
        _check_footer(file)
    except (pa.ArrowException, OSError) as error:
        _raise_disk_failure(error)
        raise GovpulseError(f"cannot read {path}: it is truncated or damaged ({first_line(error)})") from error
    return file


def _check_footer(file: pq.ParquetFile) -> None:
    """A footer has no checksum; damage in it must not cost rows unseen."""
    groups = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
    if sum(groups) != file.metadata.num_rows:
        raise pa.ArrowInvalid(f"{sum(groups)} rows in its parts, {file.metadata.num_rows} in all")


def _raise_disk_failure(error: Exception) -> None:
    """Arrow reports damage as an OSError too, but without the number that an error of the disk has."""
    if isinstance(error, OSError) and error.errno:
        raise error


def _batch_rows(file: pq.ParquetFile, group: int) -> int:
    """Fewer rows at a time where they are long."""
    found = file.metadata.row_group(group)
    row_bytes = int(found.total_byte_size) // max(int(found.num_rows), 1) + 1
    return max(1, min(BATCH_ROWS, BATCH_BYTES // row_bytes))
