"""Files already in the contract's shape -> landing files. What a person loads by hand."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from storage.catalogue import DATASETS, Table
from storage.contract import check_columns
from storage.errors import GovpulseError, first_line
from storage.home import Home
from storage.landing import land

FILE_ROWS = 1_000_000
SOURCE = "load"


def land_file(home: Home, dataset: str, path: Path) -> int:
    """Land a Parquet, CSV or NDJSON file as `dataset`; returns its rows.

    Raises:
        GovpulseError: it is missing, of another kind, not whole, or lacks a required column.
    """
    rows = 0
    try:
        for frame in _read(path, DATASETS[dataset]):
            check_columns(DATASETS[dataset], frame.columns, str(path))
            if frame.height:
                land(home, dataset, frame, metadata={"source": SOURCE})
            rows += frame.height
    except FileNotFoundError as error:
        raise GovpulseError(f"{path} does not exist") from error
    except (pl.exceptions.PolarsError, pa.ArrowException, OSError) as error:
        raise GovpulseError(f"cannot read {path}: {first_line(error)}") from error
    return rows


def _read(path: Path, table: Table) -> Iterator[pl.DataFrame]:
    match path.suffix.lower():
        case ".parquet":
            return _read_parquet(path)
        case ".csv":
            return _slices(pl.read_csv(path, infer_schema=False))
        case ".ndjson" | ".jsonl":
            return _slices(_read_ndjson(path, table))
    raise GovpulseError(f"{path}: give a .parquet, .csv, .ndjson or .jsonl file")


def _slices(frame: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """First the columns without rows, so that they are checked where there are no rows."""
    yield frame.clear()
    yield from frame.iter_slices(FILE_ROWS)


def _read_ndjson(path: Path, table: Table) -> pl.DataFrame:
    """Objects of JSON columns come as text: as structs they would gain the keys that other rows have."""
    found = pl.scan_ndjson(path, infer_schema_length=None).collect_schema()
    objects = {column.name: pl.String for column in table.columns if column.type == "JSON" and column.name in found}
    return pl.read_ndjson(path, infer_schema_length=None, schema_overrides=objects)


def _read_parquet(path: Path) -> Iterator[pl.DataFrame]:
    with pq.ParquetFile(path) as file:
        yield pl.DataFrame(pl.from_arrow(file.schema_arrow.empty_table()))
        for batch in file.iter_batches(batch_size=FILE_ROWS):
            yield pl.DataFrame(pl.from_arrow(batch))
