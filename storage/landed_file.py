"""One landing file as the loader reads it: its rows, and what its footer says of them."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import polars as pl

from storage.catalogue import Table
from storage.contract import check_columns
from storage.errors import GovpulseError, first_line


@dataclass(frozen=True)
class LandedFile:
    """One landing file, read."""

    path: Path
    table: Table
    frame: pl.DataFrame
    source: str | None
    watermark: datetime | None

    @property
    def ledger_name(self) -> str:
        return ledger_name(self.path)

    def with_source(self) -> pl.DataFrame:
        """The rows with where they came from; what a file says of that itself does not count."""
        if "source" not in self.table.column_names:
            return self.frame
        return self.frame.with_columns(pl.lit(self.source, pl.String).alias("source"))


def ledger_name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


def read_landed(table: Table, path: Path) -> LandedFile:
    """Read one landing file.

    Raises:
        GovpulseError: it is not whole, or lacks a required column.
    """
    try:
        frame = pl.read_parquet(path)
        metadata = pl.read_parquet_metadata(path)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        raise GovpulseError(f"{path.name} is not a whole Parquet file: {first_line(error)}") from error
    check_columns(table, frame.columns, path.name)
    watermark = metadata.get("watermark")
    return LandedFile(path, table, frame, metadata.get("source"), datetime.fromisoformat(watermark) if watermark else None)
