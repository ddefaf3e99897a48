"""Rows of the warehouse as Parquet, and the proof that the file has them."""

import hashlib
import os
import shutil
from pathlib import Path

import duckdb

from storage.access import FILE
from storage.backups.manifest import CONTENT, HASH_DIGITS, Stored, is_there
from storage.backups.slices import Slice
from storage.catalogue import Table
from storage.changes import stored_tables
from storage.durable import sync_folder
from storage.errors import GovpulseError, first_line
from storage.quoting import quote_text

AS_TEXT = ("HUGEINT",)
"""Types that Parquet does not have, and DuckDB would make floats of."""
OPTIONS = "FORMAT parquet, COMPRESSION zstd, COMPRESSION_LEVEL 1"
"""Level 3 takes nearly twice as long for the same size."""
Sums = tuple[int, str]
"""Count of rows, and the sum of their hashes."""


def export(con: duckdb.DuckDBPyConnection, each: Slice, path: Path) -> Sums:
    """Write the rows of a slice to `path`; returns what they are, by which the file is proven later."""
    path.touch(FILE)
    table = stored_tables()[each.table]
    source = f"FROM {each.table} WHERE {each.where}"
    con.execute(f"COPY (SELECT {_columns(table)} {source}) TO {quote_text(str(path))} ({OPTIONS})")
    return _sums(con, table, source)


def _columns(table: Table) -> str:
    return ", ".join(
        f"CAST({column.name} AS VARCHAR) AS {column.name}" if column.type in AS_TEXT else column.name for column in table.columns
    )


def _sums(con: duckdb.DuckDBPyConnection, table: Table, source: str) -> Sums:
    """JSON is hashed as the text that it is."""
    hashed = ", ".join(
        f"CAST({column.name} AS VARCHAR)" if column.type in (*AS_TEXT, "JSON") else column.name for column in table.columns
    )
    rows, total = con.sql(f"SELECT count(*), sum(hash({hashed})) {source}").fetchall()[0]
    return int(rows), str(total or 0)


def settle(temporary: Path, folder: Path, name: str, suffix: str) -> Stored:
    """Give a file its name by its content, on the disk for good: `content/NAME-HASH.SUFFIX` under `folder`.

    What is hashed has come back from the disk.
    """
    drop_from_memory(temporary)
    content = sha256_of(temporary)
    target = folder / CONTENT / f"{name}-{content[:HASH_DIGITS]}{suffix}"
    target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    stored = Stored(str(target.relative_to(folder)), temporary.stat().st_size, content)
    os.replace(temporary, target)
    sync_folder(target.parent)
    return stored


def drop_from_memory(path: Path) -> None:
    """Have a file on the disk, and not in memory any more: what is read of it next is what was written."""
    with path.open("rb+") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def prove(con: duckdb.DuckDBPyConnection, each: Slice, path: Path, sums: Sums) -> None:
    """Read a file back, with a connection to nothing else.

    Raises:
        GovpulseError: its rows are not those that were written.
    """
    try:
        found = _sums(con, stored_tables()[each.table], f"FROM read_parquet({quote_text(str(path))})")
    except duckdb.Error as error:
        raise GovpulseError(f"the backup of {each.table} cannot be read back: {first_line(error)}") from error
    if found != sums:
        raise GovpulseError(
            f"the backup of {each.table} does not read back as written: {sums[0]:,} rows written, {found[0]:,} read back"
        )


def is_damaged(folder: Path, file: Stored) -> bool:
    """Whether a file of a backup is missing, or is not what was written."""
    return not is_there(folder, file) or sha256_of(folder / file.path) != file.sha256


def copy_to_disk(source: Path, target: Path) -> None:
    """A copy for its owner alone that is on the disk, and not in memory any more."""
    target.touch(FILE)
    shutil.copyfile(source, target)
    drop_from_memory(target)
