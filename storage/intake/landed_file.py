"""One landing file as the loader sees it: what its footer says of its rows. The rows themselves DuckDB reads."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from storage.catalogue import Table
from storage.errors import GovpulseError, first_line
from storage.intake.contract import check_columns
from storage.intake.landing_names import checksum, checksum_in, plain_name
from storage.quoting import quote_text


@dataclass(frozen=True)
class LandedFile:
    """One landing file's footer.

    Attributes:
        watermark: how far its source has been read once the file is loaded.
        read_until: set while a first extraction goes on: how far that has come.
        origin: the file of somebody's from which the rows came, where it was one.
    """

    path: Path
    columns: tuple[tuple[str, str], ...]
    rows: int
    source: str | None
    watermark: datetime | None
    read_until: datetime | None
    origin: str | None = None

    @property
    def ledger_name(self) -> str:
        return ledger_name(self.path)

    def goes_with(self, other: "LandedFile") -> bool:
        """Whether both may be read as one relation and written in one transaction."""
        return (self.columns, self.source) == (other.columns, other.source)


def ledger_name(path: Path) -> str:
    return f"{path.parent.name}/{plain_name(path.name)}"


def read_footer(table: Table, path: Path) -> LandedFile:
    """Read what a landing file says of itself.

    Raises:
        GovpulseError: it is not whole, or lacks a required column.
    """
    check_content(path)
    try:
        with pq.ParquetFile(path) as file:
            schema, footer = file.schema_arrow, file.metadata
    except (pa.ArrowException, OSError) as error:
        raise GovpulseError(f"{plain_name(path.name)} is not a whole Parquet file: {first_line(error)}") from error
    check_columns(table, schema.names, plain_name(path.name))
    said = {key.decode(): value.decode() for key, value in (footer.metadata or {}).items() if key != b"ARROW:schema"}
    columns = tuple((field.name, str(field.type)) for field in schema)
    marks = (_instant(said.get("watermark")), _instant(said.get("read_until")))
    return LandedFile(path, columns, footer.num_rows, said.get("source"), *marks, said.get("origin"))


def check_content(path: Path) -> None:
    """Compare a file with the checksum that is in its name.

    Raises:
        GovpulseError: it is not what was written.
    """
    known = checksum_in(path.name)
    if known is not None and checksum(path) != known:
        raise GovpulseError(f"{plain_name(path.name)} is damaged: it is not what was written")


def check_pages(path: Path) -> None:
    """Read the whole file, to tell whether it or something else is to blame for a failure.

    Raises:
        GovpulseError: it is damaged.
    """
    try:
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches():
                pass
    except (pa.ArrowException, OSError) as error:
        raise GovpulseError(f"{plain_name(path.name)} is damaged: {first_line(error)}") from error


def as_relation(files: Sequence[LandedFile]) -> str:
    """SQL: the rows of `files`, which all have the same columns. `filename` tells which is whose."""
    return f"read_parquet([{', '.join(quote_text(str(file.path)) for file in files)}], hive_partitioning = false)"


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
